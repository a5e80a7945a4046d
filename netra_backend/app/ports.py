"""What the inside asks of the outside: one Protocol for each job that an adapter does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol


class Clock(Protocol):
    """The time."""

    def now_ms(self) -> int:
        """Milliseconds since 1970-01-01 UTC."""

    def monotonic(self) -> float:
        """Seconds from an arbitrary start; never goes back."""


class Entropy(Protocol):
    """Unpredictable bytes."""

    def take(self, count: int) -> bytes:
        """``count`` bytes of a cryptographic source."""


class Ledger(Protocol):
    """Usage rows of users, kept apart by owner and asked where they lie.

    Every call names its owner, who comes from a context and never from arguments. Answers are plain JSON.
    """

    async def ask(self, owner: str, question: str, arguments: Mapping[str, Any]) -> Any:
        """Answer one question of ``usage.questions.QUESTIONS`` over the owner's rows, in a child process with bounds.

        Raises ``ToolFault`` (``NO_DATA``, ``QUERY_TIMEOUT``, …) and ``QueryRejected``.
        """

    async def import_usage(
        self, owner: str, path: Path, options: Mapping[str, Any], progress: Callable[[int, int], None]
    ) -> dict[str, Any]:
        """Import a file whole or not at all; ``progress(bytes_done, bytes_total)`` is called as it goes. The answer counts
        rows accepted and rejected, with reasons. Raises ``ToolFault`` (``UNSUPPORTED_FORMAT``, ``BAD_ROWS``)."""

    async def datasets(self, owner: str) -> list[dict[str, Any]]:
        """The owner's datasets, oldest first."""

    async def delete_dataset(self, owner: str, dataset_id: str) -> bool:
        """Delete one dataset; whether there was one."""

    async def delete_owner(self, owner: str) -> None:
        """Delete everything of the owner."""

    async def close(self) -> None:
        """End the child processes."""
