"""Tools in served runs: wherever the author's code, or a ``ToolNode``, calls one, the call is recorded, and made once.

As with chat models, ``BaseTool`` is the one place, changed once; outside of served runs it does what it did.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import msgspec
from langchain_core.messages import ToolMessage
from langchain_core.tools import BaseTool, ToolException
from langgraph.config import get_config
from langgraph.errors import GraphBubbleUp, GraphInterrupt, ParentCommand

from ....core.errors import ToolError
from ...interface import ToolOutcome
from ...supervisor.branches import on_branch
from ...tools.definition import ForeignTool
from .graph_run import GraphRun, inside, next_place, node_run, serving
from .packing import failure, failure_record, packed, unpacked
from .results import plain
from .threads import from_thread
from .user_mcp import UserTool

_OPTIONS: Final = ("permission", "idempotent", "approval", "timeout_s", "redact")

Perform = Callable[[Any], Awaitable[Any]]


class NotDone(ToolError, ToolException):
    """A call that no model asked for was refused, or its outcome is unknown: for the node's own code to catch, as either."""


def options_of(tool: BaseTool) -> dict[str, Any]:
    """What a tool says of itself to the server: ``metadata={"netra": {"idempotent": True, …}}``. Raises ``ValueError`` for a name
    that is none."""
    if isinstance(tool, UserTool):
        return tool.options
    told = (tool.metadata or {}).get("netra", {})
    if not isinstance(told, Mapping) or not set(told) <= set(_OPTIONS):
        raise ValueError(f'metadata["netra"] of the tool {tool.name} has {", ".join(_OPTIONS)}, not {told!r:.200}.')
    return dict(told)


async def call(run: GraphRun, place: str, tool: BaseTool, given: Any, call_id: str | None, perform: Perform) -> Any:
    """What the tool returns to the author's code in this place, where ``perform(input)`` calls it. An outcome that nobody knows,
    and a refusal, are a message for the model if a model asked for the call, else raised as ``NotDone``."""
    tries, is_recorded = 0, True
    while True:
        at = f"{place}{tries}/" if tries else place
        outcome = run.answers.get(at)
        if outcome is None:
            outcome, is_recorded = await _called(run, at, tool, given, call_id, perform)
        if _exception_of(outcome) is None:
            run.answers[at] = outcome
        else:
            run.failed(at)
        if not (outcome.ok and "interrupts" in outcome.result):
            break
        if _resumed() <= outcome.result["had"]:
            raise GraphInterrupt(tuple(unpacked(each) for each in outcome.result["interrupts"]))
        tries += 1  # its question was answered since, which LangGraph remembers if it gets the answer
        get_config()["configurable"]["__pregel_send"](
            [("__resume__", _scratchpad().resume[: outcome.result["had"] + 1])]
        )
    if is_recorded:  # LangGraph finds an answer by counting a node's questions, and these were not asked this time
        for _ in range(tries):
            _scratchpad().interrupt_counter()
    return _value(outcome, tool, call_id)


async def _called(
    run: GraphRun, place: str, tool: BaseTool, given: Any, call_id: str | None, perform: Perform
) -> tuple[ToolOutcome, bool]:
    """The outcome, and whether it was recorded before."""
    arguments = _arguments(tool, given)
    is_recorded = True

    async def body(context: object, approved: dict[str, Any]) -> dict[str, Any]:
        nonlocal is_recorded
        is_recorded = False
        if isinstance(tool, UserTool):
            return _record(await tool.message(context, approved, call_id), tool, call_id)
        try:
            with inside(place):
                return _record(await perform(_changed(given, arguments, approved)), tool, call_id)
        except GraphInterrupt as interrupt:
            return {"interrupts": [packed(each) for each in interrupt.args[0]], "had": _resumed()}
        except ParentCommand as command:
            return {"command": packed(command.args[0])}
        except (GraphBubbleUp, ToolError):
            raise
        except Exception as fault:
            text = str(fault) or type(fault).__name__
            raise ToolError("TOOL_FAILED", text, details={"exception": failure_record(fault)}) from fault

    foreign = ForeignTool(tool.name, tool.description, body, **options_of(tool))
    with run.deterministic():
        if isinstance(tool, UserTool):
            tool.check(run)
        with on_branch(run.attempt(place)):
            called = run.steps.tool(
                foreign,
                arguments,
                provider_call_id=call_id or "",
                requested_by=run.requested_by.get(call_id or "", ""),
                is_placed=True,
            )
        return await called, is_recorded


