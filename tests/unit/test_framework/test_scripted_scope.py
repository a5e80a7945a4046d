"""A run without an engine."""

from __future__ import annotations

import pytest

from netra_backend.app.agents.tools.definition import Tool, ToolArguments
from netra_backend.app.core.errors import DependencyUnavailable, ToolError
from netra_backend.app.services.user_execution_context import UserExecutionContext
from test_framework.scripted_scope import InProcessLedger, ScriptedScope
from test_framework.usage_rows import usage_rows


async def _own_id(context: UserExecutionContext, arguments: ToolArguments) -> dict[str, str]:
    return {"user": context.user_id}


async def _no(context: UserExecutionContext, arguments: ToolArguments) -> None:
    raise ToolError("NO_DATA", "None.", hint="Import.", details={"needed": 3})


TOOLS = (
    Tool("own_id", "", ToolArguments, _own_id, idempotent=True),
    Tool("no", "", ToolArguments, _no, idempotent=True),
)


async def test_tools_are_really_called_for_the_scopes_user() -> None:
    scope = ScriptedScope("hi", TOOLS, user_id="user_9")
    outcome = await scope.use_tool("own_id")
    assert (outcome.ok, outcome.result) == (True, {"user": "user_9"})
    assert scope.calls == [("own_id", {}, outcome)]


async def test_faults_and_refusals_are_outcomes() -> None:
    scope = ScriptedScope("hi", TOOLS, allowed=frozenset({"no"}))
    assert (await scope.use_tool("no")).error == {"code": "NO_DATA", "message": "None.", "hint": "Import.", "needed": 3}
    assert ((await scope.use_tool("own_id")).error or {})["code"] == "TOOL_NOT_ALLOWED"
    assert ((await scope.use_tool("absent")).error or {})["code"] == "UNKNOWN_TOOL"


async def test_a_model_answers_by_script_and_there_is_none_without_one() -> None:
    scope = ScriptedScope("hi", (), replies=["one", DependencyUnavailable("gone")])
    assert scope.has_model
    assert (await scope.ask_model("a", system="s")).text == "one"
    with pytest.raises(DependencyUnavailable):
        await scope.ask_model("b")
    assert scope.prompts == [("s", "a"), ("", "b")]
    assert not ScriptedScope("hi", ()).has_model


async def test_nobody_answers_a_question() -> None:
    with pytest.raises(ToolError) as fault:
        await ScriptedScope("hi", ()).ask_user("Which?")
    assert fault.value.code == "QUESTION_EXPIRED"


async def test_what_is_thought_and_said_is_kept() -> None:
    scope = ScriptedScope("hi", ())
    await scope.think("hm")
    await scope.say("so")
    assert (scope.thoughts, scope.said) == (["hm"], ["so"])


async def test_a_ledger_answers_its_owner_alone() -> None:
    ledger = InProcessLedger("user_1", usage_rows([{}]), usage_rows([]))
    assert (await ledger.ask("user_1", "data_profile", {}))["rows"] == 1
    assert (await ledger.ask("user_2", "data_profile", {}))["rows"] == 0
