"""Exceptions of models are the same after they were recorded, and none is made of what is not pydantic-ai's."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic_ai.exceptions import (
    ContentFilterError,
    FallbackExceptionGroup,
    ModelConnectionError,
    ModelHTTPError,
    ModelRateLimitError,
    ModelRequestTimeout,
    UnexpectedModelBehavior,
    UserError,
)
from pydantic_ai.messages import ModelResponse, TextPart

from netra_backend.app.agents.frameworks.pydantic_ai.failures import encoded_failure, failure, streamed


class OfTheAuthor(ModelHTTPError):
    """A class that an application defines."""


FAULTS = [
    ModelHTTPError(503, "m", {"error": "busy"}),
    ModelHTTPError.for_category(ModelRateLimitError, status_code=429, model_name="m", body={"error": "slow down"}),
    ModelConnectionError("m", "no route"),
    ModelRequestTimeout("m", 3.0),
    UnexpectedModelBehavior("odd", "body"),
    ContentFilterError("filtered"),
    UserError("wrong"),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
def test_an_exception_is_the_same_after_it_was_recorded(fault: Any) -> None:
    encoded = encoded_failure(fault)
    assert encoded is not None
    made = failure(json.loads(json.dumps(encoded)))
    assert type(made) is type(fault)
    assert str(made) == str(fault)
    for name in ("status_code", "model_name", "body", "retry_after", "timeout"):
        assert getattr(made, name, None) == getattr(fault, name, None)


def test_a_group_of_a_fallback_holds_the_same_exceptions() -> None:
    group = FallbackExceptionGroup("all failed", FAULTS[:3])
    made: Any = failure(json.loads(json.dumps(encoded_failure(group))))
    assert type(made) is FallbackExceptionGroup
    assert [(type(each), str(each)) for each in made.exceptions] == [(type(each), str(each)) for each in FAULTS[:3]]


@pytest.mark.parametrize("fault", [OfTheAuthor(500, "m"), KeyError("k"), FallbackExceptionGroup("g", [KeyError("k")])])
def test_what_pydantic_ai_does_not_know_is_not_encoded(fault: BaseException) -> None:
    assert encoded_failure(fault) is None


def test_what_the_model_had_said_before_it_failed_is_kept() -> None:
    fault = ModelConnectionError("m", "broke off")
    fault._pydantic_ai_streamed_before_failing = ModelResponse(parts=[TextPart("It")])  # type: ignore[attr-defined]
    said = streamed(failure(json.loads(json.dumps(encoded_failure(fault)))))
    assert said is not None
    assert said.text == "It"


def test_a_class_that_is_gone_becomes_one_that_says_the_same() -> None:
    made = failure({"class": "Gone", "text": "what it said", "arguments": [], "state": None})
    assert type(made) is UnexpectedModelBehavior
    assert str(made) == "what it said"
