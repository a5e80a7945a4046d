"""A request to a model that failed raises the same exception when it happens and on every replay."""

from __future__ import annotations

import json
from typing import Any

import agents
import httpx2
import openai
import pytest

from netra_backend.app.agents.frameworks.openai_agents.failures import decoded, encoded

REQUEST = httpx2.Request("POST", "http://127.0.0.1:9/v1/responses")


def status(kind: Any, code: int) -> Exception:
    response = httpx2.Response(code, headers={"retry-after": "3", "set-cookie": "secret"}, request=REQUEST)
    fault: Exception = kind("Incorrect API key sk-abc", response=response, body={"code": "bad"})
    return fault


@pytest.mark.parametrize(
    "fault",
    [
        status(openai.AuthenticationError, 401),
        status(openai.RateLimitError, 429),
        status(openai.InternalServerError, 503),
        openai.APITimeoutError(REQUEST),
        openai.APIConnectionError(request=REQUEST),
        agents.ModelBehaviorError("no end"),
        agents.UserError("wrong"),
    ],
    ids=lambda fault: type(fault).__name__,
)
def test_a_failure_comes_back_as_what_it_was(fault: Exception) -> None:
    recorded = encoded(fault)
    assert recorded is not None
    again = decoded(json.loads(recorded[0]))
    assert type(again) is type(fault)
    assert str(again) == str(fault)
    assert "sk-abc" not in recorded[1]
    if isinstance(fault, openai.APIStatusError) and isinstance(again, openai.APIStatusError):
        assert (again.status_code, again.code, dict(again.response.headers)) == (
            fault.status_code,
            "bad",
            {"retry-after": "3"},
        )


def test_what_is_not_told_from_others_is_not_encoded() -> None:
    assert encoded(ValueError("x")) is None


def test_a_response_is_no_failure() -> None:
    assert decoded({"output": []}) is None
