"""Plans: which limits, budget, agents and tools the users of each have; made from what ``plans.toml`` says."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final

from .budgets import PERIODS, UNBOUND, Bound, RunBudget
from .limits import LIMIT_RANGES, Limits

PLAN_LIMITS: Final = (
    "connections", "runs", "queued_runs", "run_s", "model_tokens", "transfers", "user_requests",
    "frame_rate", "frame_burst", "raw_frame_rate", "raw_frame_burst", "byte_rate", "byte_burst",
    "claim_rate", "claim_burst", "request_rate", "request_burst", "resume_rate", "resume_burst",
)  # fmt: skip
"""The limits that are each user's own, so that a plan may set them."""

_KEYS: Final = ("limits", "budget", "agents", "tools")
_BUDGET_KEYS: Final = (*PERIODS, "timezone", "unpriced")
_BOUND_KEYS: Final = ("usd", "tokens")
_UNPRICED: Final = ("refuse", "count")
_NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,63}").fullmatch
_MOST_USD: Final = 1_000_000
_MOST_TOKENS: Final = 10**15
_USD_PLACES: Final = -12


@dataclass(frozen=True, slots=True)
class Plan:
    """``limits`` are the server's with those that the plan sets. ``agents`` and ``tools``: no others exist for its users;
    ``None``: all do."""

    name: str
    limits: Limits
    budget: RunBudget | None = None
    agents: frozenset[str] | None = None
    tools: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Plans:
    """The plans of a server. ``usual`` is that of users whose token names none."""

    by_name: Mapping[str, Plan]
    usual: Plan

    def has(self, name: str) -> bool:
        """Whether a token may name this plan."""
        return name in self.by_name

    def of(self, name: str) -> Plan:
        """The plan of that name. The usual one if it is empty, or if the plan with which a run began is gone."""
        return self.by_name.get(name, self.usual)

    def unknown_names(self, agents: Collection[str], tools: Collection[str]) -> list[str]:
        """What plans name that the server does not have, in words."""
        named = [
            (f"plans.{plan.name}.{kind}s", kind, name, known)
            for plan in self.by_name.values()
            for kind, names, known in (("agent", plan.agents, agents), ("tool", plan.tools, tools))
            for name in sorted((names or frozenset()) - frozenset(known))
        ]
        return [
            f"{key}: there is no {kind} named {name[:64]!r}.{_nearest(name, known)}" for key, kind, name, known in named
        ]


def of_agents(plan: Plan | None, agents: frozenset[str], limits: Limits) -> Plan | None:
    """The plan for who may ask these ``agents`` alone; as it is, if none are named."""
    if not agents:
        return plan
    usual = Plan("", limits) if plan is None else plan
    return replace(usual, agents=agents if usual.agents is None else usual.agents & agents)


def make_plans(
    told: Mapping[str, Any], limits: Limits, usual: str, is_zone: Callable[[str], bool]
) -> tuple[Plans | None, list[str]]:
    """The plans of a parsed file, whose fractions are decimals, and every fault in it, each with its key. ``usual`` is the name
    of the plan of users whose token names none; empty: they have no bounds but the server's."""
    reader = _Reader(limits, is_zone)
    found = dict(reader.plans(told))
    if usual and usual not in found:
        reader.fault("NETRA_DEFAULT_PLAN", f"there is no plan named {usual[:64]!r}.{_nearest(usual, found)}")
    if reader.faults:
        return None, reader.faults
    return Plans(found, found.get(usual) or Plan("", limits)), []


