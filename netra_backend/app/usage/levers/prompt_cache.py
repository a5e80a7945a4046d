"""Prompt caching: what the provider's cache of prompt prefixes would have saved, by replaying the log against it."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from ..money import percent
from .lever import NOTHING, Bill, Indices, Lever, Missing, Plan, Saving, Scenario
from .log import Ints, Log
from .prefix_replay import Replay, SessionReplay, minimum_prefix

TIME_TO_LIVE_MS: Final = 300_000
LONG_TIME_TO_LIVE_MS: Final = 600_000


def assess(log: Log) -> Plan | Missing:
    """Prepare the replay of rows that name their prefix, and that of sessions for those that do not."""
    cacheable = log.priced & log.ok & log.single & (log.rates("cache_read") < log.rates("input"))
    named = np.flatnonzero(cacheable & log.has_blocks)
    by_session = np.flatnonzero(cacheable & ~log.has_blocks & (log.session != 0))
    if not len(named) and not len(by_session):
        if cacheable.any() or not log.priced.any():
            return Missing(
                ("prefix_blocks", "session_id"),
                "Log hashes of the prompt's leading blocks (prefix_blocks, block_tokens), or at least a session id.",
            )
        return Plan(_nothing, 0.0, "high", ("No model in this log has a price for cached input.",))
    replay, sessions = Replay(log, named), SessionReplay(log, by_session, TIME_TO_LIVE_MS)
    minimum = minimum_prefix(log)
    writes_cost = np.zeros(len(log), dtype=bool)
    writes_cost[np.r_[named, by_session]] = True
    writes_cost &= (log.rates("cache_write") > log.rates("input")) & (log.input_tokens >= minimum)
    cache_use_is_logged = log.knows("cache_reads")
    logged = cache_use_is_logged & log.has_blocks & cacheable
    all_logged = bool(cache_use_is_logged[cacheable].all())

    def take(bill: Bill, scenario: Scenario) -> Saving:
        if scenario is Scenario.LOW and not logged.any():
            return NOTHING
        read = np.zeros(len(log), dtype=np.int64)
        alive = bill.alive()
        if len(named):
            kept = LONG_TIME_TO_LIVE_MS if scenario is Scenario.HIGH else TIME_TO_LIVE_MS
            read[named] = replay.hit_tokens(alive, minimum, kept, per_team=scenario is Scenario.LOW)
        if scenario is not Scenario.LOW:
            read[sessions.after] = sessions.hit_tokens(alive, grown_only=scenario is Scenario.BASE)
        read[read < minimum] = 0
        counted = ((read > 0) | writes_cost) & alive
        return _charge(
            log, bill, np.flatnonzero(counted & logged if scenario is Scenario.LOW else counted), read, minimum
        )

    return Plan(
        take,
        coverage=float(log.cost[named].sum() + log.cost[by_session].sum()),
        confidence=("high" if all_logged else "medium") if len(named) >= len(by_session) else "low",
        assumptions=_assumptions(len(named), len(by_session), all_logged),
        details=_details(log, named, replay),
    )


def _nothing(bill: Bill, scenario: Scenario) -> Saving:
    return NOTHING


def _charge(log: Log, bill: Bill, rows: Indices, read: Ints, minimum: Ints) -> Saving:
    """Move tokens from the full price to the cache's, and charge what the provider takes for writing; model by model, and
    only where that is cheaper."""
    p_input, p_read, p_write = (log.rates(part)[rows] for part in ("input", "cache_read", "cache_write"))
    uncached = log.uncached[rows]
    more_read = np.clip(read[rows] - log.read[rows], 0, uncached)
    long_enough = log.input_tokens[rows] >= minimum[rows]
    written = np.where(long_enough, log.input_tokens[rows] - read[rows], 0)
    more_written = np.where(p_write > p_input, np.clip(written - log.write[rows], 0, uncached - more_read), 0)
    # What earlier levers left of a row's price holds for its cached tokens, too.
    left = np.divide(bill.input[rows], uncached * p_input, out=np.zeros(len(rows)), where=uncached * p_input > 0)
    gain = left * (more_read * (p_input - p_read) - more_written * (p_write - p_input))
    worthwhile = (np.bincount(log.model[rows], weights=gain, minlength=1) > 0)[log.model[rows]] & (gain != 0)
    chosen = rows[worthwhile]
    if not len(chosen):
        return NOTHING
    share, moved, stored = left[worthwhile], more_read[worthwhile], more_written[worthwhile]
    bill.set("read", chosen, bill.read[chosen] + share * moved * p_read[worthwhile])
    bill.set("write", chosen, bill.write[chosen] + share * stored * p_write[worthwhile])
    bill.set("input", chosen, bill.input[chosen] - share * (moved + stored) * p_input[worthwhile])
    return Saving(chosen, gain[worthwhile])


def _assumptions(named: int, by_session: int, all_logged: bool) -> tuple[str, ...]:
    assumptions = [
        "A prefix stays cached for 300 s after its last use (600 s in high; shared only within a team in low).",
        "Prompts shorter than the provider's minimum are not cached. The part of a longer prompt that was "
        "not read is written, at the provider's price for writing. Models for which that costs more than it "
        "saves are left out.",
    ]
    if by_session:
        assumptions.append(
            f"{by_session:,} requests name no prefix; it is inferred from their session, as an upper bound "
            "(base: the prompt grew by at least the last answer, as a resent conversation does; low: "
            "nothing)."
        )
    if named and not all_logged:
        assumptions.append(
            "Not every log says what was already cached, and a provider that caches automatically may "
            "already have given this discount; low counts only logs that do say."
        )
    return tuple(assumptions)


def _details(log: Log, named: Indices, replay: Replay) -> dict[str, Any]:
    tokens = int(log.input_tokens[named].sum())
    return {"prefix_hit_percent": percent(replay.tokens_seen_before(), tokens) if tokens else None}


LEVER: Final = Lever(
    "prompt_cache",
    "Cache prompt prefixes",
    "Σ read·(p_input − p_read) − Σ written·(p_write − p_input), replayed by (model, prefix), minus what was "
    "already cached",
    "none: the model sees the same prompt",
    assess,
)
