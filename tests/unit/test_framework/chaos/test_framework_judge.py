"""The judge of frameworks' agents finds each thing that is not as it should be, in their runs and at their model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from netra_backend.app.core.blobs import BlobRef
from netra_backend.app.core.events import (
    AgentCompleted,
    AgentDelta,
    AgentFailed,
    AgentStarted,
    AnyEvent,
    ApprovalRequested,
    ModelCompleted,
    ModelStarted,
    QuestionAnswered,
    QuestionAsked,
    ToolCompleted,
    ToolExecuting,
    UserMessage,
    encode_event,
)
from test_framework.chaos.framework_judge import (
    faults_of_framework_run,
    faults_of_requests,
    framework_counts,
    number_of,
)
from test_framework.chaos.framework_script import FRAMEWORKS, LANGGRAPH, OPENAI_AGENTS, PYDANTIC_AI, text_of_turn
from test_framework.chaos.judge import Seen, Story, judge, kind_of
from test_framework.chaos.model_server import Asked
from test_framework.simulation.workers import Plan

USER, OTHER, RUN, THREAD = "user_" + "1" * 32, "user_" + "2" * 32, "run_1", "thr_1"
PLAN = Plan("key-1", USER, ())
WORD = f"{PLAN.text(2)}=phone"
RECORDED = BlobRef("0" * 64, 1, "application/json")


class Case:
    """One run as it should be: the second charge was under way in a crash, as was the last request."""

    def __init__(self, framework: str) -> None:
        self.framework = framework
        self.events: list[AnyEvent] = []
        self.effects = [(RUN, 0), (RUN, 1)]
        self.add(UserMessage, request_id="q", agent=framework, text=PLAN.encoded())
        self.add(AgentStarted, agent=framework, request_id="q")
        self.answers("m0", PLAN.text(0))
        for number in (0, 1):
            self.add(ToolExecuting, call_id=f"t{number}", tool="charge", arguments={"number": number})
        self.completes("t0", {"user": USER, "number": 0})
        self.add(ToolCompleted, call_id="t1", tool="charge", ok=False, elapsed_ms=1, error={"code": "OUTCOME_UNKNOWN"})
        came: list[Any] = [0, "OUTCOME_UNKNOWN"]
        if framework == OPENAI_AGENTS:
            self.answers("m1", PLAN.text(1))
            self.add(ToolExecuting, call_id="t2", tool="gate", arguments={"number": 2})
            self.add(
                ApprovalRequested,
                approval_id="a",
                call_id="t2",
                tool="gate",
                arguments={"number": 2},
                arguments_hash="h",
                expires_at=9,
            )
            self.completes("t2", {"user": USER, "number": 2}, "gate")
            self.effects.append((RUN, 2))
            came.append(2)
        else:
            if framework == PYDANTIC_AI:
                self.answers("m1", PLAN.text(1))
            self.add(QuestionAsked, question_id="q1", text=PLAN.text(2), expires_at=9, call_id="c", step="ask_user##1")
            self.add(QuestionAnswered, question_id="q1", by="c", answer=WORD)
            came.append(WORD)
        last = text_of_turn(PLAN, 2, came)
        self.add(ModelStarted, call_id="m2", attempt=1, model="m", step="model##3")
        self.add(AgentDelta, call_id="m2", attempt=1, text="key-")
        self.answers("m2", last, attempt=2)
        self.add(AgentCompleted, result={"text": last}, usage={}, elapsed_ms=1)
        self.asked = [
            Asked(framework, PLAN.key, turn, USER, f"f{turn}", (USER,))
            for turn in ((0, 2, 2) if framework == LANGGRAPH else (0, 1, 2, 2))
        ]

    def add(self, event: Callable[..., AnyEvent], **fields: Any) -> None:
        self.events.append(event(thread_id=THREAD, run_id=RUN, ts=1, seq=len(self.events) + 1, **fields))

    def completes(self, call_id: str, result: Any, tool: str = "charge") -> None:
        if self.framework == LANGGRAPH:
            result = {"content": msgspec.json.encode(result).decode()}
        self.add(ToolCompleted, call_id=call_id, tool=tool, ok=True, elapsed_ms=1, result=result)

    def answers(self, call_id: str, text: str, attempt: int = 1) -> None:
        self.add(ModelStarted, call_id=call_id, attempt=attempt, model="m", step=f"model##{call_id}")
        for part in (text[:5], text[5:]):
            self.add(AgentDelta, call_id=call_id, attempt=attempt, text=part)
        self.add(AgentDelta, call_id=call_id, attempt=attempt, text='{"number": 0}', kind="tool_arguments")
        self.add(ModelCompleted, call_id=call_id, attempt=attempt, finish_reason="stop", recorded=RECORDED)

    def last(self, kind: type[Any]) -> int:
        return max(place for place, event in enumerate(self.events) if isinstance(event, kind))

    def change(self, place: int, **fields: Any) -> None:
        self.events[place] = msgspec.structs.replace(self.events[place], **fields)

    def faults(self) -> list[str]:
        first = self.events[0]
        assert isinstance(first, UserMessage)
        run = faults_of_framework_run(first, self.events)
        return [*run, *faults_of_requests([(first, self.events)], self.asked)]

    def broken(self) -> list[str]:
        frames = [encode_event(event) for event in self.events]
        final = {THREAD: Seen("reader", THREAD, 1, frames)}
        return judge([Story(USER, final, {PLAN.key: {(THREAD, RUN, 1)}})], self.effects, self.asked)


def _called_again(case: Case) -> None:
    case.add(ToolExecuting, call_id="t9", tool="charge", arguments={"number": 1})


def _another_text(case: Case) -> None:
    case.change(case.last(AgentDelta) - 1, text="other")


def _another_result(case: Case) -> None:
    case.change(case.last(AgentCompleted), result={"text": "other"})


def _failed(case: Case) -> None:
    case.events.pop()
    case.add(AgentFailed, error="internal", message="no", retryable=False)


def _asked_other(case: Case) -> None:
    case.add(QuestionAsked, question_id="q9", text="what?", expires_at=9, call_id="c9", step="ask_user##9")


def _sent_again(case: Case) -> None:
    case.asked.append(case.asked[0])


def _never_sent(case: Case) -> None:
    del case.asked[0]


def _other_words(case: Case) -> None:
    case.asked[-1] = msgspec.structs.replace(case.asked[-1], fingerprint="other")


def _another_user(case: Case) -> None:
    case.asked[0] = msgspec.structs.replace(case.asked[0], named=(USER, OTHER))


def _nobodys(case: Case) -> None:
    case.asked.append(Asked(case.framework, "key-9", 0, USER, "f", (USER,)))


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        (_called_again, "made the calls"),
        (_another_text, "said"),
        (_another_result, "came to other"),
        (_failed, "failed: internal"),
        (_asked_other, "asked ["),
        (_sent_again, "models: turn 0 of key-1 was asked 2 times, and begun 1 times"),
        (_never_sent, "models: turn 0 of key-1 has an answer, and was never asked"),
        (_other_words, "models: turn 2 of key-1 was asked in other words"),
        (_another_user, "owners: the model was asked by"),
        (_nobodys, "models: turn 0 of key-9 was asked 1 times, and begun 0 times"),
    ],
)
def test_it_finds_what_was_spoiled(framework: str, spoil: Callable[[Case], None], fault: str) -> None:
    case = Case(framework)
    assert case.faults() == []
    assert case.broken() == []
    spoil(case)
    assert any(each.startswith(fault) for each in case.faults())
    kind = fault.partition(":")[0] if fault.startswith(("models", "owners")) else "runs"
    assert kind in {kind_of(each) for each in case.broken()}


def test_a_run_that_was_given_up_is_no_fault_and_one_that_is_swapped_is() -> None:
    case = Case(PYDANTIC_AI)
    case.events.pop()
    case.add(AgentFailed, error="agent_crashed", message="no", retryable=False)
    assert case.faults() == []
    case.change(case.last(ToolCompleted) - 1, result={"user": USER, "number": 1})
    assert any(each.startswith("said") for each in case.faults())


def test_effects_of_their_tools_are_judged_as_those_of_all_others() -> None:
    case = Case(OPENAI_AGENTS)
    case.effects.append((RUN, 2))
    assert [kind_of(each) for each in case.broken()] == ["tools"]
    case.effects = [(RUN, 0)]
    assert [kind_of(each) for each in case.broken()] == ["lost"]


def test_the_number_of_a_result_is_found_in_the_text_of_a_message_too() -> None:
    assert number_of({"user": USER, "number": 2}) == number_of({"content": '{"user": "u", "number": 2}'}) == 2


def test_counts_are_told_by_framework() -> None:
    cases = [Case(OPENAI_AGENTS), Case(LANGGRAPH)]
    runs: list[Any] = [(case.events[0], case.events) for case in cases]
    counts = framework_counts(runs[:1], cases[0].effects, [each for case in cases for each in case.asked])
    own = {words.partition(": ")[2]: count for words, count in counts.items() if words.startswith(OPENAI_AGENTS)}
    assert own == {
        "runs": 1,
        "completed": 1,
        "cancelled": 0,
        "given up": 0,
        "effects": 3,
        "outcomes unknown": 1,
        "users asked": 1,
        "model requests begun": 4,
        "begun again": 1,
        "requests at the model": 4,
    }
    assert counts[f"{LANGGRAPH}: runs"] == 0
    assert counts[f"{LANGGRAPH}: requests at the model"] == 3
