"""Agents and tools for the browser tests: one streams until another lets it go on, one asks for approval, one fails, one emits
thousands of events, one answers with hostile markup."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from netra_backend.app.agents.interface import AgentResult, RunScope
from netra_backend.app.agents.tools.definition import Tool
from netra_backend.app.core.errors import DependencyUnavailable
from netra_backend.app.services.user_execution_context import UserExecutionContext
from test_framework.echo import AGENTS as ECHO
from test_framework.echo import TOOLS as REPEAT
from test_framework.echo import Said, repeat

TRIP: Final = {
    "type": "object",
    "properties": {
        "city": {"type": "string"},
        "seats": {"type": "integer", "minimum": 1, "title": "How many seats?"},
        "class": {"enum": ["first", "second"]},
        "window": {"type": "boolean", "description": "It may cost more."},
    },
    "required": ["city", "seats", "class"],
    "additionalProperties": False,
}
HOSTILE: Final = "<img src=x onerror=alert(1)> [x](javascript:alert(1)) <script>alert(1)</script>"

_gates: dict[str, asyncio.Event] = {}


def _gate(user_id: str) -> asyncio.Event:
    return _gates.setdefault(user_id, asyncio.Event())


async def wait(context: UserExecutionContext, _: Said) -> dict[str, Any]:
    """Wait until this user's gate is opened, then close it again."""
    gate = _gate(context.user_id)
    await gate.wait()
    gate.clear()
    return {"went": "on"}


async def open_gate(context: UserExecutionContext, _: Said) -> dict[str, Any]:
    """Let this user's waiting run go on."""
    _gate(context.user_id).set()
    return {"gate": "open"}


class Patient:
    """Says a part of its answer, waits for its gate, says the rest."""

    name = "patient"
    description = "Answers in two parts, the second when its gate is opened."
    tools = frozenset({"wait"})

    async def run(self, scope: RunScope) -> AgentResult:
        await scope.think("I shall wait.")
        await scope.say("The first part. ")
        await scope.use_tool("wait", text=scope.message)
        await scope.say("The second part.")
        return AgentResult("The first part. The second part.")


class Opener:
    """Opens the gate."""

    name = "opener"
    description = "Lets a patient run go on."
    tools = frozenset({"open_gate"})

    async def run(self, scope: RunScope) -> AgentResult:
        await scope.use_tool("open_gate", text=scope.message)
        return AgentResult("opened")


class Careful:
    """Calls a tool that needs its user's approval."""

    name = "careful"
    description = "Repeats the message after an approval."
    tools = frozenset({"repeat_if_allowed"})

    async def run(self, scope: RunScope) -> AgentResult:
        outcome = await scope.use_tool("repeat_if_allowed", text=scope.message)
        return AgentResult("It was allowed." if outcome.ok else "It was denied.")


class Curious:
    """Asks its user for a trip, then for anything."""

    name = "curious"
    description = "Asks before it answers."
    tools: frozenset[str] = frozenset()

    async def run(self, scope: RunScope) -> AgentResult:
        trip = await scope.ask_user("Where to, and how?", schema=TRIP)
        more = await scope.ask_user("Anything else?")
        return AgentResult(f"{trip['seats']} to {trip['city']}, {trip['class']}, window: {trip['window']}; {more}")


class Failing:
    """Fails with a retryable error."""

    name = "failing"
    description = "Fails."
    tools: frozenset[str] = frozenset()

    async def run(self, scope: RunScope) -> AgentResult:
        raise DependencyUnavailable("The oracle does not answer.")


class Talkative:
    """Emits as many thoughts as the message says."""

    name = "talkative"
    description = "Thinks very much."
    tools: frozenset[str] = frozenset()

    async def run(self, scope: RunScope) -> AgentResult:
        for number in range(int(scope.message)):
            await scope.think(f"Thought {number + 1}")
        return AgentResult("That was all.")


class Hostile:
    """Answers with text that looks like markup."""

    name = "hostile"
    description = "Answers with what must not be interpreted."
    tools = frozenset({"repeat"})

    async def run(self, scope: RunScope) -> AgentResult:
        await scope.think(HOSTILE)
        await scope.use_tool("repeat", text=HOSTILE)
        return AgentResult(f"{HOSTILE}\n\n| a | b |\n| - | - |\n| {'long' * 80} | 123456789012345678901234567890 |")


AGENTS: Final = (*ECHO, Patient, Opener, Careful, Curious, Failing, Talkative, Hostile)
TOOLS: Final = (
    *REPEAT,
    Tool("repeat_if_allowed", "Repeats a text, once it may.", Said, repeat, idempotent=True, approval=True),
    Tool("wait", "Waits for a gate.", Said, wait, idempotent=True, timeout_s=300.0),
    Tool("open_gate", "Opens a gate.", Said, open_gate, idempotent=True),
)
