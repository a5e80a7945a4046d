"""The replay against a cache of prefixes; what it saves is checked in ``test_prompt_cache``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from netra_backend.app.usage.levers.log import Log, Options, load_log
from netra_backend.app.usage.levers.prefix_replay import Replay, SessionReplay, minimum_prefix
from test_framework.usage_rows import usage_rows


def load(rows: Iterable[Mapping[str, Any]]) -> Log:
    return load_log(usage_rows(rows, block_tokens=100), {}, Options())


def hits(
    rows: Iterable[Mapping[str, Any]],
    *,
    alive: Sequence[bool] | None = None,
    minimum: int = 0,
    time_to_live_ms: int = 300_000,
    per_team: bool = False,
) -> list[int]:
    log = load(rows)
    replay = Replay(log, np.arange(len(log)))
    sent = np.ones(len(log), dtype=bool) if alive is None else np.array(alive)
    found: list[int] = replay.hit_tokens(sent, np.full(len(log), minimum), time_to_live_ms, per_team=per_team).tolist()
    return found


def test_hits_are_leading_blocks() -> None:
    rows = [
        {"at": 0, "prefix_blocks": [1, 2, 3]},
        {"at": 1, "prefix_blocks": [1, 2, 9]},
        {"at": 2, "prefix_blocks": [5, 2, 3]},
    ]
    assert hits(rows) == [0, 200, 0]


def test_only_full_blocks_count() -> None:
    rows = [{"at": at, "prefix_blocks": [1, 2, 3], "input_tokens": 250} for at in (0, 1)]
    assert hits(rows) == [0, 200]


def test_a_request_that_was_never_sent_warms_nothing() -> None:
    rows = [{"at": at, "prefix_blocks": [1]} for at in (0, 1, 2)]
    assert hits(rows, alive=[False, True, True]) == [0, 0, 100]


def test_a_prompt_that_is_too_short_warms_nothing() -> None:
    rows = [{"at": 0, "prefix_blocks": [1], "input_tokens": 150}, {"at": 1, "prefix_blocks": [1, 2]}]
    assert hits(rows, minimum=200) == [0, 0]


def test_what_was_seen_before_is_counted_whenever_that_was() -> None:
    rows = [{"at": at, "prefix_blocks": [1, 2]} for at in (0, 100_000)]
    assert hits(rows) == [0, 0]
    log = load(rows)
    assert Replay(log, np.arange(2)).tokens_seen_before() == 200


def test_a_block_that_comes_twice_in_a_prompt_is_two_blocks() -> None:
    assert hits([{"at": 0, "prefix_blocks": [1, 1, 1]}]) == [0]


@pytest.mark.parametrize(
    ("provider", "model", "tokens"),
    [
        ("openai", "gpt-4o", 1024),
        ("anthropic", "claude-sonnet-4-5", 1024),
        ("anthropic", "claude-haiku-4-5", 4096),
        ("anthropic", "claude-opus-4-8", 4096),
        ("deepseek", "deepseek-chat", 64),
    ],
)
def test_each_provider_has_its_shortest_prefix(provider: str, model: str, tokens: int) -> None:
    assert minimum_prefix(load([{"provider": provider, "model": model}])).tolist() == [tokens]


def test_a_session_is_followed_from_prompt_to_prompt() -> None:
    rows = [
        {"at": 0, "session_id": "s", "input_tokens": 1000},
        {"at": 10, "session_id": "t", "input_tokens": 5000},
        {"at": 20, "session_id": "s", "input_tokens": 1200},
        {"at": 30, "session_id": "s", "input_tokens": 1250},
        {"at": 900, "session_id": "s", "input_tokens": 2000},
    ]
    log = load(rows)
    replay = SessionReplay(log, np.arange(len(log)), 300_000)
    alive = np.ones(len(log), dtype=bool)
    assert dict(zip(replay.after.tolist(), replay.hit_tokens(alive, grown_only=False).tolist(), strict=True)) == {
        2: 1000,
        3: 1200,
    }
    # From 1200 with an answer of 100 a resent conversation has 1300 at least; 1250 is no such.
    assert replay.hit_tokens(alive, grown_only=True).tolist() == [1000, 0]
    alive[0] = False
    assert replay.hit_tokens(alive, grown_only=False).tolist() == [0, 1200]
