"""Our server with two agents more: the golden agent, whose run shows every kind of event once and calls one tool, and one whose
answer streams.

Composed through wiring as any operator composes agents of their own. Nothing is switched off.
"""

from __future__ import annotations

import argparse
import asyncio
import os
from pathlib import Path
from typing import Any

from netra_backend.app.agents.interface import AgentResult, RunScope
from netra_backend.app.agents.tools.definition import Tool, ToolArguments
from netra_backend.app.config import Settings
from netra_backend.app.server.uvicorn_server import run
from netra_backend.app.services.user_execution_context import UserExecutionContext
from netra_backend.app.wiring import create_app


class LookUp(ToolArguments, frozen=True):
    """What is looked up."""

    question: str


async def look_up(context: UserExecutionContext, arguments: LookUp) -> dict[str, Any]:
    return {"lines": 3}


LOOK_UP = Tool("golden_lookup", "Looks a question up in the log of a service.", LookUp, look_up, idempotent=True)


class GoldenAgent:
    """Thinks once, looks up once, answers."""

    name = "golden"
    description = "Answers every question alike, at once."
    tools = frozenset({LOOK_UP.name})

    async def run(self, scope: RunScope) -> AgentResult:
        await scope.think("The question is about the service; its log answers it.")
        found = await scope.use_tool(LOOK_UP.name, question=scope.message)
        return AgentResult("Three lines of the log answer the question.", found.result)


STREAMER = "streamer"
EVENTS_A_SECOND = 20
_PART = "so it goes on and on, with the next few words of an answer. " * 2


class StreamingAgent:
    """Says a part of its answer so many times a second, for as many seconds as its message says."""

    name = STREAMER
    description = "Answers bit by bit."
    tools: frozenset[str] = frozenset()

    async def run(self, scope: RunScope) -> AgentResult:
        loop = asyncio.get_running_loop()
        began = loop.time()
        for number in range(int(scope.message) * EVENTS_A_SECOND):
            await scope.say(_PART)
            await asyncio.sleep(max(0.0, began + (number + 1) / EVENTS_A_SECOND - loop.time()))
        return AgentResult("")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--shared", action="store_true", help="with the stores that the environment names")
    options = parser.parse_args()
    names = ("NETRA_DATABASE_URL", "NETRA_REDIS_URL") if options.shared else ()
    settings = Settings.load({name: os.environ[name] for name in names}, data_dir=options.data_dir, port=options.port)
    run(create_app(settings, agents=[GoldenAgent, StreamingAgent], tools=[LOOK_UP]), settings)


if __name__ == "__main__":
    main()
