"""Counts, tokens, latency and failures: usage that is not money."""

from __future__ import annotations

import re
from typing import Any, Final

from ...usage.markdown import table, text
from .asked import Answer, Asked, fault

_WORDS: Final = (
    (r"fail|error|succe", ("requests", "errors", "error_rate")),
    (r"latenc|slow|fast|p50|p95|p99|how long|response time", ("requests", "p50_latency_ms", "p95_latency_ms")),
    (r"cach", ("requests", "input_tokens", "cache_read_tokens", "cache_hit_rate")),
    (r"token", ("requests", "input_tokens", "output_tokens")),
    (r"session|conversation", ("requests", "sessions")),
    (r"how many users|active users", ("requests", "end_users")),
)
_USUAL: Final = ("requests", "input_tokens", "output_tokens", "errors")
_GROUPS: Final = {"user": "end_user"}


async def counts(asked: Asked) -> Answer:
    """Ask for what the words name, split by what they name."""
    metrics = _metrics(asked.part.text)
    arguments: dict[str, Any] = {"metrics": metrics, "timezone": asked.scope.timezone, "limit": 50}
    arguments["group_by"] = [_GROUPS.get(name, name) for name in asked.part.dimensions]
    narrowed = asked.narrowed()
    if "period" in narrowed:
        arguments["period"] = narrowed["period"]
    if "model" in narrowed:
        arguments["filters"] = [{"column": "model", "op": "=", "value": narrowed["model"]}]
    outcome = await asked.scope.use_tool("database_query", **arguments)
    if not outcome.ok:
        return fault(outcome)
    found = outcome.result
    names = found["columns"]
    rows = [[_shown(value) for value in row] for row in found["rows"]]
    header = [name.replace("_", " ").capitalize() for name in names]
    lines = table(header, rows, numbers=len(names) - len(metrics))
    if found["truncated"]:
        lines += ["", "There are more rows; name a period or a filter to narrow them down."]
    return Answer(asked.heading() + "\n".join(lines), {"query": arguments, "result": found})


def _metrics(message: str) -> list[str]:
    lowered = message.lower()
    found = [metric for pattern, metrics in _WORDS if re.search(pattern, lowered) for metric in metrics]
    return list(dict.fromkeys(found)) or list(_USUAL)


def _shown(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return text(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4g}"
