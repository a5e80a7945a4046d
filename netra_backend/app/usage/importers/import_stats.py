"""What became of the records of a file: accepted, skipped, rejected, with reasons and examples."""

from __future__ import annotations

from typing import Any, Final

from .reading.page import Columns, length
from .row import BadRow, NotUsage

MAX_REASONS: Final = 50
MAX_EXAMPLES: Final = 5
_SHOWN: Final = 80


class ImportStats:
    """Counts as an import goes. Reasons beyond ``MAX_REASONS`` are counted together."""

    def __init__(self) -> None:
        self.accepted = 0
        self.rejected = 0
        self.input_tokens = 0
        self.output_tokens = 0
        self._rejections: dict[str, tuple[list[int], list[dict[str, Any]]]] = {}
        self._skipped: dict[str, int] = {}

    def accept(self, columns: Columns) -> None:
        """Count rows that go into the table."""
        self.accepted += length(columns)
        self.input_tokens += sum(columns["input_tokens"])  # type: ignore[arg-type]  # a count a row
        self.output_tokens += sum(columns["output_tokens"])  # type: ignore[arg-type]

    def refuse(self, number: int, fault: BadRow | NotUsage) -> None:
        """Count a record that is no row, whatever the reason; ``number`` is its line or place."""
        if isinstance(fault, BadRow):
            self.reject(number, fault)
        else:
            self.skip(fault)

    def reject(self, number: int, bad: BadRow) -> None:
        """Count a record that cannot be a row; ``number`` is its line or place."""
        self.rejected += 1
        reason = (
            bad.reason if bad.reason in self._rejections or len(self._rejections) < MAX_REASONS else "other reasons"
        )
        count, examples = self._rejections.setdefault(reason, ([0], []))
        count[0] += 1
        if len(examples) < MAX_EXAMPLES:
            examples.append({"record": number, "value": None if bad.value is None else str(bad.value)[:_SHOWN]})

    def skip(self, other: NotUsage) -> None:
        """Count a record that is in order but tells no usage."""
        self._skipped[other.reason] = self._skipped.get(other.reason, 0) + 1

    def as_dict(self) -> dict[str, Any]:
        """The counts as plain JSON, the most frequent reason first."""
        rejections = sorted(self._rejections.items(), key=lambda item: -item[1][0][0])
        return {
            "accepted": self.accepted,
            "rejected": self.rejected,
            "rejections": [
                {"reason": reason, "count": count[0], "examples": examples} for reason, (count, examples) in rejections
            ],
            "skipped": [{"reason": reason, "count": count} for reason, count in self._skipped.items()],
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
        }
