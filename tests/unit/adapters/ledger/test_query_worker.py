from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from netra_backend.app.adapters.ledger import query_worker
from netra_backend.app.adapters.ledger.query_worker import Ask, Open, OwnerRows
from netra_backend.app.adapters.process import child_runtime
from netra_backend.app.core.errors import ToolError
from netra_backend.app.core.limits import Limits
from netra_backend.app.usage.rows import Rows


class Questions:
    """Questions that misbehave, each in its own way; they stand in for a module."""

    @staticmethod
    def count(rows: Rows, arguments: Mapping[str, Any]) -> Any:
        return rows.execute("SELECT count(*) FROM usage").fetchone()

    @staticmethod
    def echo(rows: Rows, arguments: Mapping[str, Any]) -> Any:
        return arguments

    @staticmethod
    def fault(rows: Rows, arguments: Mapping[str, Any]) -> Any:
        raise ToolError("NOT_ASSESSABLE", "m", hint="h", details={"missing": ["sessions"]})

    @staticmethod
    def memory(rows: Rows, arguments: Mapping[str, Any]) -> Any:
        raise MemoryError

    @staticmethod
    def engine(rows: Rows, arguments: Mapping[str, Any]) -> Any:
        return rows.execute("SELECT nothing FROM usage")

    @staticmethod
    def broken(rows: Rows, arguments: Mapping[str, Any]) -> Any:
        raise KeyError("canary")

    @staticmethod
    def large(rows: Rows, arguments: Mapping[str, Any]) -> Any:
        return "x" * (child_runtime.MAX_MESSAGE + 1)


@pytest.fixture
def rows(monkeypatch: pytest.MonkeyPatch) -> OwnerRows:
    monkeypatch.setattr(query_worker, "bound_memory", lambda more: False)
    monkeypatch.setattr(query_worker, "bound_cpu", lambda seconds: True)
    monkeypatch.setattr(query_worker, "bound_lifetime", lambda seconds: None)
    monkeypatch.setattr(query_worker, "load_question", lambda name, questions: getattr(Questions, name))
    return OwnerRows(Open("alice", [], ["/secret/place"], {}), filtered=True)


def asked(rows: OwnerRows, question: str, owner: str = "alice", **arguments: Any) -> dict[str, Any]:
    return msgspec.json.decode(rows.answer(Ask(owner, question, arguments, 1)), type=dict[str, Any])


def test_a_question_is_answered_over_the_owners_rows(rows: OwnerRows) -> None:
    assert asked(rows, "count") == {"answer": [0]}


@pytest.mark.validation_point("ledger.child_owner")
def test_a_question_of_another_owner_is_refused(rows: OwnerRows) -> None:
    told = asked(rows, "count", owner="bob")
    assert "answer" not in told
    assert told["rejected"]["point"] == "ledger.child_owner"


@pytest.mark.validation_point("query.wall")
def test_raw_sql_is_refused_where_the_system_does_not_hold_the_process_to_its_memory(
    rows: OwnerRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Questions, "raw_sql", lambda rows, arguments, limits: [0], raising=False)
    told = asked(rows, "raw_sql")
    assert "answer" not in told
    assert told["rejected"]["point"] == "query.wall"


@pytest.mark.validation_point("query.wall")
def test_raw_sql_is_refused_where_system_calls_are_not_filtered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(query_worker, "bound_memory", lambda more: True)
    monkeypatch.setattr(query_worker, "bound_cpu", lambda seconds: True)
    monkeypatch.setattr(query_worker, "bound_lifetime", lambda seconds: None)
    monkeypatch.setattr(query_worker, "load_question", lambda name, questions: lambda rows, arguments, limits: [0])
    opened = Open("alice", [], [], {})
    assert asked(OwnerRows(opened, filtered=True), "raw_sql") == {"answer": [0]}
    assert asked(OwnerRows(opened, filtered=False), "raw_sql")["rejected"]["point"] == "query.wall"


def test_a_fault_travels_whole(rows: OwnerRows) -> None:
    assert asked(rows, "fault") == {
        "fault": {"code": "NOT_ASSESSABLE", "message": "m", "hint": "h", "details": {"missing": ["sessions"]}}
    }


def test_a_child_that_met_its_memory_bound_says_that_it_is_worn(rows: OwnerRows) -> None:
    told = asked(rows, "memory")
    assert (told["fault"]["code"], told["worn"]) == ("RESULT_TOO_LARGE", True)


def test_a_child_computes_in_all_as_long_as_its_limit_says(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[int] = []
    monkeypatch.setattr(query_worker, "bound_memory", lambda more: True)
    monkeypatch.setattr(query_worker, "bound_lifetime", told.append)
    OwnerRows(Open("alice", [], [], {}, Limits(question_process_cpu_s=7)), filtered=True)
    assert told == [7]


def test_a_child_whose_lifetime_has_no_room_for_another_question_says_that_it_is_worn(
    rows: OwnerRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "worn" not in asked(rows, "count")
    monkeypatch.setattr(query_worker, "bound_cpu", lambda seconds: False)
    assert asked(rows, "count") == {"answer": [0], "worn": True}


def test_what_the_engine_refuses_is_a_rejected_query(rows: OwnerRows) -> None:
    told = asked(rows, "engine")
    assert told["fault"]["code"] == "QUERY_REJECTED"
    assert "nothing" in told["fault"]["message"]


def test_what_breaks_is_told_without_the_data_that_broke_it(rows: OwnerRows) -> None:
    told = asked(rows, "broken")
    assert told["broken"].startswith("KeyError at broken:")
    assert "canary" not in str(told)


def test_an_answer_out_of_bounds_is_refused(rows: OwnerRows) -> None:
    assert asked(rows, "large")["fault"]["code"] == "RESULT_TOO_LARGE"


def test_the_places_of_files_are_in_no_message(rows: OwnerRows) -> None:
    assert asked(rows, "echo", path="/secret/place/rows.duckdb") == {"answer": {"path": ".../rows.duckdb"}}


class Spy(dict[str, str]):
    """A list of questions that remembers which were looked up."""

    def __init__(self, **questions: str) -> None:
        super().__init__(questions)
        self.loaded: list[str] = []

    def __getitem__(self, name: str) -> str:
        self.loaded.append(name)
        return super().__getitem__(name)


def test_a_question_that_cannot_be_loaded_does_not_keep_the_others_from_being_warm() -> None:
    questions = Spy(a="no.such.module:f", b="posixpath:join")
    query_worker._warm(questions, ["a", "b"], lambda: False)
    assert questions.loaded == ["a", "b"]


def test_nobody_waits_for_questions_to_be_loaded_that_nobody_asked() -> None:
    questions = Spy(a="posixpath:join", b="posixpath:join")
    query_worker._warm(questions, ["a", "b"], lambda: bool(questions.loaded))
    assert questions.loaded == ["a"]
