"""Messages about a run do not show what it was given, and a log line shows nothing that any run was given."""

from __future__ import annotations

import contextvars
import gc
import threading
from collections.abc import Iterator

import pytest

from netra_backend.app.core.hidden_values import SHORTEST, HiddenValues
from netra_backend.app.services import hiding

TEXT = "hunter2-hunter2 correct-horse"


@pytest.fixture
def runs() -> Iterator[list[HiddenValues]]:
    """Two runs, each with a secret; they are over when the list is emptied. Of others nothing is known."""
    others_hide(hiding.RECENT)
    runs = [HiddenValues(), HiddenValues()]
    for at, secret in enumerate(TEXT.split()):
        runs[at].add(secret)
        hiding.hiding(runs[at])
    yield runs
    runs.clear()
    others_hide(hiding.RECENT)


def others_hide(count: int) -> None:
    """So many runs hide something that no test logs, and are over."""
    for number in range(count):
        other = HiddenValues()
        other.add(f"of another run: {number}")
        hiding.hiding(other)
    gc.collect()


def test_what_a_user_sees_is_without_the_values_of_the_run_alone(runs: list[HiddenValues]) -> None:
    def run() -> str:
        hiding.enter(HiddenValues())
        assert not hiding.hides()
        hiding.enter(runs[0])
        assert hiding.hides()
        return hiding.hidden_text(TEXT)

    assert not hiding.hides()
    assert contextvars.copy_context().run(run) == "*** correct-horse"
    assert hiding.hidden_text(TEXT) is TEXT, "what is missing would tell a user what another one hides"


def test_what_is_logged_is_without_the_values_of_all_runs_wherever_it_comes_from(runs: list[HiddenValues]) -> None:
    shown: list[str] = []

    def log() -> None:
        shown.append(hiding.logged_text(TEXT))

    def run() -> None:
        hiding.enter(runs[0])
        log()

    contextvars.copy_context().run(run)
    thread = threading.Thread(target=log)
    thread.start()
    thread.join()
    assert shown == ["*** ***"] * 2
    assert hiding.logged({"event": TEXT, "n": 1}) == {"event": "*** ***", "n": 1}


def test_a_thread_that_outlives_its_run_logs_without_the_runs_values(runs: list[HiddenValues]) -> None:
    is_over, shown = threading.Event(), list[str]()

    def log() -> None:
        is_over.wait()
        shown.append(hiding.logged_text(TEXT))

    thread = threading.Thread(target=log)
    thread.start()
    runs.clear()
    others_hide(hiding.RECENT - 2)
    is_over.set()
    thread.join()
    assert shown == ["*** ***"]


def test_a_run_that_hides_once_more_is_one_of_the_latest_again(runs: list[HiddenValues]) -> None:
    others_hide(hiding.RECENT - 2)
    hiding.hiding(runs[0])
    runs.clear()
    others_hide(1)
    assert hiding.logged_text(TEXT) == "*** correct-horse"


def test_of_runs_that_are_over_the_latest_are_kept_in_mind_alone(runs: list[HiddenValues]) -> None:
    runs.clear()
    others_hide(hiding.RECENT)
    line = {"event": TEXT}
    assert hiding.logged(line) is line
    assert hiding.logged_text(TEXT) is TEXT


def test_of_runs_that_go_on_none_is_forgotten(runs: list[HiddenValues]) -> None:
    others_hide(hiding.RECENT)
    assert hiding.logged_text(TEXT) == "*** ***"


@pytest.mark.parametrize("before", range(9))
def test_a_value_is_found_wherever_it_stands(runs: list[HiddenValues], before: int) -> None:
    text = "x" * before
    assert hiding.logged_text(text + "hunter2-hunter2") == text + "***"
    assert hiding.logged_text(text) is text
    assert hiding.logged({"a": [text + "correct-horse"], "é": before}) == {"a": [text + "***"], "é": before}


def test_a_line_of_what_has_no_json_is_without_the_values_too(runs: list[HiddenValues]) -> None:
    other = object()
    assert hiding.logged({"given": TEXT, "other": other}) == {"given": "*** ***", "other": other}
    assert hiding.logged({"\ud800": TEXT}) == {"\ud800": "*** ***"}
    assert hiding.logged_text("\ud800 " + TEXT) == "\ud800 *** ***"


def test_no_form_of_a_value_is_shorter_than_what_is_compared_at_once() -> None:
    values = HiddenValues()
    values.add("ab/ \"<'é"[:SHORTEST].ljust(SHORTEST, "z"))
    assert min(map(len, values.written)) >= hiding._WORD
