"""The agent that finds what the user's own LLM bill could be instead, with its reasons and its doubts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from .answers import by_model, counts, help, prices, saving, spending
from .answers.asked import Answer, Asked, fault
from .house_rules import UnusableAnswer
from .interface import AgentResult, RunScope, ToolOutcome
from .triage.llm_intent import intents_in
from .triage.understanding import Understanding, understand

ANSWERS: Final[Mapping[str, Callable[[Asked], Awaitable[Answer]]]] = {
    "cost_overview": spending.overview,
    "cost_breakdown": spending.breakdown,
    "cost_anomaly": spending.anomaly,
    "forecast_budget": spending.forecast,
    "savings_all": saving.report,
    "savings_lever": saving.lever,
    "what_if": saving.supposition,
    "price_lookup": prices.prices,
    "usage_query": counts.counts,
    "data_import_help": help.import_help,
    "agent_help": help.agent_help,
}
"""Intent → how it is answered."""

WITHOUT_DATA: Final = frozenset({"price_lookup", "data_import_help", "agent_help"})
"""What can be answered before anything was imported."""


IN_THE_REPORT: Final = frozenset({"cost_overview", "cost_breakdown"})
"""What the answer to ``savings_all`` tells as well."""


class CostOptimizer:
    """Answers questions about LLM spend from the user's own usage data."""

    name = "cost_optimizer"
    description = "Finds where your LLM money goes and where you can cut, from your own usage data."
    tools = frozenset(
        {
            "data_profile",
            "database_query",
            "price_lookup",
            "cost_summary",
            "detect_anomalies",
            "estimate_savings",
            "combine_savings",
            "what_if",
            "forecast_spend",
        }
    )
    history_messages = 20

    async def run(self, scope: RunScope) -> AgentResult:
        """Answer each part of the message, in order; ``data`` is ``{intent, …}``, or ``{parts: […]}`` if there are several.

        If there is no data, ``data.code`` is ``NO_DATA``; if a tool could not answer, it is that tool's code. If there is
        data and a language model that can choose tools, that answers, and ``data.phrased_by_model`` says whether it did; if not,
        ``data.fallback`` says why, and the rules' answer is there.
        """
        await scope.think("Checking what usage data there is.")
        profiled = await scope.use_tool("data_profile")
        understood = understand(
            scope.message,
            now_ms=scope.now_ms,
            timezone=scope.timezone,
            history=scope.history,
            chosen=intents_in(scope.parts),
        )
        parts, fallback = _parts(understood), None
        if profiled.ok and profiled.result["rows"] and by_model.can_answer(scope):
            try:
                answer = await by_model.answer(scope, self.name, parts, profiled.result)
            except UnusableAnswer as why:
                fallback = why.reason
            else:
                intent = understood.intent if understood.route == "agent" else None
                told = {"intent": intent, **answer.data, "phrased_by_model": True, "fallback": None}
                return AgentResult(answer.text, told)
        answers = [(part.intent, await _answer(scope, part, profiled)) for part in parts]
        data = [{"intent": intent, **answer.data} for intent, answer in answers]
        texts = [answer.text for _, answer in answers]
        whole = data[0] if len(data) == 1 else {"parts": data}
        if fallback is not None:
            texts.insert(0, by_model.note(fallback))
            whole |= {"phrased_by_model": False, "fallback": fallback}
        return AgentResult("\n\n".join(texts), whole)


def _parts(understood: Understanding) -> tuple[Understanding, ...]:
    """The parts to answer. The whole report holds the bill and its splits, so asked beside it they are not answered twice."""
    parts = understood.parts or (understood,)
    reported = [part.period for part in parts if part.intent == "savings_all"]
    return tuple(
        part
        for part in parts
        if part.intent not in IN_THE_REPORT or not reported or part.period not in (None, reported[0])
    )


async def _answer(scope: RunScope, part: Understanding, profiled: ToolOutcome) -> Answer:
    if part.route == "refuse":
        return help.refusal()
    if part.route == "clarify":
        return Answer(part.question or "What would you like to know?", {"question": part.question})
    profile: Mapping[str, Any] = profiled.result if profiled.ok else {"rows": 0}
    if part.intent not in WITHOUT_DATA and not profile["rows"]:
        absent = profiled.ok or (profiled.error or {}).get("code") == "NO_DATA"
        return help.no_data() if absent else fault(profiled)
    return await ANSWERS[part.intent](Asked(scope, part, profile))
