"""An agent that asks its user and hands the answer to a tool, whose first call never ends: somebody has to end the process."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any, Final

from netra_server import AgentResult, RunScope, ToolArguments, UserExecutionContext, tool

WITNESS: Final = "NETRA_TEST_WITNESS"
"""The variable that names the file of what was done: a line for each call, with its process and what it was given."""

SCHEMA: Final = {
    "type": "object",
    "properties": {"key": {"type": "string", "pattern": "^sk-(a+)+$"}},
    "required": ["key"],
}


class Note(ToolArguments, frozen=True):
    key: str
    waits: bool


def note(line: Any) -> int:
    """Write it down; how many lines there are."""
    path = Path(os.environ[WITNESS])
    with path.open("a") as file:
        file.write(json.dumps([os.getpid(), line]) + "\n")
        file.flush()
        os.fsync(file.fileno())
    return len(path.read_text().splitlines())


@tool(idempotent=True, timeout_s=300.0)
async def use_key(context: UserExecutionContext, arguments: Note) -> str:
    """Uses a key."""
    if note(arguments.key) == 2 and arguments.waits:  # the first line is that of the beginning
        await asyncio.get_running_loop().create_future()
    return "used"


class Asking:
    """Says where it runs, asks, and uses what it was told."""

    name = "asking"
    description = "Asks for a key."
    tools = frozenset({"use_key"})

    async def run(self, scope: RunScope) -> AgentResult:
        """Ask and use."""

        async def begun() -> int:
            return note("begun")

        await scope.step("begin", begun, idempotent=True)
        answer = await scope.ask_user("Which key?", schema=SCHEMA, timeout_s=600)
        outcome = await scope.use_tool("use_key", key=answer["key"], waits=scope.message == "wait")
        return AgentResult(str(outcome.result))


AGENTS: Final = (Asking,)
TOOLS: Final = (use_key,)
