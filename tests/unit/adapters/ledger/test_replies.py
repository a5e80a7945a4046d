import logging
import signal

import pytest

from netra_backend.app.adapters.ledger.replies import death_error, out_of_time, rebuilt
from netra_backend.app.adapters.process.child import ChildDied
from netra_backend.app.core import validation
from netra_backend.app.core.errors import QueryRejected, ToolError


def test_a_fault_is_the_one_that_the_child_raised() -> None:
    told = rebuilt({"fault": {"code": "NO_DATA", "message": "m", "hint": "h", "details": {"a": 1}}}, "x")
    assert isinstance(told, ToolError)
    assert (told.code, told.message, told.hint, told.details) == ("NO_DATA", "m", "h", {"a": 1})


def test_a_refusal_keeps_its_point() -> None:
    told = rebuilt({"rejected": {"point": "query.table", "message": "m", "field": "sql", "hint": "h"}}, "x")
    assert isinstance(told, QueryRejected)
    assert (told.point, told.field, told.hint) == (validation.QUERY_TABLE, "sql", "h")


def test_what_broke_is_logged_and_told_as_a_fault_of_ours(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        told = rebuilt({"broken": "TypeError at sum:3"}, "cost_summary")
    assert isinstance(told, ToolError)
    assert told.code == "TOOL_FAILED"
    assert "cost_summary" in caplog.text
    assert "TypeError" in caplog.text


@pytest.mark.parametrize(
    ("status", "code"),
    [(-signal.SIGXCPU, "QUERY_TIMEOUT"), (-signal.SIGABRT, "RESULT_TOO_LARGE"), (-signal.SIGSEGV, "RESULT_TOO_LARGE")],
)
def test_how_a_child_ended_says_which_bound_it_met(status: int, code: str) -> None:
    assert death_error(ChildDied(status)).code == code
    assert out_of_time().code == "QUERY_TIMEOUT"
