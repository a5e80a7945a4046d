"""What a server counts, read where it is counted: plain integers, so that counting costs the hot path nothing."""

from __future__ import annotations

from collections.abc import Mapping

from .runtime import Runtime


def totals(runtime: Runtime) -> dict[str, int]:
    """What has happened since the start, by name."""
    bridge, pool = runtime.bridge.get_factory_metrics(), runtime.pool.get_factory_metrics()
    engines, managers = runtime.engines.get_factory_metrics(), runtime.managers.get_factory_metrics()
    return {
        "events": bridge["events_sent"],
        "events_refused": bridge["events_refused"],
        "events_delivered": pool["events_delivered"],
        "runs_started": runtime.turns.runs_started,
        "runs_taken_over": runtime.turns.runs_taken_over,
        "engines_created": engines["engines_created"],
        "engines_refused": engines["engines_refused"],
        "dispatchers_created": runtime.dispatchers.get_factory_metrics()["dispatchers_created"],
        "emitters_created": bridge["emitters_created"],
        "connections_accepted": managers["managers_created"],
        "connections_refused": managers["managers_refused"],
        "refusals": sum(runtime.audit_trail.refusals.values()),
        **_prefixed("log", runtime.log.counts()),
        **_prefixed("ledger", runtime.ledger.counts()),
        **_prefixed("audit", runtime.audit.counts()),
        **{name: count for part, of in runtime.counted.items() for name, count in _prefixed(part, of()).items()},
    }


def gauges(runtime: Runtime) -> dict[str, int]:
    """What there is at this moment, by name."""
    pool = runtime.pool.get_factory_metrics()
    runs = runtime.turns.all()
    return {
        "connections": pool["connections"],
        "users_connected": pool["users"],
        "runs": sum(run.task is not None for run in runs),
        "runs_queued": sum(run.task is None for run in runs),
        "emitters": runtime.bridge.get_factory_metrics()["emitters_active"],
        "outbox_bytes": sum(connection.outbox.bytes for connection in runtime.connections),
        "draining": int(runtime.draining),
        **{f"{part}_up": int(is_there()) for part, is_there in runtime.beside.items()},
    }


def _prefixed(part: str, counts: Mapping[str, int]) -> dict[str, int]:
    return {f"{part}_{name}": count for name, count in counts.items()}
