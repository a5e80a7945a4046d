"""Chat completions as OpenAI's clients read them (API reference, "Chat"): an agent is a model, a run a completion.

Netra's own tool calls are never shown as ``tool_calls``, which a client would execute: they go in ``reasoning_content``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from ..events import AnyEvent
from .answers import PARAGRAPH, Answer, Began, Finished, Said, Thought

_REASONS: Final = {"length": "length", "content_filter": "content_filter"}
"""Finish reasons that this protocol has, beside ``stop``; an answer that the server cut short has ``length``."""

_TEXTS: Final = ("text", "input_text")
"""Parts of a message that are words."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The completion broke off; ``error`` is what the client gets."""

    error: dict[str, Any]


Chunk = dict[str, Any]


@dataclass(slots=True)
class ChatFold:
    """Folds the events of one run into chunks; ``has_usage`` asks for a last one with the usage."""

    answer: Answer
    has_usage: bool = False
    _head: Chunk = field(default_factory=dict)

    def take(self, event: AnyEvent) -> list[Chunk | Failed]:
        """The chunks that this event brings; after ``Failed`` there are none."""
        made: list[Chunk | Failed] = []
        for piece in self.answer.take(event):
            match piece:
                case Began():
                    self._head = {
                        "id": f"chatcmpl-{self.answer.run_id}",
                        "object": "chat.completion.chunk",
                        "created": piece.ts // 1000,
                        "model": piece.agent,
                    }
                    made.append(self._chunk({"role": "assistant", "content": ""}))
                case Thought():
                    made.append(self._chunk({"reasoning_content": piece.text}))
                case Said():
                    made.append(self._chunk({"content": piece.text}))
                case Finished():
                    made.append(self._chunk({}, _REASONS.get(piece.reason, "stop")))
                    if self.has_usage:
                        made.append({**self._head, "choices": [], "usage": usage_of(piece.usage)})
                case _:
                    made.append(Failed(error_of(piece.message, "server_error", piece.error)))
        return made

    def _chunk(self, delta: dict[str, Any], reason: str | None = None) -> Chunk:
        return {**self._head, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}


def completion_of(chunks: Iterable[Chunk]) -> dict[str, Any]:
    """All chunks of a completion, with its usage, in one answer."""
    said: dict[str, str] = {"content": "", "reasoning_content": ""}
    whole: dict[str, Any] = {}
    reason: str | None = None
    for chunk in chunks:
        whole |= chunk
        for choice in chunk["choices"]:
            reason = choice["finish_reason"] or reason
            for name in said:
                said[name] += choice["delta"].get(name, "")
    message = {
        "role": "assistant",
        "refusal": None,
        **{name: text for name, text in said.items() if text or name == "content"},
    }
    choices = [{"index": 0, "message": message, "finish_reason": reason, "logprobs": None}]
    return {**whole, "object": "chat.completion", "choices": choices}


def usage_of(usage: dict[str, Any]) -> dict[str, Any]:
    """What the run's model requests used, as tokens."""
    count = {name: int(usage.get(f"{name}_tokens") or 0) for name in ("input", "output", "cache_read", "reasoning")}
    return {
        "prompt_tokens": count["input"],
        "completion_tokens": count["output"],
        "total_tokens": count["input"] + count["output"],
        "prompt_tokens_details": {"cached_tokens": count["cache_read"]},
        "completion_tokens_details": {"reasoning_tokens": count["reasoning"]},
    }


def error_of(message: str, kind: str, code: str | None, param: str | None = None) -> dict[str, Any]:
    """An error as these clients read it."""
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


class Part(msgspec.Struct, frozen=True):
    """What is read of a part of a message; all else in it, such as an image, is passed over."""

    type: str = ""
    text: str | None = None


class Message(msgspec.Struct, frozen=True):
    """One of the messages that a client sends."""

    role: str
    content: str | list[Part] | None = None


def asked_in(messages: Sequence[Message]) -> str | None:
    """The words of the last message of the user: the log has what was said before. ``None`` if there are none."""
    last = next((message for message in reversed(messages) if message.role == "user"), None)
    content = last.content if last is not None else None
    if isinstance(content, list):
        content = PARAGRAPH.join(part.text for part in content if part.type in _TEXTS and part.text)
    return content or None
