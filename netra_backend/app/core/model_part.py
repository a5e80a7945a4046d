"""What a language model's answer consists of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class ModelPart:
    """A part of a model's answer; the last one has its ``usage`` {input_tokens, output_tokens, cost_usd} and its
    ``finish_reason`` (stop, length, content_filter, …)."""

    text: str
    usage: dict[str, Any] | None = None
    finish_reason: str = ""
