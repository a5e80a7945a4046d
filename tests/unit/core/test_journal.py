"""The journal: recorded effects give their recorded results, once and in order; everything else is told apart."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from netra_backend.app.core.events import (
    AgentDelta,
    AgentStarted,
    AgentThinking,
    AnyEvent,
    ApprovalRequested,
    ApprovalResolved,
    RunQueued,
    ToolCompleted,
    ToolExecuting,
    UserMessage,
    decode_event,
    encode_event,
)
from netra_backend.app.core.journal import (
    SAY_CALL,
    Ask,
    Diverged,
    Journal,
    ModelCall,
    Perform,
    Recorded,
    Saying,
    Thought,
    ToolCall,
    Unknown,
)
from test_framework.playbook import Playbook, like

PLACE: dict[str, Any] = {"thread_id": "thr_1", "run_id": "run_1", "seq": 1, "ts": 0}
ASKED = UserMessage(**PLACE, request_id="req_1", agent="a", text="?")
QUEUED = RunQueued(**PLACE, agent="a", queue_position=1)
STARTED = AgentStarted(**PLACE, agent="a", request_id="req_1")
APPROVAL = ApprovalRequested(
    **PLACE, approval_id="apr_1", call_id="call_1", tool="pay", arguments={"usd": 5}, arguments_hash="h", expires_at=9
)


def thinking(text: str) -> AgentThinking:
    return AgentThinking(**PLACE, text=text)


def executing(call: int, tool: str, **arguments: Any) -> ToolExecuting:
    return ToolExecuting(**PLACE, call_id=f"call_{call}", tool=tool, arguments=arguments)


def completed(call: int, tool: str, result: Any) -> ToolCompleted:
    return ToolCompleted(**PLACE, call_id=f"call_{call}", tool=tool, ok=True, elapsed_ms=1, result=result)


def said(call: int, text: str) -> AgentDelta:
    return AgentDelta(**PLACE, call_id=f"{SAY_CALL}_{call}", attempt=1, text=text, done=True)


def streamed(call: int, attempt: int, text: str, *, done: bool = False) -> AgentDelta:
    return AgentDelta(**PLACE, call_id=f"model_{call}", attempt=attempt, text=text, done=done)


def resolved(approval_id: str, decision: str = "approve") -> ApprovalResolved:
    return ApprovalResolved(**PLACE, approval_id=approval_id, decision=decision, by="conn_1")


def script(*events: AnyEvent) -> Playbook[Ask]:
    return Playbook(Journal(events).next)


def test_a_new_runs_journal_has_everything_performed() -> None:
    book = script()
    book >> Thought("a") << Perform() >> ToolCall("t", {}) << Perform() >> ModelCall() << Perform(attempt=1)
    book >> Saying("b") << Perform()
    book.end()
    assert not Journal().started


def test_a_journal_knows_whether_its_run_was_started() -> None:
    assert not Journal([ASKED, QUEUED]).started
    assert Journal([ASKED, STARTED]).started


def test_recorded_effects_are_given_back_in_order_and_then_all_is_new() -> None:
    two = completed(2, "t", 2)
    book = script(
        ASKED,
        STARTED,
        thinking("a"),
        executing(1, "t", n=1),
        completed(1, "t", 1),
        said(2, "b"),
        executing(2, "t", n=2),
        two,
    )
    book >> Thought("a") << Recorded()
    book >> ToolCall("t", {"n": 1}) << Recorded(completed=completed(1, "t", 1))
    book >> Saying("b") << Recorded()
    book >> ToolCall("t", {"n": 2}) << Recorded(completed=two)
    book >> Thought("a") << Perform()
    book.end()


@pytest.mark.parametrize(
    ("event", "ask"),
    [
        (thinking("a"), Thought("b")),
        (thinking("a"), Saying("a")),
        (said(1, "a"), ModelCall()),
        (streamed(1, 1, "a"), Saying("a")),
        (executing(1, "t", n=1), ToolCall("t", {"n": 2})),
        (executing(1, "t", n=1), ToolCall("u", {"n": 1})),
        (executing(1, "t", n=1), Thought("t")),
    ],
)
def test_another_effect_than_the_recorded_one_diverges(event: AnyEvent, ask: Ask) -> None:
    (script(event) >> ask << like(Diverged, recorded=str)).end()


def test_what_is_told_of_a_divergence_is_bounded() -> None:
    answer = Journal([thinking("x" * 10_000)]).next(Thought("y"))
    assert isinstance(answer, Diverged)
    assert len(answer.recorded) == 200


def test_a_tool_call_without_an_end_is_unknown_and_was_executing() -> None:
    (script(executing(1, "t")) >> ToolCall("t", {}) << Unknown(executing=True)).end()


def test_an_approval_that_waits_is_unknown_and_was_not_executing() -> None:
    (script(APPROVAL) >> ToolCall("pay", {"usd": 5}) << Unknown(approval=APPROVAL)).end()


def test_a_decision_is_found_by_its_approval_and_by_no_other() -> None:
    (script(APPROVAL, resolved("apr_2")) >> ToolCall("pay", {"usd": 5}) << Unknown(approval=APPROVAL)).end()
    word = resolved("apr_1", "deny")
    (script(executing(9, "t"), APPROVAL, word) >> ToolCall("t", {}) << Unknown(executing=True)).end()
    book = script(APPROVAL, word)
    book >> ToolCall("pay", {"usd": 5}) << Unknown(approval=APPROVAL, resolved=word)
    book.end()


def test_an_approved_call_that_was_begun_is_one_step() -> None:
    book = script(APPROVAL, resolved("apr_1"), executing(1, "pay", usd=5), thinking("next"))
    book >> ToolCall("pay", {"usd": 5}) << Unknown(approval=APPROVAL, resolved=resolved("apr_1"), executing=True)
    book >> Thought("next") << Recorded()
    book.end()


def test_a_finished_model_call_gives_its_parts() -> None:
    parts = (streamed(1, 1, "a"), streamed(1, 1, "b", done=True))
    (script(*parts) >> ModelCall() << Recorded(parts=parts)).end()


def test_a_model_call_that_was_cut_off_is_performed_with_a_higher_attempt() -> None:
    (script(streamed(1, 1, "a")) >> ModelCall() << Perform(attempt=2)).end()
    (script(streamed(1, 1, "a"), streamed(1, 2, "b")) >> ModelCall() << Perform(attempt=3)).end()


def test_a_model_call_that_succeeded_at_a_later_attempt_gives_only_that_ones_parts() -> None:
    later = (streamed(1, 2, "b"), streamed(1, 2, "c", done=True))
    (script(streamed(1, 1, "a"), *later) >> ModelCall() << Recorded(parts=later)).end()


class RunsThatCrash(RuleBasedStateMachine):
    """A run of a deterministic agent, crashed and taken over at any event, beside its plain list of effects.

    What the journal says must make the recorded events grow to exactly those of a run that was never interrupted.
    """

    def __init__(self) -> None:
        super().__init__()
        self.plan: list[Ask] = []
        self.log: list[AnyEvent] = []
        self.calls: list[int] = []

    @rule(
        ask=st.one_of(
            st.builds(Thought, st.text(max_size=3)),
            st.builds(Saying, st.text(max_size=3)),
            st.builds(ToolCall, st.sampled_from(["t", "u"]), st.dictionaries(st.text(max_size=2), st.integers(0, 3))),
            st.just(ModelCall()),
        )
    )
    def wants(self, ask: Ask) -> None:
        self.plan.append(ask)

    @rule(crash_after=st.integers(0, 6))
    def runs(self, crash_after: int) -> None:
        """Replay from the start; ``crash_after`` new events the process dies."""
        kept = [decode_event(encode_event(event)) for event in self.log]
        journal = Journal(kept)
        new: list[AnyEvent] = []
        for number, ask in enumerate(self.plan):
            new += self._effect(number, ask, journal.next(ask))
            if len(new) > crash_after:
                break
        self.log += new[:crash_after]

    def _effect(self, number: int, ask: Ask, answer: object) -> list[AnyEvent]:
        assert not isinstance(answer, Diverged), answer
        if isinstance(answer, Recorded):
            if isinstance(ask, ToolCall):
                assert answer.completed is not None
                assert answer.completed.result == number
            return []
        if isinstance(ask, Thought):
            return [thinking(ask.text)]
        if isinstance(ask, Saying):
            return [said(number, ask.text)]
        if isinstance(ask, ModelCall):
            assert isinstance(answer, Perform)
            return [streamed(number, answer.attempt, "a"), streamed(number, answer.attempt, "b", done=True)]
        begun = [] if isinstance(answer, Unknown) else [executing(number, ask.tool, **ask.arguments)]
        return [*begun, completed(number, ask.tool, number)]

    def teardown(self) -> None:
        self.runs(crash_after=10**6)
        shown: list[Ask] = []
        for event in self.log:
            if isinstance(event, AgentThinking):
                shown.append(Thought(event.text))
            elif isinstance(event, ToolExecuting):
                shown.append(ToolCall(event.tool, event.arguments))
            elif isinstance(event, AgentDelta) and event.done:
                shown.append(Saying(event.text) if event.call_id.startswith(SAY_CALL) else ModelCall())
        assert shown == self.plan
        before = len(self.log)
        self.runs(crash_after=10**6)
        assert len(self.log) == before


TestRunsThatCrash = RunsThatCrash.TestCase
