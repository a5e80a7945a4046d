"""``/metrics`` in the format of Prometheus, made of what the server counts when it is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

HELP = {
    "events": "Events appended to the log.",
    "events_delivered": "Events written to connections, counted once per connection.",
    "log_commits": "Commits of the event log; events divided by commits is the batch size.",
    "open_files_exhausted_s": "Seconds in which no file could be opened, and new connections were closed without an answer.",
    "refusals": "Refusals by validation point.",
    "http_requests": "HTTP requests by route and status.",
}


def metrics_text(
    *,
    totals: Mapping[str, int],
    gauges: Mapping[str, int],
    refusals: Mapping[str, int],
    requests: Mapping[tuple[str, int], int],
) -> bytes:
    """All counters and gauges; ``refusals`` by validation point, ``requests`` by route and status."""
    from prometheus_client import CollectorRegistry, generate_latest  # loaded with the first scrape
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
    from prometheus_client.registry import Collector

    class _Now(Collector):
        def collect(self) -> Iterable[Metric]:
            for name, count in totals.items():
                if name == "refusals":  # by point below
                    continue
                yield CounterMetricFamily(f"netra_{name}", HELP.get(name, _words(name)), count)
            for name, count in gauges.items():
                yield GaugeMetricFamily(f"netra_{name}", _words(name), count)
            by_point = CounterMetricFamily("netra_refusals", HELP["refusals"], labels=["point"])
            for point, count in sorted(refusals.items()):
                by_point.add_metric([point], count)
            yield by_point
            served = CounterMetricFamily("netra_http_requests", HELP["http_requests"], labels=["route", "status"])
            for (route, status), count in sorted(requests.items()):
                served.add_metric([route, str(status)], count)
            yield served

    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Now())
    return generate_latest(registry)


def _words(name: str) -> str:
    return f"{name.replace('_', ' ').capitalize()}."
