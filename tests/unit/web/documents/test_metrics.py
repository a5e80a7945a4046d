"""Metrics are what the parts count, in the format of Prometheus, read when they are asked for."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from netra_backend.app.web.documents import metrics
from netra_backend.app.web.documents.metrics import metrics_text


def samples(text: bytes) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(metrics, "totals", lambda _: {"events": 12, "log_commits": 4, "refusals": 4})
    monkeypatch.setattr(metrics, "gauges", lambda _: {"connections": 2})
    return SimpleNamespace(audit_trail=SimpleNamespace(refusals={"run.owned": 3, "thread.owned": 1}))


def test_totals_are_counters_and_what_there_is_is_a_gauge(runtime: Any) -> None:
    found = samples(metrics_text(runtime, {}))
    assert found["netra_events_total", ()] == 12
    assert found["netra_log_commits_total", ()] == 4
    assert found["netra_connections", ()] == 2


def test_refusals_are_told_by_point_and_requests_by_door_and_status(runtime: Any) -> None:
    found = samples(metrics_text(runtime, {("readRun", 404): 5}))
    assert found["netra_refusals_total", (("point", "run.owned"),)] == 3
    assert ("netra_refusals_total", ()) not in found
    assert found["netra_http_requests_total", (("door", "readRun"), ("status", "404"))] == 5


def test_every_metric_says_what_it_is(runtime: Any) -> None:
    text = metrics_text(runtime, {}).decode()
    assert "# HELP netra_log_commits_total Commits of the event log" in text
    assert all(family.documentation for family in text_string_to_metric_families(text))
