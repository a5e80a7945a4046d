"""The tools of the user's MCP servers for the nodes of a graph. A graph is compiled before anybody asks it, so its nodes ask for
them when they run."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any, NoReturn

from langchain_core.messages import ToolMessage
from langchain_core.tools import BaseTool, ToolException
from pydantic import PrivateAttr

from ....core.errors import Fault
from ...mcp.texts import text_of
from ...tools.definition import ForeignTool
from .graph_run import GraphRun, serving
from .tool_schemas import usable


class UserTool(BaseTool):
    """One of these tools, for the nodes of one run; ``tool_calls`` calls it."""

    _foreign: ForeignTool = PrivateAttr()
    _of: GraphRun = PrivateAttr()

    @classmethod
    def of(cls, run: GraphRun, tool: ForeignTool) -> UserTool:
        """The tool for this run."""
        made = cls(name=tool.name, description=tool.description, args_schema=tool.schema)
        made.args_schema = usable(made, tool.schema)
        made._foreign, made._of = tool, run
        return made

    @property
    def options(self) -> dict[str, Any]:
        """Its approval, and the right to it. Its metadata count for nothing."""
        return {"approval": self._foreign.approval, "listed_as": self._foreign.listed_as}

    def check(self, run: GraphRun) -> None:
        """Raises ``Fault`` if it was made for another run, which may be another user's."""
        if self._of is not run:
            raise Fault(f"The tool {self.name} is of another run: call user_tools() in each node that needs it.")

    async def message(self, context: Any, arguments: dict[str, Any], call_id: str | None) -> str | ToolMessage:
        """Calls the MCP server; what it returned, as a message if a model asked for the call. Raises as
        ``RunSessions.call`` does."""
        text = text_of(await self._foreign.call(context, arguments))
        return text if call_id is None else ToolMessage(text, tool_call_id=call_id, name=self.name)

    def _filter_injected_args(self, tool_input: dict[str, Any]) -> dict[str, Any]:
        return tool_input  # none are: a server may call an argument as it likes

    def _run(self, **_: Any) -> NoReturn:
        raise ToolException(f"{self.name} can be called in nodes of a served graph, and nowhere else.")

    async def _arun(self, **_: Any) -> NoReturn:
        self._run()


async def made(run: GraphRun, tools: Iterable[ForeignTool]) -> list[BaseTool]:
    """The tools for this run."""
    found: list[BaseTool] = []
    for each in tools:
        await asyncio.sleep(0)  # others have their turn: judging a schema takes a while
        found.append(UserTool.of(run, each))
    return found


def user_tools() -> list[BaseTool]:
    """As ``netra_server.langgraph.user_tools``."""
    run = serving()
    return [] if run is None else list(run.user_tools)
