"""The audit trail in words."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from netra_backend.app.core import plan_points, validation
from netra_backend.app.core.audit_allowance import Allowance
from netra_backend.app.core.errors import DependencyUnavailable, InvalidContextError
from netra_backend.app.core.hidden_values import HiddenValues
from netra_backend.app.core.limits import USUAL, Limits
from netra_backend.app.core.validation import Point
from netra_backend.app.services import hiding
from netra_backend.app.services.audit_trail import AuditTrail, plain_detail
from test_framework.clock import START_MS, ManualClock

REFUSAL = InvalidContextError("no", point=validation.ID_FORMAT)


class Remembered:
    """An audit that keeps its records at hand."""

    def __init__(self) -> None:
        self.records: list[tuple[Any, ...]] = []
        self.trouble = ""
        self.broken = ""

    def record(
        self, owner: str | None, event: str, point_id: str | None, detail: Mapping[str, str | int], now_ms: int
    ) -> None:
        self.records.append((owner, event, point_id, dict(detail), now_ms))

    async def rows(self, owner: str, limit: int, before: int | None = None) -> list[dict[str, Any]]:
        return []

    def counts(self) -> dict[str, int]:
        return {}

    async def pseudonymise(self, owner: str) -> int:
        return 0

    async def trim(self, before_ms: int) -> int:
        return 0

    async def close(self) -> None:
        pass


def test_a_refusal_tells_its_point_and_what_it_was_about_but_not_what_was_sent(clock: ManualClock) -> None:
    audit = Remembered()
    refusal = InvalidContextError("'my secret plan' is no id", point=validation.ID_FORMAT, field="thread_id")
    AuditTrail(audit, clock).record_refusal("user_ada", refusal, connection_id="conn_1")
    AuditTrail(audit, clock).record_refusal(None, refusal)
    detail = {"error": "invalid_context", "field": "thread_id"}
    assert audit.records == [
        ("user_ada", "refused", "id.format", {**detail, "connection_id": "conn_1"}, START_MS),
        (None, "refused", "id.format", detail, START_MS),
    ]


@pytest.mark.parametrize(
    ("hidden", "absent"),
    [(plan_points.PLAN_AGENT, validation.REGISTRY_AGENT), (plan_points.PLAN_TOOL, validation.DISPATCHER_TOOL)],
    ids=lambda point: point.id,
)
def test_what_a_users_plan_leaves_out_is_told_like_what_does_not_exist_and_counted_apart(
    clock: ManualClock, hidden: Point, absent: Point
) -> None:
    audit = Remembered()
    trail = AuditTrail(audit, clock)
    for point in (hidden, absent):
        trail.record_refusal("user_ada", InvalidContextError("no", point=point))
    assert audit.records[0] == audit.records[1]
    assert trail.refusals == {hidden.id: 1, absent.id: 1}


def test_an_event_tells_whom_and_when(clock: ManualClock) -> None:
    audit = Remembered()
    AuditTrail(audit, clock).happened("user_ada", "revoked", by="user_root")
    assert audit.records == [("user_ada", "revoked", None, {"by": "user_root"}, START_MS)]


def test_rows_tell_where_the_client_was(clock: ManualClock) -> None:
    audit = Remembered()
    trail = AuditTrail(audit, clock)
    trail.record_refusal("user_ada", REFUSAL, address="192.0.2.1")
    trail.happened("user_ada", "ticket_issued", address="192.0.2.1")
    assert [record[3].get("address") for record in audit.records] == ["192.0.2.1"] * 2


def test_ten_thousand_bad_handshakes_of_one_address_are_some_rows_and_a_count_and_push_nobody_out(
    clock: ManualClock,
) -> None:
    audit = Remembered()
    trail = AuditTrail(audit, clock, site_of=lambda address: address.rpartition(".")[0])
    for number in range(10_000):
        trail.record_refusal(None, REFUSAL, address=f"192.0.2.{number % 250}")
    trail.record_refusal(None, REFUSAL, address="198.51.100.1")
    trail.record_refusal("user_ada", REFUSAL, address="192.0.2.1")
    assert len(audit.records) == USUAL.audit_address_rows + 2
    trail.happened("user_ada", "ticket_issued")
    clock.advance(s=3600)
    trail.record_refusal("user_ada", REFUSAL)
    counted = {"refusals": 10_000 - USUAL.audit_address_rows, "address": "192.0.2"}
    assert audit.records[-2][:4] == (None, "suppressed", None, counted)
    assert trail.refusals[REFUSAL.point.id] == 10_003


def test_what_was_only_counted_is_told_at_the_end(clock: ManualClock) -> None:
    audit = Remembered()
    trail = AuditTrail(audit, clock, allowance=Allowance(Limits(audit_user_rows=1)))
    for _ in range(3):
        trail.record_refusal("user_ada", REFUSAL)
    trail.close()
    assert [record[:4] for record in audit.records[1:]] == [("user_ada", "suppressed", None, {"refusals": 2})]


def test_a_trail_that_cannot_be_written_refuses_where_the_operator_wants_it_so(clock: ManualClock) -> None:
    audit = Remembered()
    refusing, going_on = AuditTrail(audit, clock, refuses=True), AuditTrail(audit, clock)
    refusing.require_writable()
    assert refusing.state == ""
    audit.trouble = "the disk is full"
    going_on.require_writable()
    assert (refusing.state, going_on.state) == ("the disk is full", "")
    with pytest.raises(DependencyUnavailable, match="audit trail cannot be written"):
        refusing.require_writable()
    audit.broken = "row 3"
    assert (refusing.state, going_on.state) == ("row 3", "row 3")


def test_a_detail_is_kept_short_and_without_secrets() -> None:
    kept = plain_detail({"a": "token=abcdef", "n": 5, "empty": "", "long": "x" * 5000, "list": ["y"]})
    assert kept == {"a": "token=***", "n": 5, "long": "x" * 200, "list": "['y']"}
    assert len(plain_detail({str(number): number for number in range(100)})) == 16


async def test_what_a_run_hides_is_in_no_row_whoever_writes_it(clock: ManualClock) -> None:
    audit, values = Remembered(), HiddenValues()
    values.add("hunter2-hunter2")

    async def run() -> None:
        hiding.enter(values)
        trail = AuditTrail(audit, clock)
        trail.record_refusal("user_ada", REFUSAL, tool="call hunter2-hunter2")
        trail.happened("user_ada", "secret_set", name="of hunter2-hunter2")

    await asyncio.create_task(run())
    assert [record[3] for record in audit.records] == [
        {"error": "invalid_context", "field": "", "tool": "call ***"},
        {"name": "of ***"},
    ]


def test_a_secret_that_a_cut_would_halve_is_hidden_whole() -> None:
    assert "sk-" not in str(plain_detail({"a": "x" * 180 + " sk-" + "a" * 40}))
