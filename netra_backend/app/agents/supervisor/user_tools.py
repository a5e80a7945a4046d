"""The tools of the user's MCP servers as a run has them: which there are is asked once, recorded, and the same on every
replay."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from ...core.errors import ToolError
from ...core.step_keys import Branch
from ...services.user_execution_context import UserExecutionContext
from ..mcp.listing import FrozenTool, not_listed
from ..mcp.run_sessions import RunSessions
from ..tools.definition import MCP_TOOLS, ForeignTool
from .own_steps import OwnSteps
from .run_recorder import RunRecorder

STEP: Final = "mcp_tools"
_KEY: Final = Branch().key("mcp", "tools")
"""The same wherever it is asked first: branches that go on in parallel have one list."""
_LISTING_S: Final = 4.0
"""Of all servers, how many times as long as of one: they are asked at once, and closed if they do not answer."""


async def tools_of_user(recorder: RunRecorder, parent_call_id: str) -> Mapping[str, ForeignTool]:
    """The tools of the run's user by their names, one list for all agents of the run: asked for now, on behalf of the step
    ``parent_call_id``, or recorded. If they could not be listed, one says so."""
    sessions = _sessions(recorder)
    if sessions is None:
        return {}
    async with sessions.asking:
        if sessions.found is None:
            sessions.found = {}  # an agent that breaks off the asking has none
            frozen = await _asked(recorder, sessions, parent_call_id)
            sessions.found = {each.name: _tool(sessions, each) for each in frozen}
        return sessions.found


def _sessions(recorder: RunRecorder) -> RunSessions | None:
    services = recorder.services
    servers, authorizations, client = services.mcp_servers, services.mcp_authorizations, services.mcp_client
    if recorder.mcp is None and servers is not None and authorizations is not None and client is not None:
        recorder.mcp = RunSessions(
            servers, authorizations, client, recorder.emitter.user_id, services.limits, recorder.hide
        )
    return recorder.mcp


async def _asked(recorder: RunRecorder, sessions: RunSessions, parent_call_id: str) -> list[FrozenTool]:
    steps, within_s = OwnSteps(recorder, parent_call_id), _LISTING_S * recorder.services.limits.mcp_open_s
    try:
        with recorder.performing:
            told = await steps.perform(_KEY, STEP, sessions.listing, idempotent=True, timeout_s=within_s, retries=0)
    except ToolError as fault:
        return [not_listed(fault.message)]
    return msgspec.convert(told, list[FrozenTool])


def _tool(sessions: RunSessions, tool: FrozenTool) -> ForeignTool:
    async def call(_: UserExecutionContext, arguments: dict[str, Any]) -> Any:
        return await sessions.call(tool, arguments)

    approval: bool | str = False
    if not tool.trusted and not tool.problem:
        approval = "It acts on a server that you added, and that you did not mark as trusted."
    return ForeignTool(tool.name, tool.description, call, approval=approval, listed_as=MCP_TOOLS, schema=tool.schema)
