"""What is tried again while a thread passes from one process to another."""

from __future__ import annotations

import pytest

from netra_backend.app.core.errors import DependencyUnavailable
from netra_backend.app.runs.changing_hands import TRIES, until_found


class Answers:
    """Gives these answers, one after the other, and ``None`` from then on."""

    def __init__(self, *answers: str | None) -> None:
        self.asked = 0
        self._answers = answers

    async def __call__(self) -> str | None:
        self.asked += 1
        return self._answers[self.asked - 1] if self.asked <= len(self._answers) else None


async def test_the_first_answer_counts() -> None:
    asked = Answers(None, "here", "there")
    assert await until_found(asked) == "here"
    assert asked.asked == 2


async def test_a_matter_that_nobody_is_found_to_hold_is_to_be_asked_for_later() -> None:
    asked = Answers()
    with pytest.raises(DependencyUnavailable, match="being handed over") as told:
        await until_found(asked)
    assert (asked.asked, told.value.retry_after_ms) == (TRIES, 1000)
