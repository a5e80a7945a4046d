"""The agents and tools of ``tests/data/0.1.0/agents_of_0_1_0.py`` as today's server has them: what 0.1.0 began goes on with them.

Where ``NETRA_TEST_STANDS_AT_MS`` is set, the clock of the process that imports this stands there: what lives for a time, such as
a token or an idempotency key, still lives in data that was written long ago.
"""

from __future__ import annotations

import os
import time
from typing import Any, Final

from netra_server import AgentResult, RunScope, Tool, ToolArguments, UserExecutionContext

if stands_at_ms := os.environ.get("NETRA_TEST_STANDS_AT_MS"):
    stands_at_ns = int(stands_at_ms) * 1_000_000
    time.time_ns = lambda: stands_at_ns


class Said(ToolArguments, frozen=True):
    text: str


async def note(context: UserExecutionContext, arguments: Said) -> dict[str, Any]:
    return {"user_id": context.user_id, "text": arguments.text}


class Teller:
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
    name = "again"
    description = "Notes slowly."
    tools = frozenset({"note_slowly"})

    async def run(self, scope: RunScope) -> AgentResult:
        outcome = await scope.use_tool("note_slowly", text=scope.message)
        return AgentResult("Noted.", {"noted": outcome.result})


class Quoter:
    name = "quoter"
    description = "Quotes a language model."
    tools: frozenset[str] = frozenset()

    async def run(self, scope: RunScope) -> AgentResult:
        await scope.think("I ask.")
        reply = await scope.ask_model(scope.message)
        return AgentResult(reply.text, {"cost_usd": reply.cost_usd})


class Asker:
    name = "asker"
    description = "Notes what it may."
    tools = frozenset({"note_if_allowed"})

    async def run(self, scope: RunScope) -> AgentResult:
        await scope.think("I ask you.")
        outcome = await scope.use_tool("note_if_allowed", text=scope.message)
        return AgentResult("Allowed." if outcome.ok else "Denied.", {"noted": outcome.result, "error": outcome.error})


AGENTS: Final = (Teller, Pair, Again, Quoter, Asker)
TOOLS: Final = (
    Tool("note", "Notes a text.", Said, note, idempotent=True),
    Tool("note_once", "Notes a text, once.", Said, note, idempotent=False),
    Tool("note_slowly", "Notes a text, in time.", Said, note, idempotent=True),
    Tool("note_if_allowed", "Notes a text, once it may.", Said, note, idempotent=True, approval=True),
)
