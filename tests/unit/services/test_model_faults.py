"""Users read the same words about a failed model request, with every agent and every library."""

from __future__ import annotations

import httpx
import httpx2
import openai
import pytest
from pydantic_ai.exceptions import FallbackExceptionGroup, ModelConnectionError, ModelHTTPError, ModelTimeoutError

from netra_backend.app.services.model_faults import told, unavailable
from netra_backend.distribution import install_hint

REQUEST = httpx2.Request("POST", "http://127.0.0.1/v1")
DOWN = "The language model's provider cannot be reached."
SLOW = "The language model did not answer in time."
REFUSED = "The language model's provider refused the request (status 401)."
UNAUTHORIZED = openai.AuthenticationError("key sk-1", response=httpx2.Response(401, request=REQUEST), body=None)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (openai.APIConnectionError(request=REQUEST), DOWN),
        (ModelConnectionError("m", "no route"), DOWN),
        (httpx.ConnectError("refused"), DOWN),
        (ConnectionRefusedError(), DOWN),
        (openai.APITimeoutError(REQUEST), SLOW),
        (ModelTimeoutError("m", "slow"), SLOW),
        (httpx.ConnectTimeout("slow"), SLOW),
        (TimeoutError(), SLOW),
        (UNAUTHORIZED, REFUSED),
        (ModelHTTPError(401, "m"), REFUSED),
        (FallbackExceptionGroup("all", [ModelHTTPError(401, "m"), ModelHTTPError(500, "n")]), REFUSED),
        (ModuleNotFoundError("No module named 'openai'"), "The package for this model is not installed."),
        (ValueError("sk-1"), "The language model request failed (ValueError)."),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_it_is_said_what_failed(fault: Exception, words: str) -> None:
    assert told(fault) == words
    assert unavailable(fault).message == words


def test_a_refused_key_is_the_operators_to_set() -> None:
    assert "the operator sets it" in unavailable(UNAUTHORIZED).hint
    assert "the operator sets it" not in unavailable(TimeoutError()).hint


def test_a_missing_package_is_told_with_what_installs_it() -> None:
    assert unavailable(ImportError()).hint == install_hint("models")
