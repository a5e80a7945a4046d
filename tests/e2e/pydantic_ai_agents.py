"""Agents of pydantic-ai whose effects are counted outside, and whose model is a server of the test's."""

from __future__ import annotations

import os
from typing import Any

from pydantic import BaseModel
from pydantic_ai import Agent, CallDeferred, RunContext

from netra_server.pydantic_ai import serve
from test_framework.effects import note_effect


class Bill(BaseModel):
    """What was bought."""

    item: str
    cents: int


shopper: Agent[str, Bill] = Agent(
    os.environ.get("NETRA_MODEL", "test"),
    name="shopper",
    instructions="You buy what is asked for.",
    deps_type=str,
    output_type=Bill,
)


@shopper.tool_plain
async def pay(amount: int) -> dict[str, int]:
    """Pays; once."""
    note_effect(f"pay {amount}")
    return {"paid": amount}


@shopper.tool(metadata={"netra": {"idempotent": True}})
def rate(ctx: RunContext[str], currency: str) -> str:
    """Looks a rate up, in a thread; as often as one likes."""
    note_effect(f"~rate {currency}")
    return f"1 {currency} for {ctx.deps}"


@shopper.tool_plain(requires_approval=True)
async def transfer(amount: int) -> dict[str, int]:
    """Transfers, if the user agrees; once."""
    note_effect(f"transfer {amount}")
    return {"transferred": amount}


@shopper.tool_plain(metadata={"netra": {"idempotent": True}})
async def choose(question: str) -> Any:
    """Asks the user."""
    raise CallDeferred(metadata={"question": question}, kind="question")


echo: Agent[str, str] = Agent(
    os.environ.get("NETRA_MODEL", "test"), name="echo", instructions="You repeat.", deps_type=str
)


@echo.tool
async def repeat(ctx: RunContext[str], text: str) -> str:
    """Says who said what."""
    return f"{ctx.deps} said {text}"


AGENTS = [
    serve(shopper, deps=lambda context: "everybody"),
    serve(echo, deps=lambda context: context.user_id),
]
