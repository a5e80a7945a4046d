"""Agents and tools that release 0.1.0 is given: runs of each kind that can be cut off, and of each that ends.

Where ``NETRA_TEST_TOOLS`` is ``hold``, tools that a kill is to meet never answer.
"""

from __future__ import annotations

import asyncio
import os
from typing import Any, Final

from netra_backend.app.agents.agent import AgentResult, RunScope
from netra_backend.app.agents.tools.tool import Arguments, Tool
from netra_backend.app.services.user_execution_context import UserExecutionContext


class Said(Arguments, frozen=True):
    text: str


async def note(context: UserExecutionContext, arguments: Said) -> dict[str, Any]:
    return {"user_id": context.user_id, "text": arguments.text}


async def note_if_let(context: UserExecutionContext, arguments: Said) -> dict[str, Any]:
    if os.environ["NETRA_TEST_TOOLS"] == "hold":
        await asyncio.get_running_loop().create_future()
    return {"user_id": context.user_id, "text": arguments.text}


class Teller:
    """Ends well, and tells what it knows of the thread."""

    name = "teller"
    description = "Notes what it is told, and tells what was said before."
    tools = frozenset({"note"})
    history_messages = 20

    async def run(self, scope: RunScope) -> AgentResult:
        await scope.think(f"Told at {scope.timezone}: {scope.message}")
        outcome = await scope.use_tool("note", text=scope.message)
        await scope.say("Noted. ")
        before = [[past.role, past.text] for past in scope.history]
        return AgentResult(f"Noted: {scope.message}", {"noted": outcome.result, "before": before})


class Pair:
    """Has one step recorded, and another, which may happen once only, begun."""

    name = "pair"
    description = "Notes twice."
    tools = frozenset({"note", "note_once"})

    async def run(self, scope: RunScope) -> AgentResult:
        await scope.think("Twice.")
        first = await scope.use_tool("note", text=scope.message)
        await scope.say("One of two. ")
        second = await scope.use_tool("note_once", text=scope.message)
        return AgentResult("Both were tried.", {"first": first.result, "second": second.error or second.result})


class Again:
    """Has a step begun that may happen again."""

    name = "again"
    description = "Notes slowly."
    tools = frozenset({"note_slowly"})

    async def run(self, scope: RunScope) -> AgentResult:
        outcome = await scope.use_tool("note_slowly", text=scope.message)
        return AgentResult("Noted.", {"noted": outcome.result})


class Quoter:
    """Passes on what a language model says."""

    name = "quoter"
    description = "Quotes a language model."
    tools: frozenset[str] = frozenset()

    async def run(self, scope: RunScope) -> AgentResult:
        await scope.think("I ask.")
        reply = await scope.ask_model(scope.message)
        return AgentResult(reply.text, {"cost_usd": reply.cost_usd})


class Asker:
    """Asks its user before it notes."""

    name = "asker"
    description = "Notes what it may."
    tools = frozenset({"note_if_allowed"})

    async def run(self, scope: RunScope) -> AgentResult:
        await scope.think("I ask you.")
        outcome = await scope.use_tool("note_if_allowed", text=scope.message)
        return AgentResult("Allowed." if outcome.ok else "Denied.", {"noted": outcome.result, "error": outcome.error})


class Failing:
    """Fails."""

    name = "failing"
    description = "Fails."
    tools: frozenset[str] = frozenset()

    async def run(self, scope: RunScope) -> AgentResult:
        await scope.think("It will not go well.")
        raise RuntimeError(scope.message)


AGENTS: Final = (Teller, Pair, Again, Quoter, Asker, Failing)
TOOLS: Final = (
    Tool("note", "Notes a text.", Said, note, idempotent=True),
    Tool("note_once", "Notes a text, once.", Said, note_if_let, idempotent=False),
    Tool("note_slowly", "Notes a text, in time.", Said, note_if_let, idempotent=True),
    Tool("note_if_allowed", "Notes a text, once it may.", Said, note, idempotent=True, approval=True),
)