def _arguments(tool: BaseTool, given: Any) -> dict[str, Any]:
    """The arguments as they are recorded: those that the model gave."""
    own = tool._filter_injected_args(given) if isinstance(given, dict) else {"input": given}
    told: dict[str, Any] = plain(own)
    return told


def _changed(given: Any, arguments: dict[str, Any], approved: dict[str, Any]) -> Any:
    """The tool's input, with what the user has changed in it when asked for approval."""
    if approved == arguments:
        return given
    if not isinstance(given, dict):
        return approved.get("input", given)
    return {**{name: each for name, each in given.items() if name not in arguments}, **approved}


def _record(output: Any, tool: BaseTool, call_id: str | None) -> dict[str, Any]:
    """What a tool returned, as JSON that people can read as far as that is all of it."""
    if isinstance(output, ToolMessage):
        fields = output.model_dump(exclude_defaults=True, exclude={"content", "tool_call_id", "name", "type"})
        is_plain = output.tool_call_id == call_id and output.name == tool.name and set(fields) <= {"status"}
        told = {"content": output.content, **fields}
        return told if is_plain and _is_plain(told) else {"content": plain(output.content), "packed": packed(output)}
    return {"value": output} if _is_plain(output) else {"packed": packed(output)}


def _is_plain(value: Any) -> bool:
    try:
        return bool(msgspec.json.decode(msgspec.json.encode(value)) == value) and not isinstance(value, tuple)
    except (TypeError, ValueError, OverflowError, RecursionError):
        return False


def _exception_of(outcome: ToolOutcome) -> dict[str, Any] | None:
    details = (outcome.error or {}).get("details") or {}
    found: dict[str, Any] | None = details.get("exception")
    return found


def _value(outcome: ToolOutcome, tool: BaseTool, call_id: str | None) -> Any:
    if not outcome.ok:
        if (exception := _exception_of(outcome)) is not None:
            raise failure(exception)
        error = outcome.error or {}
        text = " ".join(filter(None, (error.get("message"), error.get("hint"))))
        if call_id is None:
            raise NotDone(error["code"], error["message"], error.get("hint", ""))
        return ToolMessage(f"{error.get('code')}: {text}", tool_call_id=call_id, name=tool.name, status="error")
    result = outcome.result
    if "command" in result:
        raise ParentCommand(unpacked(result["command"]))
    if "packed" in result:
        return unpacked(result["packed"])
    if "value" in result:
        return result["value"]
    return ToolMessage(result["content"], tool_call_id=call_id, name=tool.name, status=result.get("status", "success"))


def _scratchpad() -> Any:
    return get_config()["configurable"]["__pregel_scratchpad"]


def _resumed() -> int:
    """How many answers to interrupts the node has."""
    try:
        return len(_scratchpad().resume)
    except (KeyError, RuntimeError):  # outside of nodes
        return 0


_calls: Final = BaseTool.arun
_calls_from_thread: Final = BaseTool.run


def _place(call_id: str | None) -> str:
    return next_place("tool") if call_id is None else node_run().place(call_id)


def _fits(tool: BaseTool, given: Any, call_id: str | None) -> bool:
    """Whether the tool takes this input. What it says to one that it does not take acts on nothing."""
    try:
        tool._to_args_and_kwargs(given, call_id)
    except Exception:
        return False
    return True


async def _arun(self: BaseTool, tool_input: Any, *given: Any, tool_call_id: str | None = None, **options: Any) -> Any:
    run = serving()
    if run is None or not _fits(self, tool_input, tool_call_id):
        return await _calls(self, tool_input, *given, tool_call_id=tool_call_id, **options)

    async def perform(changed: Any) -> Any:
        return await _calls(self, changed, *given, tool_call_id=tool_call_id, **options)

    return await call(run, _place(tool_call_id), self, tool_input, tool_call_id, perform)


def _run(self: BaseTool, tool_input: Any, *given: Any, tool_call_id: str | None = None, **options: Any) -> Any:
    run = serving()
    if run is None or not _fits(self, tool_input, tool_call_id):
        return _calls_from_thread(self, tool_input, *given, tool_call_id=tool_call_id, **options)

    def perform(changed: Any) -> Any:
        return _calls_from_thread(self, changed, *given, tool_call_id=tool_call_id, **options)

    place = _place(tool_call_id)
    return from_thread(
        run.loop, lambda body: run.of_thread(call(run, place, self, tool_input, tool_call_id, body)), perform
    )


def install() -> None:
    """Have tools record their calls in served runs. May be called again."""
    BaseTool.arun = _arun  # type: ignore[method-assign]
    BaseTool.run = _run  # type: ignore[method-assign]
