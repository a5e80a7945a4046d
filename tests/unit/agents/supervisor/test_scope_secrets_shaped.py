"""Secrets of a run of which a part has a shape that is hidden anyway: the rest of them is hidden, too."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from netra_backend.app.adapters.process.json_logs import JsonFormatter
from netra_backend.app.adapters.secrets.sealing import AesGcmCipher
from netra_backend.app.agents.interface import AgentResult
from netra_backend.app.agents.tools.definition import ForeignTool, Tool, ToolArguments
from netra_backend.app.core.errors import ToolError
from netra_backend.app.core.events import AgentCompleted, ApprovalRequested, ToolExecuting, encode_event
from test_framework.paying import word

PAIR = "AKIAIOSFODNN7EXAMPLE:wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
URL = "postgres://app:pw-of-app@db/prod?application_name=the-rest-of-it"


class Anything(ToolArguments, frozen=True):
    """Anything."""

    given: str
    other: str = ""


@pytest.fixture(params=[PAIR, URL])
async def value(request: Any, workshop: Any) -> str:
    workshop.cipher = AesGcmCipher(b"k" * 32)
    workshop.open()
    await workshop.secrets.put("user_ada", "TOKEN", request.param)
    return str(request.param)


def parts_of(value: str) -> list[str]:
    return [value[at : at + 12] for at in range(len(value) - 11)]


def check(events: list[Any], value: str) -> None:
    frames = b"".join(map(encode_event, events)).decode()
    assert [part for part in parts_of(value) if part in frames] == []


@pytest.mark.parametrize("approval", [False, True])
async def test_arguments_results_and_errors_of_tools_show_nothing_of_it(
    workshop: Any, value: str, approval: bool
) -> None:
    seen: list[Any] = []

    async def give(context: Any, arguments: Anything) -> Any:
        seen.append(arguments.given)
        if arguments.other:
            raise ToolError("NO", f"{arguments.given} is not taken")
        return {"echo": arguments.given}

    async def foreign(context: Any, arguments: dict[str, Any]) -> Any:
        return {"echo": arguments["given"], "token": "x"}

    async def run(scope: Any) -> AgentResult:
        kept: list[str] = []

        async def use() -> None:
            kept.append(await scope.secret("TOKEN"))
            raise ToolError("NO", f"{kept[0]} is not taken")

        with pytest.raises(ToolError):
            await scope.step("use", use)
        given = (*kept, value)[0]  # a replay has no secret of the journal's
        await scope.use_tool("give", given=given)
        await scope.use_tool("give", given=given, other="fail")
        await scope.framework.tool(ForeignTool("foreign", "", foreign), {"given": given})
        return AgentResult("")

    workshop.tool(Tool("give", "Takes it.", Anything, give, approval=approval))
    workshop.agent("golden", run, ["give"])
    client = workshop.connect()
    accepted = await workshop.ask(client, "golden")
    if approval:
        for count in (1, 2):
            await client.until(
                lambda count=count: len([e for e in client.events if isinstance(e, ApprovalRequested)]) == count
            )
            await workshop.turns.commands.resolve(
                client, word([each for each in client.events if isinstance(each, ApprovalRequested)][-1])
            )
    events = await client.ended(accepted.run_id)
    assert isinstance(events[-1], AgentCompleted), events[-1]
    assert seen == [value, value]
    check(events, value)
    executing = [each for each in events if isinstance(each, ToolExecuting)]
    assert executing[0].arguments == {"given": "***"}
    after = await workshop.killed_after(events, "user_ada", len(events) - 1)
    await after.ended(events[0].run_id)
    assert isinstance((await workshop.stored(events[0].run_id))[-1], AgentCompleted)
    assert seen == [value, value]


async def test_log_lines_show_nothing_of_it_also_where_they_are_cut(workshop: Any, value: str) -> None:
    lines: list[str] = []

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(JsonFormatter(characters=64).format(record))

    async def run(scope: Any) -> AgentResult:
        async def use() -> None:
            given = await scope.secret("TOKEN")
            for before in range(0, 300, 7):
                logging.getLogger("netra.test").warning("%s%s", "x" * before, given, extra={"given": [given]})
            raise ValueError(f"cannot use {given}")

        with pytest.raises(ToolError):
            await scope.step("use", use)
        return AgentResult("")

    workshop.agent("golden", run)
    handler = Kept()
    logging.getLogger("netra").addHandler(handler)
    try:
        client = workshop.connect()
        await client.ended((await workshop.ask(client, "golden")).run_id)
    finally:
        logging.getLogger("netra").removeHandler(handler)
    assert len(lines) > 40
    assert [part for part in parts_of(value) if part in "".join(lines)] == []
