"""``/metrics`` in the format of Prometheus, made of ``counts`` when it is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ...server.counts import gauges, totals
from ...server.runtime import Runtime

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

HELP = {
    "events": "Events appended to the log.",
    "events_delivered": "Events written to connections, once for each.",
    "log_commits": "Commits of the event log; events by commits is the size of a batch.",
    "refusals": "Refusals by validation point.",
    "http_requests": "HTTP requests by door and status.",
}


def metrics_text(runtime: Runtime, requests: Mapping[tuple[str, int], int]) -> bytes:
    """All counters and gauges. ``requests`` are HTTP requests by door and status."""
    from prometheus_client import CollectorRegistry, generate_latest  # loaded with the first scrape
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
    from prometheus_client.registry import Collector

    class _Now(Collector):
        def collect(self) -> Iterable[Metric]:
            counted = totals(runtime)
            del counted["refusals"]
            for name, count in counted.items():
                yield CounterMetricFamily(f"netra_{name}", HELP.get(name, _words(name)), count)
            for name, count in gauges(runtime).items():
                yield GaugeMetricFamily(f"netra_{name}", _words(name), count)
            refusals = CounterMetricFamily("netra_refusals", HELP["refusals"], labels=["point"])
            for point, count in sorted(runtime.audit_trail.refusals.items()):
                refusals.add_metric([point], count)
            yield refusals
            served = CounterMetricFamily("netra_http_requests", HELP["http_requests"], labels=["door", "status"])
            for (door, status), count in sorted(requests.items()):
                served.add_metric([door, str(status)], count)
            yield served

    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Now())
    return generate_latest(registry)


def _words(name: str) -> str:
    return f"{name.replace('_', ' ').capitalize()}."
