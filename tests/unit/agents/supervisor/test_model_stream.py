"""Joining a model's words: not more than one event for every 50 ms or 4 KiB."""

from __future__ import annotations

from netra_backend.app.agents.supervisor.model_stream import INTERVAL_S, MAX_CHARACTERS, Coalescer
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
