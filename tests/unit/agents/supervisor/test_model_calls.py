"""Asking a language model: streamed in few events, recorded, and never paid for twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Any

import pytest

from netra_backend.app.adapters.models.pydantic_ai import PydanticAIModel
from netra_backend.app.agents.interface import AgentResult
from netra_backend.app.core.errors import DependencyUnavailable
from netra_backend.app.core.events import (
    AgentCancelled,
    AgentCompleted,
    AgentDelta,
    AgentFailed,
    ModelCompleted,
    ModelStarted,
)
from netra_backend.app.core.limits import MOST_MODEL_TOKENS, USUAL
from netra_backend.app.core.model_part import ModelPart
from test_framework.counted_tool import kinds, uninterrupted

if TYPE_CHECKING:
    from pydantic_ai.models.function import AgentInfo


class Script:
    """A model that says its parts, or fails."""

    name = "script"

    def __init__(self, workshop: Any, *parts: Any) -> None:
        self._workshop = workshop
        self._parts = parts
        self.asked: list[str] = []
        self.most: list[int] = []
        self.closed = 0

    async def stream(self, prompt: str, *, system: str, max_tokens: int) -> AsyncGenerator[ModelPart, None]:
        self.asked.append(prompt)
        self.most.append(max_tokens)
        try:
            for part in self._parts:
                if isinstance(part, BaseException):
                    raise part
                if callable(part):
                    await part()
                elif isinstance(part, float):
                    self._workshop.clock.advance(s=part)
                else:
                    yield part if isinstance(part, ModelPart) else ModelPart(part)
        finally:
            self.closed += 1


class TestModel:
    def ask(self, workshop: Any, *parts: Any) -> Script:
        script = Script(workshop, *parts)

        async def run(scope: Any) -> AgentResult:
            reply = await scope.ask_model("why?", system="short")
            await scope.think("after")
            return AgentResult(reply.text)

        workshop.agent("golden", run)
        workshop.answer_with(script)
        return script

    async def test_an_answer_has_as_many_tokens_as_are_set_where_its_agent_does_not_say(self, workshop: Any) -> None:
        script = self.ask(workshop, "Because.")
        await workshop.run("golden")
        assert script.most == [workshop.services.model_tokens] == [USUAL.model_tokens]

    @pytest.mark.parametrize("most", [0, -5, MOST_MODEL_TOKENS + 1, 10**30, True, 1.5])
    async def test_a_bound_that_no_answer_can_have_is_the_agents_mistake(self, workshop: Any, most: Any) -> None:
        async def run(scope: Any) -> AgentResult:
            with pytest.raises(ValueError, match="max_tokens is 1 to 1,000,000"):
                await scope.ask_model("why?", max_tokens=most)
            return AgentResult((await scope.ask_model("why?", max_tokens=MOST_MODEL_TOKENS)).text)

        script = Script(workshop, "Because.")
        workshop.agent("golden", run)
        workshop.answer_with(script)
        assert isinstance((await workshop.run("golden"))[-1], AgentCompleted)
        assert script.most == [MOST_MODEL_TOKENS]

    async def test_an_answer_streams_in_few_events_and_its_usage_is_counted(self, workshop: Any) -> None:
        usage = {"input_tokens": 10, "output_tokens": 20, "cost_usd": "0.0003"}
        self.ask(workshop, "a", "b", 0.06, "c", "d" * 5000, "e", ModelPart("", usage))
        events = await workshop.run("golden")
        deltas = [event for event in events if isinstance(event, AgentDelta)]
        assert [delta.text for delta in deltas] == ["abc", "d" * 5000, "e"]
        started, ended = events[2], events[6]
        assert (started.call_id, started.attempt, started.model, started.step) == (
            f"{events[0].run_id}:1",
            1,
            "script",
            "model#1",
        )
        assert (ended.call_id, ended.attempt, ended.finish_reason, ended.usage) == (started.call_id, 1, "stop", usage)
        assert events[-1].usage == usage
        assert events[-1].usage_by_model == [{"model": "script", "requests": 1, **usage}]
        assert events[-1].message_id == started.call_id
        assert events[-1].result["text"] == "abc" + "d" * 5000 + "e"

    @pytest.mark.parametrize("frames", range(2, 8))
    async def test_after_a_takeover_an_answer_that_was_recorded_is_not_paid_again(
        self, workshop: Any, frames: int
    ) -> None:
        usage = {"input_tokens": 10, "output_tokens": 20, "cost_usd": "0.5"}
        script = self.ask(workshop, "a", 0.06, "b", 0.06, "c", ModelPart("", usage))
        events = await workshop.run("golden")
        assert kinds(events)[2:8] == [
            "ModelStarted",
            "AgentDelta",
            "AgentDelta",
            "ModelCompleted",
            "AgentThinking",
            "AgentCompleted",
        ]
        script.asked.clear()
        client = await workshop.killed_after(events, "user_ada", frames)
        await client.ended(events[0].run_id)
        stored = await workshop.stored(events[0].run_id)
        whole, begun = frames >= 6, frames >= 3
        assert script.asked == ([] if whole else ["why?"])
        attempts = [event.attempt for event in stored if isinstance(event, AgentDelta)]
        cut = 0 if whole else max(0, frames - 3)
        assert attempts == ([1] * 2 if whole else [1] * cut + [2 if begun else 1] * 2)
        started = [event for event in stored if isinstance(event, ModelStarted)]
        assert [event.attempt for event in started] == ([1] if whole or not begun else [1, 2])
        assert len({event.call_id for event in started}) == 1
        assert stored[-1].usage == usage
        assert stored[-1].result == events[-1].result

    @pytest.mark.parametrize("fault", [DependencyUnavailable("It is down."), ValueError("the inner secret")])
    @pytest.mark.parametrize("said", [[], ["half "]])
    async def test_an_agent_that_goes_on_without_its_model_does_so_on_every_replay(
        self, workshop: Any, fault: BaseException, said: list[str]
    ) -> None:
        script = Script(workshop, *said, fault)
        seen: list[str] = []

        async def run(scope: Any) -> AgentResult:
            try:
                await scope.ask_model("why?")
            except DependencyUnavailable as missing:
                seen.append(missing.message)
                await scope.think("without it")
            return AgentResult("template")

        workshop.agent("golden", run)
        workshop.answer_with(script)
        events = await workshop.run("golden")
        told = "It is down." if isinstance(fault, DependencyUnavailable) else "The language model failed."
        assert [event.text for event in events if isinstance(event, AgentDelta)] == said
        ended = next(event for event in events if isinstance(event, ModelCompleted))
        assert (ended.finish_reason, ended.error) == ("error", told)
        script.asked.clear()
        client = await workshop.killed_after(events, "user_ada", 4 + len(said))
        await client.ended(events[0].run_id)
        assert uninterrupted(await workshop.stored(events[0].run_id)) == kinds(events)
        assert script.asked == []
        assert seen == [told, told]

    async def test_without_a_model_an_agent_is_told_so_and_may_go_on(self, workshop: Any) -> None:
        async def run(scope: Any) -> AgentResult:
            assert not scope.has_model
            with pytest.raises(DependencyUnavailable, match="No language model is configured"):
                await scope.ask_model("why?")
            return AgentResult("template")

        workshop.agent("golden", run)
        events = await workshop.run("golden")
        assert isinstance(events[-1], AgentCompleted)

    async def test_a_cancelled_run_closes_the_stream(self, workshop: Any) -> None:
        script = self.ask(workshop, "a", 0.06, "b", asyncio.Event().wait)
        client = workshop.connect()
        accepted = await workshop.ask(client, "golden")
        await client.saw(AgentDelta)
        await workshop.cancel(client, accepted.run_id)
        events = await client.ended(accepted.run_id)
        assert isinstance(events[-1], AgentCancelled)
        assert script.closed == 1

    async def test_a_stream_is_closed_where_its_part_cannot_be_recorded(self, workshop: Any) -> None:
        script = self.ask(workshop, "x" * 600_000, "never asked for")
        events = await workshop.run("golden")
        assert isinstance(events[-1], AgentFailed)
        assert script.closed == 1


USAGE = {"input_tokens": 10, "output_tokens": 20, "cost_usd": "0.5"}


class TestCheckedModel:
    def ask(self, workshop: Any, model: Any, seen: list[Any]) -> None:
        async def run(scope: Any) -> AgentResult:
            reply = await scope.ask_model("why?", check=lambda text: "9" not in text, instead="The template.")
            seen.append((reply.text, reply.replaced))
            return AgentResult(reply.text)

        workshop.agent("golden", run)
        workshop.answer_with(model)

    @pytest.mark.parametrize(
        ("parts", "shown"),
        [
            (["It is 5. ", 0.06, "Or 1", 0.06, "9", 0.06, "9. Fine. "], "It is 5. "),
            (["It is 1", 0.06, "9"], ""),
            (["It is 5. ", 0.06, "Then ", DependencyUnavailable("It is down.")], "It is 5. "),
            ([DependencyUnavailable("Too many requests.")], ""),
            (["9. ", ValueError("the inner secret")], ""),
        ],
    )
    async def test_the_template_takes_over_from_a_model_that_fails_or_says_what_was_not_checked(
        self, workshop: Any, parts: list[Any], shown: str
    ) -> None:
        seen: list[Any] = []
        script = Script(workshop, *parts, ModelPart("", USAGE))
        self.ask(workshop, script, seen)
        events = await workshop.run("golden")
        deltas = [event for event in events if isinstance(event, AgentDelta)]
        assert "".join(delta.text for delta in deltas if delta.attempt == 1) in (shown, "")
        assert (deltas[-1].text, deltas[-1].attempt) == ("The template.", 2)
        ended = next(event for event in events if isinstance(event, ModelCompleted))
        assert (ended.attempt, ended.finish_reason, ended.error) == (2, "replaced", None)
        assert "9" not in "".join(delta.text for delta in deltas)
        assert seen[0][0] == events[-1].result["text"] == "The template."
        assert seen[0][1]
        script.asked.clear()
        client = await workshop.killed_after(events, "user_ada", 4 + len(deltas))
        await client.ended(events[0].run_id)
        assert script.asked == []
        assert seen == [seen[0]] * 2

    async def test_what_was_paid_for_a_refused_answer_is_counted(self, workshop: Any) -> None:
        self.ask(workshop, Script(workshop, "It is 9.", ModelPart("", USAGE)), [])
        events = await workshop.run("golden")
        assert {name: events[-1].usage[name] for name in USAGE} == USAGE

    async def test_a_checked_answer_is_shown_sentence_by_sentence(self, workshop: Any) -> None:
        from pydantic_ai.models.function import FunctionModel

        seen: list[Any] = []

        async def answer(messages: list[Any], info: AgentInfo) -> AsyncGenerator[str, None]:
            for part in ("It is ", "$1", ".5. Or", " 7."):
                workshop.clock.advance(s=0.06)
                yield part

        self.ask(workshop, PydanticAIModel(FunctionModel(stream_function=answer)), seen)
        events = await workshop.run("golden")
        shown = [event.text for event in events if isinstance(event, AgentDelta)]
        assert shown == ["It is $1.5. ", "Or 7."]
        assert seen == [("It is $1.5. Or 7.", None)]
