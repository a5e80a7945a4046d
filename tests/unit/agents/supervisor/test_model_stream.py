"""A model's words on their way to the user: whole sentences that were checked, in few events."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from netra_backend.app.agents.supervisor.model_stream import INTERVAL_S, MAX_CHARACTERS, Coalescer, SentenceGate, Shown
from netra_backend.app.core.events import AgentDelta
from netra_backend.app.core.hidden_values import HiddenValues
from netra_backend.app.usage.number_check import NumberCheck
from test_framework.clock import ManualClock


def test_words_wait_until_the_interval_is_over() -> None:
    clock = ManualClock()
    coalescer = Coalescer(clock)
    assert [coalescer.add(word) for word in "abc"] == ["", "", ""]
    clock.advance(s=INTERVAL_S)
    assert coalescer.add("d") == "abcd"
    assert coalescer.add("e") == ""


def test_many_words_do_not_wait() -> None:
    coalescer = Coalescer(ManualClock())
    assert coalescer.add("x" * (MAX_CHARACTERS - 1)) == ""
    assert coalescer.add("y") == "x" * (MAX_CHARACTERS - 1) + "y"
    assert coalescer.add("z") == ""


def test_what_is_left_is_given_once() -> None:
    coalescer = Coalescer(ManualClock())
    coalescer.add("a")
    assert (coalescer.rest(), coalescer.rest()) == ("a", "")


def gate() -> SentenceGate:
    """Lets through what names no other figures than 1234 and 5."""
    check = NumberCheck({"bill_usd": "1234", "b": 5})
    return SentenceGate(lambda text: not check.unsupported(text))


TEXT = "The bill is $1,234.\n\n1. Cut 5 of it. Then more: 5 again!\nDone"


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_what_is_right_is_let_through_whole_however_it_is_cut(size: int) -> None:
    passing = gate()
    shown = [passing.add(TEXT[at : at + size]) for at in range(0, len(TEXT), size)] + [passing.rest()]
    assert "".join(shown) == TEXT
    assert not passing.refused


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
@pytest.mark.parametrize(
    ("wrong", "before"),
    [
        ("All is well. You save $1,234,567 now. Fine.", "All is well. "),
        ("All is well. Pay 5.5 %. Fine.", "All is well. "),
        ("It is 5\nmillion. Fine.", "It is 5\n"),
        ("It is 99", ""),
    ],
)
def test_nothing_of_a_sentence_is_shown_whose_number_nobody_computed_nor_anything_after_it(
    wrong: str, before: str, size: int
) -> None:
    stopped = gate()
    shown = [stopped.add(wrong[at : at + size]) for at in range(0, len(wrong), size)] + [stopped.rest()]
    assert "".join(shown) == before
    assert stopped.refused


def test_a_sentence_waits_until_it_has_surely_ended() -> None:
    waiting = gate()
    assert waiting.add("It is 5.") == ""
    assert waiting.add(" ") == ""
    assert waiting.add("And") == "It is 5. "
    assert waiting.rest() == "And"


class Emitted:
    """``model_stream.Records``."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.emit: Callable[..., bool] = self._emit
        self.hidden = HiddenValues()

    def _emit(self, event: Any, call_id: str, attempt: int, text: Any, *_: Any, **__: Any) -> bool:
        if event is AgentDelta:
            self.texts.append(text)
        return False


def test_the_beginning_of_a_hidden_value_waits_for_what_follows() -> None:
    clock, records = ManualClock(), Emitted()
    records.hidden.add("correct-horse")
    shown = Shown(records, "run_1:1", 1, "", Coalescer(clock), None)
    for word in ("It is cor", "rect-ho", "rse, or corr"):
        clock.advance(s=2 * INTERVAL_S)
        shown.add(word)
    assert "".join(records.texts) in "It is ***, or corr"
    assert shown.finish("stop", {}) == "It is correct-horse, or corr"
    assert "".join(records.texts) == "It is ***, or corr"


def test_all_of_an_answer_is_shown_also_if_its_end_comes_late() -> None:
    clock, records = ManualClock(), Emitted()
    shown = Shown(records, "run_1:1", 1, "", Coalescer(clock), None)
    for word in ("The ", "first ", "answer."):
        shown.add(word)
    clock.advance(s=INTERVAL_S)  # the interval ends while nothing is added
    assert (shown.finish("stop", {}), "".join(records.texts)) == ("The first answer.", "The first answer.")