class _Reader:
    """Reads a file's tables, and keeps every fault that it finds."""

    def __init__(self, limits: Limits, is_zone: Callable[[str], bool]) -> None:
        self.faults: list[str] = []
        self._limits = limits
        self._is_zone = is_zone

    def fault(self, key: str, what: str) -> None:
        self.faults.append(f"{key}: {what}")

    def plans(self, told: Mapping[str, Any]) -> Iterator[tuple[str, Plan]]:
        table = self._table("", told, ("plans",)).get("plans", {})
        for name, plan in self._mapping("plans", table).items():
            if not _NAME(name):
                self.fault(
                    f"plans.{name[:64]}",
                    "a plan's name is lower-case letters, digits, _ and -, and begins with a letter.",
                )
            yield name, self._plan(f"plans.{name[:64]}", name, plan)

    def _plan(self, key: str, name: str, told: Any) -> Plan:
        table = self._table(key, told, _KEYS)
        return Plan(
            name,
            self._plan_limits(f"{key}.limits", table.get("limits", {})),
            self._budget(f"{key}.budget", table["budget"]) if "budget" in table else None,
            self._names(f"{key}.agents", table.get("agents")),
            self._names(f"{key}.tools", table.get("tools")),
        )

    def _plan_limits(self, key: str, told: Any) -> Limits:
        given: dict[str, Any] = {}
        for name, value in self._table(key, told, PLAN_LIMITS).items():
            bounds, whole = LIMIT_RANGES[name], isinstance(getattr(self._limits, name), int)
            if (
                not self._is_number(value)
                or (whole and type(value) is not int)
                or not bounds.low <= value <= bounds.high
            ):
                kind = "whole number" if whole else "number"
                self.fault(f"{key}.{name}", f"use a {kind} from {bounds.low:g} to {bounds.high:g} ({bounds.unit}).")
            else:
                given[name] = int(value) if whole else float(value)
        limits = replace(self._limits, **given)
        known = self._limits.contradictions()
        for larger, smaller, _ in [each for each in limits.contradictions() if each not in known]:
            self.fault(key, f"{larger} is smaller than {smaller}. Raise the first or lower the second.")
        return limits

    def _budget(self, key: str, told: Any) -> RunBudget:
        table = self._table(key, told, _BUDGET_KEYS)
        zone, unpriced = table.get("timezone", "UTC"), table.get("unpriced", "refuse")
        if not isinstance(zone, str) or not self._is_zone(zone):
            self.fault(f"{key}.timezone", "use an IANA name such as Europe/Berlin.")
        if unpriced not in _UNPRICED:
            self.fault(f"{key}.unpriced", f"use {' or '.join(_UNPRICED)}.")
        bounds = {period: self._bound(f"{key}.{period}", table[period]) for period in PERIODS if period in table}
        if not bounds:
            self.fault(key, f"it bounds nothing. Add one of {', '.join(PERIODS)}.")
        return RunBudget(**bounds, timezone=str(zone), counts_unpriced=unpriced == "count")

    def _bound(self, key: str, told: Any) -> Bound:
        table = self._table(key, told, _BOUND_KEYS)
        if not table:
            self.fault(key, "it bounds nothing. Add usd or tokens.")
            return UNBOUND
        return Bound(
            self._usd(f"{key}.usd", table["usd"]) if "usd" in table else None,
            self._tokens(f"{key}.tokens", table["tokens"]) if "tokens" in table else None,
        )

    def _usd(self, key: str, value: Any) -> Decimal | None:
        if isinstance(value, str) and re.fullmatch(r"[0-9]{1,9}(?:\.[0-9]{1,12})?", value):
            value = Decimal(value)
        is_amount = self._is_number(value) and 0 <= value <= _MOST_USD
        if is_amount and Decimal(value).as_tuple().exponent >= _USD_PLACES:  # type: ignore[operator]  # it is finite
            return Decimal(value)
        self.fault(key, f"use an amount of dollars from 0 to {_MOST_USD:,}, with at most twelve places.")
        return None

    def _tokens(self, key: str, value: Any) -> int | None:
        if type(value) is int and 0 <= value <= _MOST_TOKENS:
            return value
        self.fault(key, f"use a whole number from 0 to {_MOST_TOKENS}.")
        return None

    def _names(self, key: str, told: Any) -> frozenset[str] | None:
        if told is None:
            return None
        if not isinstance(told, list) or not all(isinstance(name, str) and name for name in told):
            self.fault(key, "use a list of names.")
            return frozenset()
        return frozenset(told)

    def _table(self, key: str, told: Any, known: Sequence[str]) -> Mapping[str, Any]:
        table = self._mapping(key, told)
        for name in table:
            if name not in known:
                where = f"{key}.{name[:64]}" if key else name[:64]
                self.fault(where, f"this is not known here.{_nearest(name, known)}")
        return {name: value for name, value in table.items() if name in known}

    def _mapping(self, key: str, told: Any) -> Mapping[str, Any]:
        if isinstance(told, Mapping):
            return told
        self.fault(key, "use a table.")
        return {}

    @staticmethod
    def _is_number(value: Any) -> bool:
        return type(value) is int or (isinstance(value, Decimal) and value.is_finite())


def _nearest(name: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.5)
    return f" Did you mean {near[0]}?" if near else ""
