"""Metrics are what the parts count, in the format of Prometheus, read when they are asked for."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client.parser import text_string_to_metric_families

from netra_backend.app.web.documents.metrics import metrics_text


def samples(shown: bytes) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(shown.decode())
        for sample in family.samples
    }


def text(requests: Mapping[tuple[str, int], int] | None = None) -> bytes:
    return metrics_text(
        totals={"events": 12, "log_commits": 4, "refusals": 4},
        gauges={"connections": 2},
        refusals={"run.owned": 3, "thread.owned": 1},
        requests=requests or {},
    )


def test_totals_are_counters_and_what_there_is_is_a_gauge() -> None:
    found = samples(text())
    assert found["netra_events_total", ()] == 12
    assert found["netra_log_commits_total", ()] == 4
    assert found["netra_connections", ()] == 2


def test_refusals_are_told_by_point_and_requests_by_route_and_status() -> None:
    found = samples(text({("readRun", 404): 5}))
    assert found["netra_refusals_total", (("point", "run.owned"),)] == 3
    assert ("netra_refusals_total", ()) not in found
    assert found["netra_http_requests_total", (("route", "readRun"), ("status", "404"))] == 5


def test_every_metric_says_what_it_is() -> None:
    shown = text().decode()
    assert "# HELP netra_log_commits_total Commits of the event log" in shown
    assert all(family.documentation for family in text_string_to_metric_families(shown))
