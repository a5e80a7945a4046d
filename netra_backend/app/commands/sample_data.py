"""A made-up month of usage, for a demonstration where no real trace is at hand. Marked as generated wherever it is shown."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

SEED: Final = 20261101
DAYS: Final = 30
_START: Final = datetime(2026, 10, 1, tzinfo=UTC)
_FEATURES: Final = (
    # feature, team, model, share of requests, input tokens, output tokens, repeats, batch-like
    ("support-chat", "support", "gpt-4o", 0.46, 3200, 260, 0.10, False),
    ("ticket-tagging", "support", "gpt-4o", 0.22, 900, 12, 0.30, False),
    ("nightly-summaries", "analytics", "gpt-4.1", 0.14, 7600, 640, 0.02, True),
    ("code-review", "platform", "claude-sonnet-4-5", 0.12, 9800, 900, 0.0, False),
    ("experiments", "research", "house-model-7b", 0.06, 1500, 300, 0.0, False),
)


def write_sample(path: Path) -> int:
    """Write the sample as JSON lines; how many rows. The same file every time, so that it is imported once."""
    count = 0
    with path.open("w", encoding="utf-8") as file:
        for row in _rows(random.Random(SEED)):  # noqa: S311  # made-up data, not a secret
            file.write(json.dumps(row) + "\n")
            count += 1
    return count


def _rows(chance: random.Random) -> Iterator[dict[str, Any]]:
    number = 0
    for day in range(DAYS):
        date = _START + timedelta(days=day)
        weekday = 0.45 if date.weekday() >= 5 else 1.0
        spike = 3.0 if day == 20 else 1.0
        for feature, team, model, share, tokens_in, tokens_out, repeats, batch_like in _FEATURES:
            requests = round(220 * share * weekday * (spike if feature == "support-chat" else 1.0))
            for _ in range(requests):
                number += 1
                yield _row(chance, number, date, feature, team, model, tokens_in, tokens_out, repeats, batch_like)


def _row(
    chance: random.Random,
    number: int,
    date: datetime,
    feature: str,
    team: str,
    model: str,
    tokens_in: int,
    tokens_out: int,
    repeats: float,
    batch_like: bool,
) -> dict[str, Any]:
    second = chance.randrange(2 * 3600, 4 * 3600) if batch_like else chance.randrange(7 * 3600, 20 * 3600)
    repeated = chance.random() < repeats
    prompt = f"{feature}-{chance.randrange(40)}" if repeated else f"{feature}-{number}"
    failed = chance.random() < 0.02
    spread = random.Random(prompt).lognormvariate(0, 0.35)  # noqa: S311  # the same prompt has the same length
    return {
        "ts": (date + timedelta(seconds=second)).isoformat(),
        "model": model,
        "operation": "chat",
        "status": "error" if failed else "ok",
        "input_tokens": max(1, round(tokens_in * spread)),
        "output_tokens": 0 if failed else max(1, round(tokens_out * chance.lognormvariate(0, 0.4))),
        "latency_ms": round(chance.lognormvariate(7.2, 0.5)),
        "session_id": f"{feature}-{date:%m%d}-{chance.randrange(30)}",
        "request_id": f"sample-{number}",
        "feature": feature,
        "team": team,
        "end_user": f"person-{chance.randrange(60)}",
        "is_batch": False,
        "prompt_hash": prompt,
    }
