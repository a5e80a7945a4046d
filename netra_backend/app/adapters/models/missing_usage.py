"""Answers of servers that speak Anthropic's protocol and leave its ``usage`` out: to its library they are as if it were empty."""

from __future__ import annotations

from typing import Any


def allow_missing_usage(model: Any) -> None:
    """If the model is one of Anthropic's library, have it read answers without ``usage``. Others need nothing."""
    client: Any = getattr(model, "client", None)
    if not type(client).__module__.startswith("anthropic"):
        return
    process = client._process_response_data

    def with_usage(*, data: Any, **more: Any) -> Any:
        return process(data=_completed(data), **more)

    client._process_response_data = with_usage


def _completed(data: Any) -> Any:
    """The event of a stream with the ``usage`` that it lacks."""
    if isinstance(data, dict) and data.get("type") == "message_delta" and not data.get("usage"):
        return {**data, "usage": {}}
    message = data.get("message") if isinstance(data, dict) and data.get("type") == "message_start" else None
    if isinstance(message, dict) and not message.get("usage"):
        return {**data, "message": {**message, "usage": {}}}
    return data
