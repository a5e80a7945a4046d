"""The agent that says what is asked: intent, slots, route and reasons, and what to do next."""

from __future__ import annotations

from typing import Any, Final

from .agent import AgentResult, RunScope
from .triage.intents import INTENTS, LEVERS
from .triage.understanding import Understanding, understand

CAPABILITIES: Final = (
    "I can tell what your LLM usage costs (in all, or by model, team, feature, user, provider or day), why it jumped, where "
    "to spend less and what a lever or another model would bring, list prices, forecasts against a budget, counts of "
    "requests and tokens, and how to import your data."
)


class TriageAgent:
    """Understands a message and says so; it answers nothing itself."""

    name = "triage_agent"
    description = "Understands what you ask: intent, period, model, lever, and who should answer."
    tools = frozenset({"data_profile"})

    async def run(self, scope: RunScope) -> AgentResult:
        """Answer with what was understood; ``data`` is the understanding as JSON with ``next`` beside it."""
        await scope.think("Reading what you ask, and looking at what data there is to answer it with.")
        profile = await scope.use_tool("data_profile")
        understood = understand(scope.message, now_ms=scope.now_ms, timezone=scope.timezone, history=scope.history)
        step = _next_step(understood, has_data=profile.ok)
        data = understood.as_json() | {"next": step, "has_data": profile.ok}
        return AgentResult(_markdown(understood, step), data)


def _next_step(understood: Understanding, *, has_data: bool) -> dict[str, Any]:
    if understood.route == "refuse":
        return {"agent": None, "hint": CAPABILITIES}
    if understood.route == "clarify":
        return {"agent": None, "hint": understood.question}
    if not has_data and understood.intent not in ("price_lookup", "data_import_help", "agent_help"):
        return {"agent": "cost_optimizer", "hint": "There is no usage data yet: import some first (netra import FILE)."}
    return {"agent": "cost_optimizer", "hint": "Ask cost_optimizer the same question."}


def _markdown(understood: Understanding, step: dict[str, Any]) -> str:
    lines = []
    for number, part in enumerate(understood.parts or (understood,), 1):
        lead = f"{number}. " if understood.parts else ""
        lines.append(f"{lead}{_sentence(part)}")
        lines.extend(f"   - {name}: {value}" for name, value in _slot_lines(part))
    lines += ["", str(step["hint"])]
    return "\n".join(lines)


def _sentence(part: Understanding) -> str:
    if part.route == "refuse":
        return "This is outside of what I do."
    if part.route == "clarify":
        return f"I am not sure what you want: {part.question}"
    return f"You ask for **{INTENTS[part.intent]}** (`{part.intent}`, confidence {part.confidence:.2f})."


def _slot_lines(part: Understanding) -> list[tuple[str, str]]:
    slots = part.slots.as_json()
    if part.period is not None:
        slots["period"] = f"{part.period.said} ({part.period.start or 'the beginning'} to {part.period.end})"
    if part.slots.lever is not None:
        slots["lever"] = LEVERS[part.slots.lever]
    return list(slots.items())
