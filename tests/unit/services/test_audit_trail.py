"""The audit trail in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from netra_backend.app.core import validation
from netra_backend.app.core.errors import InvalidContextError
from netra_backend.app.services.audit_trail import AuditTrail, plain_detail
from test_framework.clock import START_MS, ManualClock


class Remembered:
    """An audit that keeps its records at hand."""

    def __init__(self) -> None:
        self.records: list[tuple[Any, ...]] = []

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

    trouble = broken = ""

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


def test_an_event_tells_whom_and_when(clock: ManualClock) -> None:
    audit = Remembered()
    AuditTrail(audit, clock).happened("user_ada", "revoked", by="user_root")
    assert audit.records == [("user_ada", "revoked", None, {"by": "user_root"}, START_MS)]


def test_a_detail_is_kept_short_and_without_secrets() -> None:
    kept = plain_detail({"a": "token=abcdef", "n": 5, "empty": "", "long": "x" * 5000, "list": ["y"]})
    assert kept == {"a": "token=***", "n": 5, "long": "x" * 200, "list": "['y']"}
    assert len(plain_detail({str(number): number for number in range(100)})) == 16


def test_a_secret_that_a_cut_would_halve_is_hidden_whole() -> None:
    assert "sk-" not in str(plain_detail({"a": "x" * 180 + " sk-" + "a" * 40}))
