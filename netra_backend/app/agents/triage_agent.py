"""The agent that says what is asked: intent, slots, route and reasons, and what to do next."""

from __future__ import annotations

from typing import Any, Final

from ..core.errors import BudgetRefused, DependencyUnavailable
from ..usage.markdown import text as safe
from .interface import AgentResult, RunScope
from .triage.carry_over import last_question
from .triage.intents import INTENTS, LEVERS
from .triage.llm_intent import MAX_TOKENS, SYSTEM, chosen, question_for
from .triage.understanding import Understanding, understand

CAPABILITIES: Final = (
    "I can tell you what your LLM usage costs (in total, or by model, team, feature, user, provider or day), "
    "why it jumped, where you can spend less, what one savings opportunity or another model would bring, "
    "list prices, forecasts against a budget, counts of requests and tokens, and how to import your data."
)
WITHOUT_DATA: Final = frozenset({"price_lookup", "data_import_help", "agent_help"})
UNDERSTANDS: Final = "triage_agent"
ANSWERS: Final = "cost_optimizer"
"""The agent that answers what this one understands."""


class TriageAgent:
    """Understands a message and says so; it answers nothing itself."""

    name = UNDERSTANDS
    description = (
        "Understands what you ask: the intent, period and model, the savings opportunity, and "
        "which agent should answer."
    )
    tools = frozenset({"data_profile"})
    history_messages = 20

    async def run(self, scope: RunScope) -> AgentResult:
        """Answer with what was understood; ``data`` is the understanding as JSON with ``next``, ``has_data`` and ``fallback``
        beside it: why it is not the language model's, if there is one."""
        await scope.think("Reading your question, and checking what data there is to answer it.")
        profile = await scope.use_tool("data_profile")
        has_data = profile.ok and bool(profile.result.get("rows"))
        intents, fallback = await _asked_model(scope) if scope.has_model else ((), None)
        understood = understand(
            scope.message, now_ms=scope.now_ms, timezone=scope.timezone, history=scope.history, chosen=intents
        )
        step = _next_step(understood, has_data=has_data)
        told = {"next": step, "has_data": has_data, "fallback": fallback}
        return AgentResult(_markdown(understood, step), understood.as_json() | told)


async def _asked_model(scope: RunScope) -> tuple[tuple[str, ...], str | None]:
    """The intents that the language model finds in the message; none, and why, if it is away or says anything else."""
    earlier = last_question(scope.history)
    before = ("", False) if earlier is None else (earlier.text, earlier.asked_back)
    prompt = question_for(scope.message, before=before[0], asked_back=before[1])
    try:
        reply = await scope.ask_model(prompt, system=SYSTEM, max_tokens=MAX_TOKENS, shown=False)
    except (DependencyUnavailable, BudgetRefused) as fault:
        return (), fault.message
    intents = chosen(reply.text)
    return intents, None if intents else "The language model named no intent."


def _next_step(understood: Understanding, *, has_data: bool) -> dict[str, Any]:
    if understood.route == "refuse":
        return {"agent": None, "hint": CAPABILITIES}
    if understood.route == "clarify":
        return {"agent": None, "hint": "Say which of the two you mean, or rephrase your question."}
    if not has_data and understood.intent not in WITHOUT_DATA:
        return {"agent": ANSWERS, "hint": "There is no usage data yet. Import some first: `netra import FILE`."}
    return {"agent": ANSWERS, "hint": f"`{ANSWERS}` answers that: ask without naming an agent, and it does."}


def _markdown(understood: Understanding, step: dict[str, Any]) -> str:
    parts = understood.parts or (understood,)
    lines = [f"You are asking {len(parts)} things."] if len(parts) > 1 else []
    for number, part in enumerate(parts, 1):
        lines.append(f"{number}. {_sentence(part)}" if len(parts) > 1 else _sentence(part))
        lines += [f"   - {name}: {value}" for name, value in _slot_lines(part)]
    return "\n".join([*lines, "", str(step["hint"])])


def _sentence(part: Understanding) -> str:
    if part.route == "refuse":
        return "I cannot help with that."
    if part.route == "clarify":
        return f"I am not sure what you mean. {part.question}"
    return f"You want to know {INTENTS[part.intent]} (`{part.intent}`, {part.confidence:.0%} sure)."


def _slot_lines(part: Understanding) -> list[tuple[str, str]]:
    slots = {name: safe(value) for name, value in part.slots.as_json().items()}
    if part.period is not None:
        slots["period"] = f"{safe(part.period.said)} ({part.period.start or 'the beginning'} to {part.period.end})"
    if part.slots.lever is not None:
        del slots["lever"]
        slots["savings opportunity"] = LEVERS[part.slots.lever]
    return [(name.replace("_", " "), value) for name, value in slots.items()]
