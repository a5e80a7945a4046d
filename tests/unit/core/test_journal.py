"""The journal: recorded effects give their recorded results, once and in order; everything else is told apart."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from netra_backend.app.core.asks import Ask, ModelCall, OwnStep, Question, Saying, Thought, ToolCall
from netra_backend.app.core.events import (
    AgentDelta,
    AgentStarted,
    AgentThinking,
    AnyEvent,
    ApprovalRequested,
    ApprovalResolved,
    ModelCompleted,
    ModelStarted,
    OtherEvent,
    QuestionAnswered,
    QuestionAsked,
    RunQueued,
    RunResumed,
    RunSuspended,
    StepFinished,
    StepStarted,
    ToolCompleted,
    ToolExecuting,
    UserMessage,
    decode_event,
    encode_event,
)
from netra_backend.app.core.journal import (
    CANCELLED,
    SAY_CALL,
    VERSION,
    Answer,
    Diverged,
    Journal,
    Perform,
    Recorded,
    RecordedReply,
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


def begun(*events: AnyEvent) -> Journal:
    """The journal of a run that began under journal 1, which recorded no keys."""
    return Journal("run_1", [ASKED, STARTED, *events])


def script(*events: AnyEvent) -> Playbook[Ask]:
    journal = begun(*events)
    return Playbook(lambda ask: journal.next("", ask))


def recorded(**fields: Any) -> like:
    return like(Recorded, **fields)


class TestJournal1:
    """Steps without keys are found by their order."""

    def test_recorded_effects_are_given_back_in_order_and_then_all_is_new(self) -> None:
        two = completed(3, "t", 2)
        book = script(
            thinking("a"),
            executing(1, "t", n=1),
            completed(1, "t", 1),
            said(2, "b"),
            executing(3, "t", n=2),
            two,
        )
        book >> Thought("a") << Recorded()
        book >> ToolCall("t", {"n": 1}) << recorded(completed=completed(1, "t", 1), call_id="call_1")
        book >> Saying("b") << recorded(call_id="say_2")
        book >> ToolCall("t", {"n": 2}) << recorded(completed=two)
        book >> Thought("a") << Perform()
        book >> ModelCall() << Perform("model_4")
        book >> Saying("c") << Perform("say_5")
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
    def test_another_effect_than_the_recorded_one_diverges(self, event: AnyEvent, ask: Ask) -> None:
        (script(event) >> ask << like(Diverged, recorded=str)).end()

    def test_what_is_told_of_a_divergence_is_bounded(self) -> None:
        answer = begun(thinking("x" * 10_000)).next("", Thought("y"))
        assert isinstance(answer, Diverged)
        assert len(answer.recorded) == 200

    def test_a_finished_model_call_gives_its_text_and_usage(self) -> None:
        last = AgentDelta(**PLACE, call_id="model_1", attempt=1, text="b", done=True, usage={"input_tokens": 1})
        book = script(streamed(1, 1, "a"), last)
        (book >> ModelCall("any") << recorded(reply=RecordedReply("ab", {"input_tokens": 1}))).end()

    def test_a_model_call_that_was_cut_off_is_performed_with_a_higher_attempt(self) -> None:
        (script(streamed(1, 1, "a")) >> ModelCall() << Perform("model_1", attempt=2)).end()
        (script(streamed(1, 1, "a"), streamed(1, 2, "b")) >> ModelCall() << Perform("model_1", attempt=3)).end()

    def test_a_model_call_that_succeeded_at_a_later_attempt_gives_only_that_ones_text(self) -> None:
        later = (streamed(1, 2, "b"), streamed(1, 2, "c", done=True))
        (script(streamed(1, 1, "a"), *later) >> ModelCall() << recorded(reply=RecordedReply("bc", {}))).end()

    def test_it_goes_on_with_what_it_recorded_under_this_version(self) -> None:
        asked = ModelStarted(**PLACE, call_id="model_1", attempt=1, model="m", step="model#1", fingerprint="f")
        book = script(asked, part("model_1", 1, "a"), answered("model_1", 1), thinking("then"))
        book >> ModelCall("f") << recorded(reply=RecordedReply("a", {}))
        book >> Thought("then") << Recorded()
        book.end()


# --- steps with keys -------------------------------------------------------------------------------------------------

BEGUN = AgentStarted(**PLACE, agent="a", request_id="req_1", journal=VERSION, agent_version="c")


def part(call_id: str, attempt: int, text: str, **more: Any) -> AgentDelta:
    return AgentDelta(**PLACE, call_id=call_id, attempt=attempt, text=text, **more)


def answered(call_id: str, attempt: int, finish_reason: str = "stop", **more: Any) -> ModelCompleted:
    return ModelCompleted(**PLACE, call_id=call_id, attempt=attempt, finish_reason=finish_reason, **more)


def asked_model(number: int, step: str, *, attempt: int = 1, fingerprint: str = "f") -> ModelStarted:
    call_id = f"run_1:{number}"
    return ModelStarted(**PLACE, call_id=call_id, attempt=attempt, model="m", step=step, fingerprint=fingerprint)


def calling(number: int, tool: str, step: str, **arguments: Any) -> ToolExecuting:
    return ToolExecuting(**PLACE, call_id=f"run_1:{number}", tool=tool, arguments=arguments, step=step)


def called(number: int, tool: str, result: Any, **more: Any) -> ToolCompleted:
    fields = {"ok": True, "elapsed_ms": 1, **more}
    return ToolCompleted(**PLACE, call_id=f"run_1:{number}", tool=tool, result=result, **fields)


def stepping(number: int, step: str, *, attempt: int = 1, name: str = "pay") -> StepStarted:
    return StepStarted(**PLACE, call_id=f"run_1:{number}", kind="step", name=name, step=step, attempt=attempt)


def stepped(number: int, *, ok: bool = True, **more: Any) -> StepFinished:
    return StepFinished(**PLACE, call_id=f"run_1:{number}", ok=ok, elapsed_ms=1, **more)


def keyed(*events: AnyEvent) -> Journal:
    return Journal("run_1", [ASKED, BEGUN, *events])


def test_a_new_runs_journal_has_everything_performed_and_numbers_its_calls() -> None:
    journal = Journal("run_1")
    assert journal.next("think#1", Thought("a")) == Perform()
    assert journal.next("tool:t#1", ToolCall("t", {})) == Perform("run_1:1")
    assert journal.next("model#1", ModelCall("f")) == Perform("run_1:2")
    assert journal.next("say#1", Saying("b")) == Perform("run_1:3")
    assert (journal.started, journal.is_resumed, journal.unasked()) == (False, False, None)


def test_a_journal_knows_whether_its_run_was_started_and_by_which_code() -> None:
    assert not Journal("run_1", [ASKED, QUEUED]).started
    journal = keyed()
    assert (journal.started, journal.is_resumed, journal.code, journal.version) == (True, True, "c", VERSION)
    assert Journal("run_1", [ASKED, STARTED]).version == 1


def test_steps_are_found_by_their_keys_in_whatever_order_they_are_asked_for() -> None:
    journal = keyed(
        asked_model(1, "a.1/model#1"),
        asked_model(2, "b.1/model#1", fingerprint="g"),
        answered("run_1:2", 1),
        calling(3, "t", "tool:t#1"),
        called(3, "t", "three"),
        part("run_1:1", 1, "one"),
        answered("run_1:1", 1),
    )
    assert journal.next("tool:t#1", ToolCall("t", {})) == Recorded("run_1:3", completed=called(3, "t", "three"))
    assert journal.next("b.1/model#1", ModelCall("g")) == Recorded("run_1:2", reply=RecordedReply("", {}))
    assert journal.next("a.1/model#1", ModelCall("f")) == Recorded("run_1:1", reply=RecordedReply("one", {}))
    assert journal.next("c.1/model#1", ModelCall("f")) == Perform("run_1:4")


def test_a_number_that_was_given_to_a_call_is_not_given_again_even_if_an_earlier_one_was_never_recorded() -> None:
    journal = keyed(calling(7, "t", "tool:t#1"))
    assert journal.next("tool:t#2", ToolCall("t", {})) == Perform("run_1:8")


@pytest.mark.parametrize(
    ("event", "ask"),
    [
        (calling(1, "t", "k", n=1), ToolCall("t", {"n": 2})),
        (calling(1, "t", "k"), Thought("t")),
        (asked_model(1, "k"), ModelCall("g")),
        (stepping(1, "k"), OwnStep("step", "refund")),
        (AgentThinking(**PLACE, text="a", step="k"), Thought("b")),
    ],
)
def test_another_step_under_the_same_key_diverges(event: AnyEvent, ask: Ask) -> None:
    assert isinstance(keyed(event).next("k", ask), Diverged)


def test_what_was_recorded_is_the_same_as_what_is_asked_for_in_python() -> None:
    """Tuples, keys that are numbers and halves of surrogate pairs are recorded as JSON has them."""
    journal = keyed(
        calling(1, "t", "tool:t#1", n=[1, 2], m={"1": "x"}),
        AgentThinking(**PLACE, text="half \ufffd", step="think#1"),
    )
    assert isinstance(journal.next("tool:t#1", ToolCall("t", {"n": (1, 2), "m": {1: "x"}})), Unknown)
    assert journal.next("think#1", Thought("half \ud800")) == Recorded()


def test_what_could_never_have_been_recorded_is_not_what_was() -> None:
    journal = keyed(calling(1, "t", "tool:t#1", n=1))
    assert isinstance(journal.next("tool:t#1", ToolCall("t", {"n": object()})), Diverged)


def test_a_key_that_was_never_asked_for_is_named_at_the_end() -> None:
    journal = keyed(stepping(1, "step:pay#1"), stepped(1), calling(2, "t", "tool:t#1"))
    assert journal.unasked() == "step:pay#1"
    journal.next("step:pay#1", OwnStep("step", "pay"))
    assert journal.unasked() == "tool:t#1"
    journal.next("tool:t#1", ToolCall("t", {}))
    assert journal.unasked() is None
    assert begun(thinking("a")).unasked() is None


def test_the_text_of_a_reply_is_that_of_the_attempt_that_ended_without_its_reasoning() -> None:
    journal = keyed(
        asked_model(1, "model#1"),
        part("run_1:1", 1, "lost"),
        asked_model(1, "model#1", attempt=2),
        part("run_1:1", 2, "hm", kind="reasoning"),
        part("run_1:1", 2, "a"),
        part("run_1:1", 2, "b"),
        answered("run_1:1", 2, usage={"input_tokens": 3}),
    )
    answer = journal.next("model#1", ModelCall("f"))
    assert answer == Recorded("run_1:1", reply=RecordedReply("ab", {"input_tokens": 3}))


@pytest.mark.parametrize("streamed_before", [(), (part("run_1:1", 1, "a"),)])
def test_a_model_call_that_was_begun_has_an_identity_and_is_performed_again(streamed_before: Any) -> None:
    journal = keyed(asked_model(1, "model#1"), *streamed_before)
    assert journal.next("model#1", ModelCall("f")) == Perform("run_1:1", attempt=2)


def test_a_failed_reply_is_recorded_with_its_reason() -> None:
    journal = keyed(asked_model(1, "model#1"), answered("run_1:1", 1, "error", error="It is down."))
    answer = journal.next("model#1", ModelCall("f"))
    assert answer == Recorded("run_1:1", reply=RecordedReply("", {}, "It is down."))


def test_a_step_without_an_end_is_unknown_and_says_how_often_it_was_begun() -> None:
    journal = keyed(stepping(1, "step:pay#1"), stepping(1, "step:pay#1", attempt=2))
    assert journal.next("step:pay#1", OwnStep("step", "pay")) == Unknown("run_1:1", attempt=2)


def test_an_attempt_that_failed_and_was_tried_again_is_no_end() -> None:
    again = stepped(1, ok=False, error={"code": "STEP_FAILED", "retried": True})
    journal = keyed(stepping(1, "step:pay#1"), again)
    assert journal.next("step:pay#1", OwnStep("step", "pay")) == Unknown("run_1:1")
    journal = keyed(stepping(1, "step:pay#1"), again, stepping(1, "step:pay#1", attempt=2), stepped(1, attempt=2))
    assert journal.next("step:pay#1", OwnStep("step", "pay")) == Recorded("run_1:1", finished=stepped(1, attempt=2))


def test_what_the_agent_broke_off_is_recorded_as_broken_off() -> None:
    error = {"code": CANCELLED, "message": "", "hint": ""}
    journal = keyed(
        stepping(1, "step:pay#1"),
        stepped(1, ok=False, error=error),
        calling(2, "t", "tool:t#1"),
        called(2, "t", None, ok=False, error=error),
        asked_model(3, "model#1"),
        answered("run_1:3", 1, "cancelled"),
    )
    asks: dict[str, Ask] = {
        "step:pay#1": OwnStep("step", "pay"),
        "tool:t#1": ToolCall("t", {}),
        "model#1": ModelCall("f"),
    }
    answers: list[Answer] = [journal.next(key, ask) for key, ask in asks.items()]
    assert all(isinstance(answer, Recorded) and answer.cancelled for answer in answers)


def test_what_is_streamed_outside_of_steps_is_no_step_and_has_a_higher_attempt_after_each_crash() -> None:
    assert Journal("run_1").live_attempt == 1
    journal = keyed(part("run_1:0", 1, "a"), part("run_1:0", 1, "b"))
    assert (journal.live_attempt, journal.unasked()) == (2, None)
    assert keyed(part("run_1:0", 1, "a"), part("run_1:0", 2, "a")).live_attempt == 3


def test_what_this_version_does_not_know_is_skipped() -> None:
    journal = keyed(OtherEvent(**PLACE, type="invented"), stepping(1, "step:pay#1"))
    assert journal.unasked() == "step:pay#1"


RESUMED = RunResumed(**PLACE, beginning=2)


@pytest.mark.parametrize(
    ("events", "beginnings"),
    [
        ((), 1),
        ((RESUMED,), 2),
        ((RESUMED, RESUMED), 3),
        ((RESUMED, RESUMED, thinking("further")), 1),
        ((RESUMED, thinking("further"), RESUMED), 2),
        ((RESUMED, RunSuspended(**PLACE, reason="waiting")), 1),
        ((stepping(1, "k"), RESUMED, stepping(1, "k", attempt=2), RESUMED), 3),
        ((asked_model(1, "k"), RESUMED, asked_model(1, "k", attempt=2), part("run_1:1", 2, "a")), 2),
        ((part("run_1:0", 1, "a"), RESUMED, part("run_1:0", 2, "a")), 2),
        ((RESUMED, OtherEvent(**PLACE, type="invented")), 2),
        ((stepping(1, "k"), RESUMED, stepped(1, ok=False, error={"code": "STEP_FAILED"})), 1),
    ],
)
def test_beginnings_are_counted_until_something_new_is_recorded(events: Any, beginnings: int) -> None:
    """What is done again, with a higher attempt, is nothing new."""
    assert keyed(*events).beginnings == beginnings


def test_a_tool_call_without_an_end_is_unknown_and_was_executing() -> None:
    assert keyed(calling(1, "t", "k")).next("k", ToolCall("t", {})) == Unknown("run_1:1", executing=True)


def test_an_approval_that_waits_is_unknown_and_was_not_executing() -> None:
    (script(APPROVAL) >> ToolCall("pay", {"usd": 5}) << Unknown("call_1", approval=APPROVAL)).end()


def test_a_decision_is_found_by_its_approval_and_by_no_other() -> None:
    book = script(APPROVAL, resolved("apr_2"))
    (book >> ToolCall("pay", {"usd": 5}) << Unknown("call_1", approval=APPROVAL)).end()
    word = resolved("apr_1", "deny")
    (script(executing(9, "t"), APPROVAL, word) >> ToolCall("t", {}) << Unknown("call_9", executing=True)).end()
    book = script(APPROVAL, word)
    book >> ToolCall("pay", {"usd": 5}) << Unknown("call_1", approval=APPROVAL, resolved=word)
    book.end()


def test_an_approved_call_that_was_begun_is_one_step() -> None:
    book = script(APPROVAL, resolved("apr_1"), executing(1, "pay", usd=5), thinking("next"))
    unknown = Unknown("call_1", approval=APPROVAL, resolved=resolved("apr_1"), executing=True)
    book >> ToolCall("pay", {"usd": 5}) << unknown
    book >> Thought("next") << Recorded()
    book.end()


class RunsThatCrash(RuleBasedStateMachine):
    """A run of a deterministic agent with steps in parallel, crashed and taken over at any event, and going on in another order
    each time.

    What the journal says must make the recorded events grow to exactly those of a run that was never interrupted, with nothing
    swapped.
    """

    def __init__(self) -> None:
        super().__init__()
        self.plan: dict[str, Ask] = {}
        self.log: list[AnyEvent] = []

    @rule(
        ask=st.one_of(
            st.builds(Thought, st.text(max_size=3)),
            st.builds(Saying, st.text(max_size=3)),
            st.builds(ToolCall, st.sampled_from(["t", "u"]), st.dictionaries(st.text(max_size=2), st.integers(0, 3))),
            st.builds(ModelCall, st.sampled_from("fg")),
            st.builds(OwnStep, st.just("step"), st.sampled_from(["pay", "look"])),
        )
    )
    def wants(self, ask: Ask) -> None:
        self.plan[f"{len(self.plan)}.1/step#1"] = ask

    @rule(crash_after=st.integers(0, 6), seed=st.integers(0, 99))
    def runs(self, crash_after: int, seed: int) -> None:
        """Replay from the start, in any order; ``crash_after`` new events the process dies."""
        kept = [decode_event(encode_event(event)) for event in self.log]
        journal = Journal("run_1", [ASKED, BEGUN, *kept])
        order = list(self.plan)
        Random(seed).shuffle(order)
        new: list[AnyEvent] = []
        for key in order:
            new += self._effect(key, self.plan[key], journal.next(key, self.plan[key]))
            if len(new) > crash_after:
                break
        else:
            assert journal.unasked() is None
        self.log += new[:crash_after]

    def _effect(self, key: str, ask: Ask, answer: Answer) -> list[AnyEvent]:
        assert not isinstance(answer, Diverged), answer
        call_id = answer.call_id
        place = {**PLACE, "call_id": call_id}
        if isinstance(answer, Recorded):
            if isinstance(ask, ToolCall):
                assert answer.completed is not None
                assert answer.completed.result == key
            if isinstance(ask, ModelCall):
                assert answer.reply is not None
                assert answer.reply.text == f"{key}+"
            return []
        if isinstance(ask, Thought):
            return [AgentThinking(**PLACE, text=ask.text, step=key)]
        if isinstance(ask, Saying):
            return [AgentDelta(**place, attempt=1, text=ask.text, step=key)]
        if isinstance(ask, ModelCall):
            assert isinstance(answer, Perform)
            return [
                ModelStarted(**place, attempt=answer.attempt, model="m", step=key, fingerprint=ask.fingerprint),
                part(call_id, answer.attempt, key),
                part(call_id, answer.attempt, "+"),
                answered(call_id, answer.attempt),
            ]
        if isinstance(ask, OwnStep):
            attempt = answer.attempt + isinstance(answer, Unknown)
            started = StepStarted(**place, kind="step", name=ask.name, step=key, attempt=attempt)
            return [started, StepFinished(**place, ok=True, elapsed_ms=1, attempt=attempt)]
        executing = ToolExecuting(**place, tool=ask.tool, arguments=ask.arguments, step=key)
        ended = ToolCompleted(**place, tool=ask.tool, ok=True, elapsed_ms=1, result=key)
        return [ended] if isinstance(answer, Unknown) else [executing, ended]

    def teardown(self) -> None:
        self.runs(crash_after=10**6, seed=0)
        journal = Journal("run_1", [ASKED, BEGUN, *self.log])
        for key, ask in self.plan.items():
            assert self._effect(key, ask, journal.next(key, ask)) == []
        begun = [event for event in self.log if isinstance(event, ToolExecuting | ModelStarted | StepStarted)]
        first = [event.call_id for event in begun if isinstance(event, ToolExecuting) or event.attempt == 1]
        assert len(set(first)) == len(first)


TestRunsThatCrash = RunsThatCrash.TestCase


class TestQuestions:
    """A question is found by its key, and its answer by its id."""

    ASKED: Any = QuestionAsked(
        **PLACE,
        question_id="qst_run_1.1",
        text="?",
        expires_at=9,
        call_id="run_1:1",
        step="ask#1",
        schema={"type": "null"},
    )
    ANSWERED: Any = QuestionAnswered(**PLACE, question_id="qst_run_1.1", by="conn_1", answer=None)
    KEYED = AgentStarted(**PLACE, agent="a", request_id="req_1", journal=2)

    def answer(self, *events: Any, ask: Any = None) -> Any:
        journal = Journal("run_1", [ASKED, self.KEYED, *events])
        return journal.next("ask#1", ask or Question("?", {"type": "null"}))

    def test_one_that_was_not_asked_is_performed(self) -> None:
        assert self.answer() == Perform("run_1:1")

    def test_one_that_has_no_answer_is_unknown(self) -> None:
        other = QuestionAnswered(**PLACE, question_id="qst_run_1.2", by="conn_1")
        assert self.answer(self.ASKED, other) == Unknown("run_1:1", question=self.ASKED)

    def test_one_that_was_answered_is_recorded(self) -> None:
        assert self.answer(self.ASKED, self.ANSWERED) == Recorded("run_1:1", answered=self.ANSWERED)

    def test_one_that_was_given_up_will_be_again(self) -> None:
        gone = QuestionAnswered(**PLACE, question_id="qst_run_1.1", by="agent")
        assert self.answer(self.ASKED, gone) == Recorded("run_1:1", answered=gone, cancelled=True)

    @pytest.mark.parametrize("ask", [Question("??", {"type": "null"}), Question("?"), Thought("?")])
    def test_another_question_under_its_key_diverges(self, ask: Any) -> None:
        assert isinstance(self.answer(self.ASKED, ask=ask), Diverged)

    def test_the_tools_that_the_user_approved_for_the_rest_of_the_run_are_remembered(self) -> None:
        word = ApprovalResolved(**PLACE, approval_id="apr_1", decision="approve", by="c", remember=True)
        once = ApprovalResolved(**PLACE, approval_id="apr_1", decision="approve", by="c")
        assert Journal("run_1", [ASKED, STARTED, APPROVAL, word]).remembered == {"pay"}
        assert Journal("run_1", [ASKED, STARTED, APPROVAL, once]).remembered == set()
