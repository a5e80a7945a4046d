"""What a device sees of threads, and what it asks for when it comes back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any


def seqs(frames: Iterable[Mapping[str, Any]]) -> list[int]:
    """Positions of the events of a ``LogStory`` among the frames that a device saw."""
    return [frame["seq"] for frame in frames if "type" not in frame]


def kept_by_a_client(positions: Sequence[int]) -> list[int]:
    """What a client takes: the expected position; a lower one is dropped, a higher one would be a hole."""
    kept: list[int] = []
    for seq in positions:
        assert seq <= len(kept) + 1, f"{seq} came after {kept[-1:]}"
        if seq == len(kept) + 1:
            kept.append(seq)
    return kept


def resuming(**positions: tuple[str, int]) -> str:
    """The text of a ``resume`` for these threads, each from its ``(epoch, seq)``."""
    asked = {thread: {"epoch": epoch, "seq": seq} for thread, (epoch, seq) in positions.items()}
    return json.dumps({"type": "resume", "id": "r", "positions": asked})
