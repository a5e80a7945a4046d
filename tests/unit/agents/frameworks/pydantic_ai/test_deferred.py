"""What waits for the user: approvals, edited arguments, questions and results that are made elsewhere, in one run."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic_ai import ApprovalRequired, CallDeferred, ModelRetry, RunContext
from pydantic_ai.capabilities import RequestInput
from pydantic_ai.tools import DeferredToolRequests, DeferredToolResults, ToolDefinition
from pydantic_ai.toolsets import ExternalToolset

from netra_backend.app.core.errors import FrameRefused
from netra_backend.app.core.events import AgentCompleted, ApprovalRequested, QuestionAsked
from netra_backend.app.core.questions import Said

from .conftest import Script, Shop, returned


class User:
    """A user whose run is under way, and what they say to it."""

    def __init__(self, shop: Shop) -> None:
        self.workshop = shop.workshop
        self.client = self.workshop.connect("user_ada")
        self.run_id = ""

    async def ask(self) -> None:
        self.run_id = (await self.workshop.ask(self.client, "golden")).run_id

    async def approves(self, **said: Any) -> ApprovalRequested:
        event = await self.asked()
        self.says(event.approval_id, {"decision": "approve", **said}, event.arguments_hash)
        return event

    async def answers(self, answer: Any) -> QuestionAsked:
        event: QuestionAsked = await self.client.saw(QuestionAsked, self.run_id)
        await self.workshop.until(lambda: self.workshop.questions.knows(event.question_id))
        self.says(event.question_id, answer)
        return event

    async def asked(self) -> ApprovalRequested:
        event: ApprovalRequested = await self.client.saw(ApprovalRequested, self.run_id)
        await self.workshop.until(lambda: self.workshop.questions.knows(event.approval_id))
        return event

    def says(self, question_id: str, answer: Any, arguments_hash: str | None = None) -> None:
        self.workshop.questions.answer("user_ada", Said(question_id, answer, arguments_hash), "test", lambda _: None)

    async def ended(self) -> list[Any]:
        events: list[Any] = await self.client.ended(self.run_id)
        return events


def transferring(shop: Shop, script: Script, **more: Any) -> None:
    agent = shop.agent(script, **more)

    async def not_too_much(_: RunContext[None], amount: int) -> None:
        if amount > 100:
            raise ModelRetry("That is too much.")

    @agent.tool_plain(requires_approval=True, args_validator=not_too_much)
    async def transfer(amount: int) -> str:
        shop.effects[f"transfer {amount}"] += 1
        return f"transferred {amount}"

    shop.serve(agent)


async def test_a_tool_that_needs_approval_asks_the_user_and_goes_on(shop: Shop, of: Any) -> None:
    script = Script({"transfer": {"amount": 3}}, "Done.")
    transferring(shop, script)
    user = User(shop)
    await user.ask()
    asked = await user.approves()
    assert (asked.tool, asked.arguments) == ("transfer", {"amount": 3})
    events = await user.ended()
    assert isinstance(events[-1], AgentCompleted)
    assert shop.effects == {"transfer 3": 1}
    assert [each.tool for each in of(events, "ToolExecuting")] == ["transfer"]
    assert returned(script.seen[-1]) == {"transfer": "transferred 3"}
    resolved = next(place for place, each in enumerate(events, 1) if type(each).__name__ == "ApprovalResolved")
    async for _, after in shop.replays(events, resolved):
        assert type(after[-1]).__name__ == "AgentCompleted"
    assert shop.effects == {"transfer 3": 2}  # killed between the user's word and the call


async def test_edited_arguments_are_judged_and_used(shop: Shop, of: Any) -> None:
    script = Script({"transfer": {"amount": 3}}, "Done.")
    transferring(shop, script)
    user = User(shop)
    await user.ask()
    event = await user.asked()
    with pytest.raises(FrameRefused, match="amount"):
        user.says(event.approval_id, {"decision": "approve", "arguments": {"amount": "much"}}, event.arguments_hash)
    await user.approves(arguments={"amount": "5"})
    await user.ended()
    assert shop.effects == {"transfer 5": 1}
    assert returned(script.seen[-1]) == {"transfer": "transferred 5"}


async def test_arguments_that_only_the_agents_validator_refuses_are_told_to_the_model(shop: Shop) -> None:
    script = Script({"transfer": {"amount": 3}}, "Not done.")
    transferring(shop, script)
    user = User(shop)
    await user.ask()
    await user.approves(arguments={"amount": 500})
    events = await user.ended()
    assert events[-1].result["text"] == "Not done."
    assert shop.effects == {}
    assert "That is too much." in str(returned(script.seen[-1])["transfer"])
    async for _, after in shop.replays(events, len(events) - 1):
        assert after[-1].result == events[-1].result


async def test_a_denial_is_told_to_the_model_with_its_reason(shop: Shop) -> None:
    script = Script({"transfer": {"amount": 3}}, "Not done.")
    transferring(shop, script)
    user = User(shop)
    await user.ask()
    event = await user.asked()
    user.says(event.approval_id, {"decision": "deny", "reason": "Too much."}, event.arguments_hash)
    events = await user.ended()
    assert events[-1].result["text"] == "Not done."
    assert shop.effects == {}
    assert "Too much." in returned(script.seen[-1])["transfer"]


async def test_a_tool_that_asks_for_approval_while_it_runs_is_called_again_when_it_has_it(shop: Shop) -> None:
    script = Script({"delete": {"path": "/etc"}}, "Gone.")
    agent = shop.agent(script)

    @agent.tool
    async def delete(ctx: RunContext[None], path: str) -> str:
        if not ctx.tool_call_approved:
            raise ApprovalRequired(metadata={"reason": "It is protected."})
        shop.effects[path] += 1
        return "deleted"

    shop.serve(agent)
    user = User(shop)
    await user.ask()
    assert (await user.approves()).reason == "It is protected."
    events = await user.ended()
    assert events[-1].result["text"] == "Gone."
    assert shop.effects == {"/etc": 1}


async def test_metadata_may_ask_for_approval_and_say_why(shop: Shop) -> None:
    script = Script({"pay": {"amount": 3}}, "Done.")
    agent = shop.agent(script)

    @agent.tool_plain(metadata={"netra": {"approval": "It costs.", "idempotent": True}})
    async def pay(amount: int) -> int:
        shop.effects[f"pay {amount}"] += 1
        return amount

    shop.serve(agent)
    user = User(shop)
    await user.ask()
    assert (await user.approves(arguments={"amount": 5})).reason == "It costs."
    await user.ended()
    assert shop.effects == {"pay 5": 1}


async def test_two_answers_are_asked_for_at_once_and_each_is_its_own(shop: Shop) -> None:
    script = Script({"first": {}, "second": {}}, "Done.")
    names = ("first", "second")
    elsewhere = ExternalToolset(
        [ToolDefinition(name=each, parameters_json_schema={"type": "object"}) for each in names]
    )
    shop.serve(shop.agent(script, toolsets=[elsewhere]))
    user = User(shop)
    await user.ask()
    asked = await user.client.until(
        lambda: (
            found if len(found := [each for each in user.client.events if type(each) is QuestionAsked]) == 2 else None
        )
    )
    for each in reversed(asked):
        await shop.workshop.until(lambda: shop.workshop.questions.knows(each.question_id))  # noqa: B023  # awaited here
        user.says(each.question_id, f"answer to {each.text}")
    events = await user.ended()
    assert returned(script.seen[-1]) == {each: f"answer to {each}: {{}}" for each in names}
    async for _, after in shop.replays(events, len(events) - 1):
        assert after[-1].result == events[-1].result


async def test_a_call_that_is_made_elsewhere_is_answered_by_the_user(shop: Shop) -> None:
    script = Script({"locate": {"what": "me"}}, "Found.")
    elsewhere = ExternalToolset([ToolDefinition(name="locate", parameters_json_schema={"type": "object"})])
    shop.serve(shop.agent(script, toolsets=[elsewhere]))
    user = User(shop)
    await user.ask()
    asked = await user.answers({"city": "Rome"})
    assert (asked.text, asked.step) == ('locate: {"what": "me"}', "ask#1")
    await user.ended()
    assert returned(script.seen[-1]) == {"locate": {"city": "Rome"}}


async def test_a_tool_may_ask_the_user_a_question(shop: Shop) -> None:
    script = Script({"ask": {}}, "Thanks.")
    agent = shop.agent(script)

    @agent.tool_plain
    async def ask() -> str:
        raise CallDeferred(metadata={"question": "Which?", "schema": {"type": "string"}}, kind="question")

    shop.serve(agent)
    user = User(shop)
    await user.ask()
    asked = await user.answers("The red one.")
    assert (asked.text, asked.schema) == ("Which?", {"type": "string"})
    await user.ended()
    assert returned(script.seen[-1]) == {"ask": "The red one."}


async def test_an_agent_that_asks_for_input_is_answered_by_its_own_function_or_the_user(shop: Shop, of: Any) -> None:
    asked: list[str] = []

    async def nobody(_: RunContext[None], requests: DeferredToolRequests, token: str) -> DeferredToolResults | None:
        asked.append(token)
        return None

    script = Script({"transfer": {"amount": 3}}, "Done.")
    transferring(shop, script, capabilities=[RequestInput(nobody)])
    user = User(shop)
    await user.ask()
    await user.approves()
    events = await user.ended()
    assert events[-1].result["text"] == "Done."
    assert shop.effects == {"transfer 3": 1}
    assert asked == [f"{user.run_id}:deferred_tool_calls:0"]
    assert [each.step for each in of(events, "StepStarted")] == [
        "step:golden__function_toolset__<agent>.validate_args=call-0-transfer#1",
        "step:ask deferred_tool_calls#1",
        "step:golden__function_toolset__<agent>.validate_args=call-0-transfer#2",
    ]


async def test_an_agents_own_answer_to_a_request_for_input_asks_nobody(shop: Shop, of: Any) -> None:
    async def policy(_: RunContext[None], requests: DeferredToolRequests, token: str) -> DeferredToolResults | None:
        return requests.build_results(approve_all=True)

    script = Script({"transfer": {"amount": 3}}, "Done.")
    transferring(shop, script, capabilities=[RequestInput(policy)])
    events = await shop.run()
    assert events[-1].result["text"] == "Done."
    assert of(events, "ApprovalRequested") == []
    assert shop.effects == {"transfer 3": 1}
