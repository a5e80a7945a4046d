"""What a user may say about a call besides yes and no: why, with which arguments, and that the run need not ask again."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from netra_backend.app.agents.interface import AgentResult
from netra_backend.app.agents.supervisor.tool_approvals import Denied
from netra_backend.app.agents.tools.definition import Tool, ToolArguments
from netra_backend.app.core.errors import NetraError, NotFound
from netra_backend.app.core.events import AnyEvent, ApprovalRequested, ApprovalResolved, ToolCompleted, ToolExecuting
from netra_backend.app.core.frames import AnswerQuestion, ResolveApproval
from netra_backend.app.core.questions import RESPONSE_SCHEMA
from test_framework.counted_tool import codes_of, kinds, uninterrupted

SECRET = "sk-" + "b2" * 12


class Payment(ToolArguments, frozen=True):
    amount: int
    token: str = ""
    note: Any = None


class Paid:
    """An agent that pays as often as it is told, with the arguments that it is told, and what was paid."""

    def __init__(self, workshop: Any, *payments: dict[str, Any], approval: bool | str = True) -> None:
        self.calls: list[dict[str, Any]] = []
        self.workshop = workshop
        self.payments = payments

        async def pay(context: Any, arguments: Payment) -> Any:
            self.calls.append(msgspec.to_builtins(arguments))
            return {"paid": arguments.amount}

        async def run(scope: Any) -> AgentResult:
            outcomes = [await scope.use_tool("pay", **payment) for payment in self.payments]
            return AgentResult("", {"errors": [outcome.error for outcome in outcomes]})

        hidden = frozenset({"token"})
        workshop.tool(Tool("pay", "Pays.", Payment, pay, approval=approval, secret_arguments=hidden))
        workshop.agent("golden", run, ["pay"])

    async def asked(self) -> tuple[Any, ApprovalRequested]:
        client = self.workshop.connect("user_ada")
        await self.workshop.ask(client, "golden")
        return client, await client.saw(ApprovalRequested)

    async def say(self, client: Any, requested: ApprovalRequested, decision: Any = "approve", **more: Any) -> None:
        frame = ResolveApproval(requested.approval_id, decision, requested.arguments_hash, "word", **more)
        await self.workshop.turns.commands.resolve(client, frame)

    async def answer(self, client: Any, requested: ApprovalRequested, **answer: Any) -> None:
        await self.workshop.turns.commands.answer(client, AnswerQuestion(requested.approval_id, answer, "word"))


def one(events: list[AnyEvent], kind: type[Any]) -> Any:
    (found,) = [event for event in events if isinstance(event, kind)]
    return found


async def test_an_approval_says_why_it_is_asked_for_and_what_answers_it(workshop: Any) -> None:
    paid = Paid(workshop, {"amount": 7}, approval="It moves money.")
    _, requested = await paid.asked()
    assert (requested.reason, requested.response_schema) == ("It moves money.", RESPONSE_SCHEMA)
    (waiting,) = await workshop.turns.commands.approvals("user_ada")
    assert waiting.reason == "It moves money."
    (question,) = await workshop.turns.commands.questions("user_ada")
    assert (question.question_id, question.schema) == (requested.approval_id, RESPONSE_SCHEMA)


async def test_the_agent_is_told_why_its_call_was_denied(workshop: Any) -> None:
    paid = Paid(workshop, {"amount": 7})
    client, requested = await paid.asked()
    await paid.say(client, requested, "deny", reason=f"Too much, {SECRET}.")
    events = await client.ended(requested.run_id)
    resolved = one(events, ApprovalResolved)
    assert (resolved.decision, resolved.reason) == ("deny", "Too much, ***.")
    error = one(events, ToolCompleted).error
    assert (error["code"], error["message"]) == ("APPROVAL_DENIED", "pay was not approved (deny): Too much, ***.")
    assert error["hint"] == "Do not ask for the same call again."
    assert paid.calls == []


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("", "pay was not approved (deny)."),
        ("too expensive", "pay was not approved (deny): too expensive."),
        ("Too much!", "pay was not approved (deny): Too much!"),
    ],
)
def test_a_denial_is_a_whole_sentence(reason: str, told: str) -> None:
    assert str(Denied("pay", "deny", reason)) == told


@pytest.mark.parametrize("by_answer", [False, True])
@pytest.mark.parametrize("frames", [None, 3, 4, 5])
async def test_a_call_is_made_once_with_the_arguments_that_its_user_gave_it(
    workshop: Any, by_answer: bool, frames: int | None
) -> None:
    paid = Paid(workshop, {"amount": 7, "token": "t0ken", "note": "all of it"})
    client, requested = await paid.asked()
    edited = {"amount": 5, "token": "***", "note": f"less, {SECRET}"}

    async def say(client: Any) -> None:
        if by_answer:
            await paid.answer(client, requested, decision="approve", arguments=edited)
        else:
            await paid.say(client, requested, arguments=edited)

    await say(client)
    events = await client.ended(requested.run_id)
    resolved, executing = one(events, ApprovalResolved), one(events, ToolExecuting)
    shown = {"amount": 5, "token": "***", "note": "less, ***"}
    assert (resolved.arguments, executing.arguments) == (shown, shown)
    assert requested.arguments["amount"] == 7
    if frames is not None:
        client = await workshop.killed_after(events, "user_ada", frames)
        if frames == 3:
            await workshop.until(lambda: workshop.questions.of("user_ada"))
            await say(client)
        await client.ended(requested.run_id)
        assert uninterrupted(await workshop.stored(requested.run_id)) == kinds(events)
    made = {"amount": 5, "token": "t0ken", "note": f"less, {SECRET}"}
    again = frames in (3, 4)
    assert paid.calls == [made] * (2 if again else 1)
    assert codes_of(await workshop.stored(requested.run_id)) == (["OUTCOME_UNKNOWN"] if frames == 5 else [None])


@pytest.mark.validation_point("answer.arguments")
@pytest.mark.parametrize("arguments", [{"amount": "much"}, {}, {"amount": 5, "more": 1}])
async def test_arguments_that_the_tool_does_not_take_are_refused_and_the_approval_stays_open(
    workshop: Any, arguments: Any
) -> None:
    paid = Paid(workshop, {"amount": 7})
    client, requested = await paid.asked()
    refused = ""
    try:
        await paid.say(client, requested, arguments=arguments)
    except NetraError as refusal:
        refused = refusal.entry.id
    assert refused == "invalid_answer"
    await paid.say(client, requested)
    await client.ended(requested.run_id)
    assert [each["amount"] for each in paid.calls] == [7]


@pytest.mark.validation_point("answer.arguments")
async def test_arguments_for_a_tool_that_may_not_be_used_any_more_are_refused(workshop: Any) -> None:
    paid = Paid(workshop, {"amount": 7})
    client, requested = await paid.asked()
    workshop.turns.scheduler.get(requested.run_id).engine._get_tool_dispatcher().restrict(frozenset())
    refused = ""
    try:
        await paid.say(client, requested, arguments={"amount": 5})
    except NetraError as refusal:
        refused = refusal.entry.id
    assert refused == "invalid_answer"


@pytest.mark.validation_point("answer.schema")
@pytest.mark.parametrize("answer", [{}, {"decision": "maybe"}, {"decision": "approve", "why": 1}, "yes", None])
async def test_what_is_no_decision_is_refused_and_the_approval_stays_open(workshop: Any, answer: Any) -> None:
    paid = Paid(workshop, {"amount": 7})
    client, requested = await paid.asked()
    refused = ""
    try:
        await workshop.turns.commands.answer(client, AnswerQuestion(requested.approval_id, answer))
    except (NetraError, KeyError, TypeError) as refusal:
        refused = refusal.entry.id if isinstance(refusal, NetraError) else "taken"
    assert refused == "invalid_answer"
    assert len(workshop.questions.of("user_ada")) == 1


@pytest.mark.validation_point("question.open")
async def test_an_answer_counts_for_the_arguments_that_were_shown(workshop: Any) -> None:
    paid = Paid(workshop, {"amount": 7})
    client, requested = await paid.asked()
    refused = ""
    try:
        await paid.answer(client, requested, decision="approve", arguments_hash="0" * 64)
    except NotFound as refusal:
        refused = refusal.entry.id
    assert refused == "not_found"
    assert paid.calls == []
    await paid.answer(client, requested, decision="approve", arguments_hash=requested.arguments_hash)
    await client.ended(requested.run_id)
    assert len(paid.calls) == 1


@pytest.mark.parametrize("frames", range(3, 9))
async def test_a_tool_that_is_remembered_is_asked_about_once_in_its_run_also_after_a_crash(
    workshop: Any, frames: int
) -> None:
    paid = Paid(workshop, {"amount": 1}, {"amount": 2}, {"amount": 3})
    client, requested = await paid.asked()
    await paid.say(client, requested, remember=True)
    events = await client.ended(requested.run_id)
    assert kinds(events)[2:] == [
        "ApprovalRequested",
        "ApprovalResolved",
        *["ToolExecuting", "ToolCompleted"] * 3,
        "AgentCompleted",
    ]
    assert one(events, ApprovalResolved).remember
    client = await workshop.killed_after(events, "user_ada", frames)
    if frames == 3:
        await workshop.until(lambda: workshop.questions.of("user_ada"))
        await paid.say(client, requested, remember=True)
    await client.ended(requested.run_id)
    assert uninterrupted(await workshop.stored(requested.run_id)) == kinds(events)
    other = workshop.connect("user_ada")
    accepted = await workshop.ask(other, "golden")
    asked_again = await other.saw(ApprovalRequested, accepted.run_id)
    assert asked_again.arguments["amount"] == 1


async def test_a_denied_tool_is_asked_about_again(workshop: Any) -> None:
    paid = Paid(workshop, {"amount": 1}, {"amount": 2})
    client, requested = await paid.asked()
    await paid.answer(client, requested, decision="deny", remember=True)
    second = await client.until(
        lambda: [
            each for each in client.events if isinstance(each, ApprovalRequested) and each.arguments["amount"] == 2
        ]
    )
    assert second[0].approval_id != requested.approval_id


async def test_what_was_asked_before_the_tool_was_remembered_still_waits(workshop: Any) -> None:
    paid = Paid(workshop)

    async def run(scope: Any) -> AgentResult:
        await asyncio.gather(*(scope.use_tool("pay", amount=amount) for amount in (1, 2)))
        await scope.use_tool("pay", amount=3)
        return AgentResult("")

    workshop.agent("both", run, ["pay"])
    client = workshop.connect("user_ada")
    accepted = await workshop.ask(client, "both")
    first, second = await client.until(
        lambda: (found := [each for each in client.events if isinstance(each, ApprovalRequested)])[1:] and found
    )
    await paid.say(client, first, remember=True)
    await client.until(lambda: [each for each in client.events if isinstance(each, ToolCompleted)])
    assert [each.told.question_id for each in workshop.questions.of("user_ada")] == [second.approval_id]
    await paid.say(client, second)
    await client.ended(accepted.run_id)
    assert [each["amount"] for each in paid.calls] == [1, 2, 3]


async def test_an_approval_that_its_agent_gave_up_is_told_to_be_over_and_is_given_up_again_on_every_replay(
    workshop: Any,
) -> None:
    gone, seen = asyncio.Event(), list[str]()
    paid = Paid(workshop)

    async def run(scope: Any) -> AgentResult:
        waiting = asyncio.ensure_future(scope.use_tool("pay", amount=7))
        await asyncio.sleep(0)  # it has begun
        await gone.wait()
        waiting.cancel()
        try:
            await waiting
        except asyncio.CancelledError:
            seen.append("given up")
        await scope.think("Without it.")
        return AgentResult("")

    workshop.agent("hasty", run, ["pay"])
    client = workshop.connect("user_ada")
    accepted = await workshop.ask(client, "hasty")
    requested = await client.saw(ApprovalRequested)
    gone.set()
    events = await client.ended(accepted.run_id)
    resolved = one(events, ApprovalResolved)
    assert (resolved.decision, resolved.by) == ("cancelled", "agent")
    with pytest.raises(NotFound):
        await paid.say(client, requested)
    client = await workshop.killed_after(events, "user_ada", events.index(resolved) + 1)
    await client.ended(accepted.run_id)
    assert uninterrupted(await workshop.stored(accepted.run_id)) == kinds(events)
    assert (seen, paid.calls) == (["given up"] * 2, [])


@pytest.mark.validation_point("answer.arguments")
@pytest.mark.parametrize(
    "note",
    [
        [{"to": "a", "password": "***"}, {"to": "eve", "password": "***"}],
        [{"to": "a", "password": "***"}, {"to": "a", "password": "***"}],
        {"other": "***"},
    ],
)
async def test_a_hidden_value_is_given_to_nothing_else_and_the_approval_stays_open(workshop: Any, note: Any) -> None:
    paid = Paid(workshop, {"amount": 7, "note": [{"to": "a", "password": "p1"}, {"to": "b", "password": "p2"}]})
    client, requested = await paid.asked()
    refused = hint = None
    try:
        await paid.say(client, requested, arguments={"amount": 7, "note": note})
    except NetraError as refusal:
        refused, hint = refusal.entry.id, refusal.hint
    assert (refused, hint) == ("invalid_answer", "Give the hidden value anew.")
    turned = [{"to": "b", "password": "***"}, {"to": "a", "password": "***"}]
    await paid.say(client, requested, arguments={"amount": 7, "note": turned})
    await client.ended(requested.run_id)
    assert [each["note"] for each in paid.calls] == [[{"to": "b", "password": "p2"}, {"to": "a", "password": "p1"}]]


@pytest.mark.parametrize("frames", [None, 4])
async def test_a_secret_that_the_run_gets_after_an_answer_with_it_was_judged_denies_the_call(
    workshop: Any, frames: int | None
) -> None:
    paid = Paid(workshop, {"amount": 7, "token": "t0ken"})
    client, requested = await paid.asked()
    (question,) = workshop.questions.of("user_ada")
    recorder = workshop.turns.scheduler.get(requested.run_id).engine._recorder
    question.word.add_done_callback(lambda _: recorder.hide("swordfish-swordfish"))
    await paid.say(client, requested, arguments={"amount": 7, "token": "***", "note": "swordfish-swordfish"})
    events = await client.ended(requested.run_id)
    if frames is not None:
        client = await workshop.killed_after(events, "user_ada", frames)
        await client.ended(requested.run_id)
    stored = await workshop.stored(requested.run_id)
    assert (paid.calls, codes_of(stored)) == ([], ["APPROVAL_DENIED"])
    assert "(unclear)" in one(stored, ToolCompleted).error["message"]


@pytest.mark.validation_point("approval.shown")
async def test_nobody_is_asked_about_a_call_that_cannot_be_shown_and_it_is_not_made(workshop: Any) -> None:
    paid = Paid(workshop, {"amount": 7, "note": ["a"] * 2_100 + ["evil"]})
    client = workshop.connect("user_ada")
    accepted = await workshop.ask(client, "golden")
    await client.until(lambda: [each for each in client.events if isinstance(each, ApprovalRequested | ToolCompleted)])
    assert not workshop.questions.of("user_ada")
    events = await client.ended(accepted.run_id)
    assert (paid.calls, codes_of(events)) == ([], ["ARGUMENTS_NOT_SHOWN"])
    assert "ApprovalRequested" not in kinds(events)


async def test_who_approves_sees_what_is_in_an_object_that_is_called_a_secret(workshop: Any) -> None:
    note = {"auth": {"cmd": "rm -rf /", "password": "p", "secrets": ["t", {"a": 1}]}}
    paid = Paid(workshop, {"amount": 7, "note": note})
    client, requested = await paid.asked()
    shown = {"auth": {"cmd": "rm -rf /", "password": "***", "secrets": ["***", {"a": 1}]}}
    assert requested.arguments["note"] == shown
    await paid.say(client, requested, arguments={"amount": 8, "note": shown})
    events = await client.ended(requested.run_id)
    assert one(events, ApprovalResolved).arguments == {"amount": 8, "note": shown}
    assert paid.calls == [{"amount": 8, "note": note}]
