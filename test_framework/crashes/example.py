"""Agents that do all that an agent can do, whose effects are counted outside: what our own boundaries are
walked with."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from netra_backend.app.agents.interface import AgentResult, RunScope
from netra_backend.app.agents.tools.decorator import tool
from netra_backend.app.core.errors import OutcomeUnknown

from ..effects import note_effect


@tool
async def pay(amount: int) -> dict[str, int]:
    """Pays; once."""
    note_effect(f"pay {amount}")
    await asyncio.sleep(0)
    return {"paid": amount}


@tool(idempotent=True)
def rate(currency: str) -> dict[str, str]:
    """Looks a rate up, in a thread; as often as one likes."""
    note_effect(f"~rate {currency}")
    return {"rate": f"1 {currency}"}


@tool(approval=True)
async def transfer(amount: int) -> dict[str, int]:
    """Transfers, if the user agrees; once."""
    note_effect(f"transfer {amount}")
    return {"transferred": amount}


async def _booked(place: str) -> dict[str, str]:
    note_effect(f"book {place}")
    await asyncio.sleep(0)
    return {"booked": place, "long": place * 200}


async def _found(place: str) -> list[str]:
    note_effect(f"~find {place}")
    return [place.upper()]


class Parallel:
    """Steps, tools and model requests side by side."""

    name = "parallel"
    description = "Does several things at once."
    tools = frozenset({"pay", "rate"})

    async def run(self, scope: RunScope) -> AgentResult:
        """Gather, a task group, and a step after them."""
        await scope.think("at once")
        paid, rated, found = await asyncio.gather(
            scope.use_tool("pay", amount=1),
            scope.use_tool("rate", currency="EUR"),
            scope.step("find", lambda: _found("rome"), idempotent=True),
        )
        async with asyncio.TaskGroup() as group:
            first = group.create_task(_line(scope, "left"))
            second = group.create_task(_line(scope, "right"))
        last = await scope.step("book", lambda: _booked("last"))
        return AgentResult(
            "done",
            {"first": [paid.result, rated.result, found], "lines": [first.result(), second.result()], "last": last},
        )


async def _line(scope: RunScope, name: str) -> list[Any]:
    booked = await scope.step("book", lambda: _booked(name))
    paid = await scope.use_tool("pay", amount=len(name))
    return [booked["booked"], paid.result]


class Asking:
    """Model requests in parallel, text of its own, a tool that asks its user, and another agent."""

    name = "asking"
    description = "Asks a model, its user and another agent."
    tools = frozenset({"pay", "transfer"})

    async def run(self, scope: RunScope) -> AgentResult:
        """One of everything."""
        first, second = await asyncio.gather(scope.ask_model("first?"), scope.ask_model("second?"))
        await scope.say(f"{first.text} {second.text}")
        await scope.delta("soon")
        sent = await scope.use_tool("transfer", amount=3)
        below = await scope.run_agent("below", "go on")
        return AgentResult("done", {"models": [first.text, second.text], "sent": sent.result, "below": below.data})


class Lasting:
    """State of the thread and of the user, a question, and a pause."""

    name = "lasting"
    description = "Keeps state, asks its user, and sleeps."
    tools = frozenset({"pay"})

    async def run(self, scope: RunScope) -> AgentResult:
        """One of each, and a payment beside a look at the state."""
        await scope.state.set("count", 1)
        amount = await scope.ask_user("How many?", schema={"type": "integer"})
        await scope.sleep(0.2)
        count, paid = await asyncio.gather(scope.state.get("count"), scope.use_tool("pay", amount=amount))
        await scope.state.set("count", count + 1, scope="user")
        both = [await scope.state.get("count"), await scope.state.get("count", scope="user")]
        return AgentResult("done", {"paid": paid.result, "counts": both})


class Below:
    """Is asked by another one."""

    name = "below"
    description = "Pays, and asks a model."
    tools = frozenset({"pay"})

    async def run(self, scope: RunScope) -> AgentResult:
        """A step that may be unknown, a tool, and a model."""
        try:
            booked: Any = await scope.step("book", lambda: _booked("below"), key="own")
        except OutcomeUnknown:
            booked = "unknown"
        paid = await scope.use_tool("pay", amount=9)
        return AgentResult("", {"booked": booked, "paid": paid.result, "model": (await scope.ask_model("third?")).text})


class Careless:
    """Acts outside of its steps, as an agent must not: each time that it is run."""

    name = "careless"
    description = "Pays without a step."
    tools: frozenset[str] = frozenset()

    async def run(self, scope: RunScope) -> AgentResult:
        """Pay, between two steps."""
        await scope.think("before")
        note_effect("pay carelessly")
        await scope.step("book", lambda: _booked("once"))
        return AgentResult("done")


AGENTS: Final = (Parallel, Asking, Lasting, Below, Careless)
TOOLS: Final = (pay, rate, transfer)
ANSWERS: Final = {"first?": "The first answer.", "second?": "The second answer.", "third?": "The third answer."}
