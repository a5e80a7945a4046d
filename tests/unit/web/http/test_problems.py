"""What a refusal or a fault becomes over HTTP, and where it is recorded."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from netra_backend.app.core.errors import DependencyUnavailable, NotFound, ToolError
from netra_backend.app.core.identity import Identity
from netra_backend.app.core.validation import RUN_OWNED
from netra_backend.app.services.audit_trail import AuditTrail
from netra_backend.app.web.http.problems import ProblemReporter, problem_of, problem_response
from test_framework.clock import ManualClock

ADA = Identity("user_ada", frozenset(), None, 0)


class KeptAudit:
    """As much of ``ports.Audit`` as a trail writes to."""

    def __init__(self) -> None:
        self.rows: list[tuple[Any, ...]] = []

    def record(self, owner: str | None, event: str, point_id: str | None, *_: Any) -> None:
        self.rows.append((owner, event, point_id))


def reporter(audit: Any) -> ProblemReporter:
    return ProblemReporter(AuditTrail(audit, ManualClock()), lambda kind: f"{kind}_1", "https://example.org")


@pytest.mark.parametrize(("identity", "owner"), [(ADA, "user_ada"), (None, None)])
def test_a_refusal_is_recorded_under_its_user_once_that_is_known(identity: Identity | None, owner: str | None) -> None:
    audit = KeptAudit()
    problem = reporter(audit).report(NotFound("There is no such run.", point=RUN_OWNED), identity)
    assert (problem.error, problem.error_id) == ("not_found", None)
    assert problem.type == "https://example.org/errors#not_found"
    assert audit.rows == [(owner, "refused", "run.owned")]


def test_what_is_not_of_the_catalogue_is_an_internal_fault_that_the_log_knows_by_its_id(
    caplog: pytest.LogCaptureFixture,
) -> None:
    audit = KeptAudit()
    with caplog.at_level(logging.ERROR, "netra.http"):
        problem = reporter(audit).report(ZeroDivisionError("the inner secret"), ADA)
    assert (problem.error, problem.error_id, audit.rows) == ("internal", "err_1", [])
    assert "secret" not in problem.detail
    assert caplog.records[0].error_id == "err_1"  # type: ignore[attr-defined]
    assert "the inner secret" in caplog.text


def test_a_problem_names_its_page_under_the_public_address_and_a_delay_in_whole_seconds() -> None:
    problem = problem_of(DependencyUnavailable("gone", retry_after_ms=1200), base="https://example.org/netra")
    assert problem.type == "https://example.org/netra/errors#dependency_unavailable"
    assert problem_response(problem).headers["retry-after"] == "2"
    assert problem_response(problem_of(DependencyUnavailable("gone"))).headers["retry-after"] == "1"


def test_a_tools_answer_is_told_with_its_code_and_details() -> None:
    problem = problem_of(ToolError("BAD_ROWS", "no", hint="mend", details={"row": 3}))
    assert (problem.status, problem.error, problem.code, problem.details) == (422, "tool_fault", "BAD_ROWS", {"row": 3})
