"""Exceptions of models as JSON, and again as exceptions: an agent that catches one goes the same way on a replay.

An exception is encoded by what it gives to ``pickle``. Only classes of pydantic-ai's own are made again, looked up among those
that are loaded: what was recorded never decides what is imported.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from pydantic import TypeAdapter
from pydantic_ai import exceptions
from pydantic_ai.exceptions import FallbackExceptionGroup, ModelHTTPError
from pydantic_ai.messages import ModelResponse
from pydantic_core import to_jsonable_python

_STREAMED: Final = "_pydantic_ai_streamed_before_failing"
"""Where pydantic-ai keeps what a stream gave before it failed."""
_RESPONSE: Final = TypeAdapter(ModelResponse)
_ROOTS: Final = (
    exceptions.AgentRunError,
    exceptions.UserError,
    exceptions.ModelRetry,
    exceptions.SkipModelRequest,
    exceptions.RetryModelRequest,
    FallbackExceptionGroup,
)


def encoded_failure(fault: BaseException) -> dict[str, Any] | None:
    """The exception as JSON; ``None`` if it cannot be made again."""
    try:
        encoded = _encoded(fault)
        return None if encoded is None or _made(encoded) is None else encoded
    except Exception:
        return None


def failure(encoded: dict[str, Any]) -> Exception:
    """The exception that was encoded."""
    made = _made(encoded)
    return made if made is not None else exceptions.UnexpectedModelBehavior(str(encoded.get("text", "")))


def streamed(fault: BaseException) -> ModelResponse | None:
    """What the model had said before this."""
    response = getattr(fault, _STREAMED, None)
    return response if isinstance(response, ModelResponse) else None


def _encoded(fault: BaseException) -> dict[str, Any] | None:
    kind = type(fault)
    if _index(kind) is None:
        return None
    encoded: dict[str, Any] = {"class": kind.__qualname__, "text": str(fault)}
    if isinstance(fault, FallbackExceptionGroup):
        parts = [_encoded(each) for each in fault.exceptions]
        if None in parts:
            return None
        encoded |= {"message": fault.message, "parts": parts}
    else:
        is_http = isinstance(fault, ModelHTTPError)  # one that has the name of its category gives that to pickle
        reduced: Any = ModelHTTPError.__reduce__(fault) if isinstance(fault, ModelHTTPError) else fault.__reduce__()
        state = reduced[2] if len(reduced) > 2 else None
        if isinstance(state, dict):
            state = {name: value for name, value in state.items() if not name.startswith("_pydantic_ai_")}
        encoded |= {
            "arguments": to_jsonable_python(list(reduced[1]), fallback=str),
            "state": to_jsonable_python(state, fallback=str),
            "http": is_http,
        }
    if (said := streamed(fault)) is not None:
        encoded["streamed"] = _RESPONSE.dump_python(said, mode="json")
    return encoded


def _made(encoded: dict[str, Any]) -> Exception | None:
    kind = _class(encoded["class"], encoded.get("http", False))
    if kind is None:
        return None
    made: Exception
    if issubclass(kind, FallbackExceptionGroup):
        parts = [_made(each) for each in encoded["parts"]]
        made = kind(encoded["message"], [each for each in parts if each is not None])
    else:
        made = kind(*encoded["arguments"])
        if encoded["state"] is not None:
            made.__setstate__(encoded["state"])
    if "streamed" in encoded:
        setattr(made, _STREAMED, _RESPONSE.validate_python(encoded["streamed"]))
    return made


def _class(name: str, is_http: bool) -> type[Exception] | None:
    """The class of that name: a category of errors has two of it, one of them for errors with an HTTP status."""
    for kind in _known():
        if kind.__qualname__ == name and issubclass(kind, ModelHTTPError) is is_http:
            return kind
    return None


def _index(kind: type[BaseException]) -> type[Exception] | None:
    return next((each for each in _known() if each is kind), None)


def _known() -> Iterator[type[Exception]]:
    found: list[type[Any]] = list(_ROOTS)
    while found:
        kind = found.pop()
        if kind.__module__.partition(".")[0] == "pydantic_ai":
            yield kind
        found.extend(kind.__subclasses__())
