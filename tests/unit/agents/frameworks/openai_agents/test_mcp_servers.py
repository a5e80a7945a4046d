"""MCP servers of a served agent: a session for each run and user, tools that stay the same, and calls that are made once."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from agents import Agent
from agents.mcp import MCPServer, MCPServerStdio
from agents.testing import ModelCall, assistant_message, function_call

from netra_backend.app.core.errors import ExtensionError
from netra_backend.app.core.events import AgentCompleted, AgentFailed, StepStarted, ToolCompleted, ToolExecuting
from netra_server.openai_agents import serve

SERVER = """
import os, sys
from mcp.server import MCPServer

server = MCPServer("notes")
notes = []


def seen(what):
    with open(sys.argv[1], "a") as file:
        file.write(f"{os.getpid()} {what}\\n")


@server.tool()
def keep(note: str) -> str:
    "Keeps a note for this session."
    notes.append(note)
    seen(f"keep {note}")
    return " ".join(notes)


seen("started")
server.run()
"""


def of(events: Any, kind: type[Any]) -> list[Any]:
    return [each for each in events if isinstance(each, kind)]


def keeping(call: ModelCall) -> Any:
    """Keeps what the user says, twice, and tells what is kept."""
    outputs = [item["output"] for item in call.input if item.get("type") == "function_call_output"]
    said = next(item["content"] for item in call.input if item.get("role") == "user")
    if len(outputs) < 2:
        return function_call("keep", json.dumps({"note": f"{said}{len(outputs)}"}), call_id=f"c{len(outputs)}")
    return assistant_message(outputs[1] if isinstance(outputs[1], str) else outputs[1][0]["text"])


class Notes:
    """A server of notes, and what its processes saw."""

    def __init__(self, place: Path) -> None:
        self.seen_by = place / "seen"
        (place / "notes.py").write_text(SERVER)
        self.server = MCPServerStdio(
            {"command": sys.executable, "args": [str(place / "notes.py"), str(self.seen_by)]},
            name="notes",
            client_session_timeout_seconds=60,
        )

    def seen(self) -> list[list[str]]:
        """What was seen since it was last asked: a process's id, and what it did."""
        lines = self.seen_by.read_text().splitlines() if self.seen_by.exists() else []
        self.seen_by.write_text("")
        return [line.split(" ", 1) for line in lines]


@pytest.fixture
def notes(tmp_path: Path) -> Notes:
    return Notes(tmp_path)


@pytest.mark.long
async def test_each_user_has_a_session_that_sees_nobody_else(workshop: Any, served: Any, notes: Notes) -> None:
    served.agent(Agent(name="keeper", model=served.model(keeping), mcp_servers=[notes.server]))
    clients = {name: workshop.connect(f"user_{name}") for name in ("ada", "bob")}
    accepted = {name: await workshop.ask(client, "keeper", f"canary-{name}-") for name, client in clients.items()}
    for name, client in clients.items():
        events = await client.ended(accepted[name].run_id)
        canary = f"canary-{name}-"
        assert events[-1].result["text"] == f"{canary}0 {canary}1"
        assert [each.name for each in of(events, StepStarted)] == ["tools of notes"]
        assert [each.tool for each in of(events, ToolExecuting)] == ["keep", "keep"]
    seen = notes.seen()
    processes: dict[str, set[str]] = {}
    for process, what in seen:
        processes.setdefault(process, set()).add(what.rpartition("-")[0])
    assert len(processes) == 2
    assert all(len(each - {""}) == 1 for each in processes.values())
    assert notes.server.session is None


@pytest.mark.long
async def test_wherever_it_is_killed_no_call_is_made_again(workshop: Any, served: Any, notes: Notes) -> None:
    served.agent(Agent(name="keeper", model=served.model(keeping), mcp_servers=[notes.server]))
    events = await workshop.run("keeper", "x")
    notes.seen()

    def check(frames: int, after: Any) -> None:
        assert isinstance(after[-1], AgentCompleted), (frames, after[-1])
        begun, ended = of(events[:frames], ToolExecuting), of(events[:frames], ToolCompleted)
        told = [each for each in of(after, ToolCompleted) if (each.error or {}).get("code") == "OUTCOME_UNKNOWN"]
        assert len(told) == len(begun) - len(ended), frames
        seen = [what for _, what in notes.seen()]
        assert len([what for what in seen if what != "started"]) == 2 - len(begun), frames
        if len(begun) == 2:
            assert seen == [], "a session was opened for nothing"

    await served.boundaries(events, check)


@pytest.mark.long
async def test_a_call_asks_first_if_the_server_is_said_to(workshop: Any, served: Any, notes: Notes) -> None:
    from netra_backend.app.core.events import ApprovalRequested

    params: Any = notes.server.params.model_dump()
    notes.server = MCPServerStdio(params, name="notes", require_approval="always")
    served.agent(Agent(name="keeper", model=served.model(keeping), mcp_servers=[notes.server]))
    client = workshop.connect()
    accepted = await workshop.ask(client, "keeper", "x")
    await workshop.until(lambda: of(client.events, ApprovalRequested))
    assert [what for _, what in notes.seen()] == ["started"]
    await workshop.cancel(client, accepted.run_id)
    await client.ended(accepted.run_id)


async def test_a_server_that_cannot_be_reached_ends_the_run(workshop: Any, served: Any) -> None:
    server = MCPServerStdio({"command": "/nothing/here"}, name="nothing")
    served.agent(Agent(name="keeper", model=served.model(keeping), mcp_servers=[server]))
    events = await workshop.run("keeper")
    assert isinstance(events[-1], AgentFailed)


def test_a_server_that_is_connected_is_refused(notes: Notes) -> None:
    session: Any = object()
    notes.server.session = session
    with pytest.raises(ExtensionError, match="is connected"):
        serve(Agent(name="keeper", mcp_servers=[notes.server]))


def test_a_server_that_cannot_be_opened_anew_is_refused() -> None:
    class Own(MCPServer):
        name = "own"

        async def connect(self) -> None: ...
        async def cleanup(self) -> None: ...
        async def list_tools(self, *_: Any) -> Any: ...
        async def call_tool(self, *_: Any) -> Any: ...
        async def list_prompts(self) -> Any: ...
        async def get_prompt(self, *_: Any) -> Any: ...

    with pytest.raises(ExtensionError, match="opened anew"):
        serve(Agent(name="keeper", mcp_servers=[Own()]))
