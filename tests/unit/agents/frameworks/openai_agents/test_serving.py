"""An agent of the OpenAI Agents SDK, unmodified: answered, recorded, and gone on with wherever its server was killed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from agents import Agent, RunContextWrapper, function_tool
from agents.testing import ModelCall, ModelStep, ScriptedModel, assistant_message, function_call
from pydantic import BaseModel

from netra_backend.app.core.errors import ExtensionError
from netra_backend.app.core.events import (
    AgentCancelled,
    AgentCompleted,
    AgentDelta,
    AgentFailed,
    ModelCompleted,
    ModelStarted,
    ToolCompleted,
    ToolExecuting,
)
from netra_server.openai_agents import serve
from test_framework.counted_tool import kinds


def of(events: Any, kind: type[Any]) -> list[Any]:
    return [each for each in events if isinstance(each, kind)]


class Shop:
    """Two tools that act, and who asked for it."""

    def __init__(self) -> None:
        self.done: list[tuple[str, str]] = []

        @function_tool
        async def buy(context: RunContextWrapper[str], what: str) -> str:
            """Buys something."""
            self.done.append((context.context, what))
            await asyncio.sleep(0)
            return f"bought {what}"

        @function_tool
        def price(what: str) -> int:
            """The price of something."""
            self.done.append(("", what))
            return len(what)

        self.tools: list[Any] = [buy, price]


def shopping(call: ModelCall) -> Any:
    """Buys milk and bread at once, asks for a price, and tells."""
    outputs = [item["output"] for item in call.input if item.get("type") == "function_call_output"]
    if not outputs:
        bread = function_call("buy", '{"what": "bread"}', call_id="c2")
        return [function_call("buy", '{"what": "milk"}', call_id="c1"), bread]
    if len(outputs) == 2:
        return function_call("price", '{"what": "milk"}', call_id="c3")
    return assistant_message(", ".join(map(str, outputs)))


class TestAnswer:
    async def test_what_the_model_says_is_streamed_and_is_the_answer(
        self, workshop: Any, served: Any, items: Any
    ) -> None:
        model = served.model(lambda call: assistant_message(f"You said {items(call)[-1][1]}."))
        served.agent(Agent(name="echo", instructions="Repeat.", model=model))
        events = await workshop.run("echo", "hello")
        assert kinds(events)[2:] == ["ModelStarted", "AgentDelta", "ModelCompleted", "StepRecorded", "AgentCompleted"]
        assert events[-1].result == {"text": "You said hello.", "data": {}}
        assert of(events, AgentDelta)[0].text == "You said hello."
        assert events[-1].message_id == of(events, ModelStarted)[0].call_id
        assert model.first_call.system_instructions == "Repeat."
        assert model.first_call.tracing.is_disabled()

    async def test_usage_is_told_with_what_was_cached_and_reasoned(self, workshop: Any, served: Any) -> None:
        model = served.model(lambda call: assistant_message("Yes."))
        model.model = "gpt-4o"
        served.agent(Agent(name="echo", model=model))
        events = await workshop.run("echo")
        usage = dict(of(events, ModelCompleted)[0].usage)
        assert float(usage.pop("cost_usd")) > 0
        assert usage == {
            "model": "gpt-4o",
            "input_tokens": 30,
            "output_tokens": 7,
            "cache_read_tokens": 10,
            "reasoning_tokens": 3,
        }

    async def test_a_structured_answer_is_the_data_of_the_result(self, workshop: Any, served: Any) -> None:
        class Weather(BaseModel):
            city: str
            degrees: float

        model = served.model(lambda call: assistant_message('{"city": "Oslo", "degrees": 3.5}'))
        served.agent(Agent(name="weather", model=model, output_type=Weather))
        events = await workshop.run("weather")
        assert events[-1].result["data"] == {"city": "Oslo", "degrees": 3.5}
        assert events[-1].result["text"] == '{"city": "Oslo", "degrees": 3.5}'

    async def test_a_structured_answer_that_is_no_object_is_one_value_of_the_data(
        self, workshop: Any, served: Any
    ) -> None:
        model = served.model(lambda call: assistant_message('{"response": [1, 2]}'))
        served.agent(Agent(name="numbers", model=model, output_type=list[int]))
        events = await workshop.run("numbers")
        assert events[-1].result["data"] == {"result": [1, 2]}

    async def test_earlier_messages_of_the_thread_are_known(self, workshop: Any, served: Any, items: Any) -> None:
        model = served.model(lambda call: assistant_message(f"number {len(call.input)}"))
        served.agent(Agent(name="echo", model=model))
        client = workshop.connect()
        first = await workshop.ask(client, "echo", "one")
        await client.ended(first.run_id)
        second = await workshop.ask(client, "echo", "two", thread_id=first.thread_id)
        await client.ended(second.run_id)
        assert items(model.last_call) == [("user", "one"), ("assistant", "number 1"), ("user", "two")]

    async def test_earlier_runs_of_the_agent_are_known_with_their_tool_calls(self, workshop: Any, served: Any) -> None:
        shop, model = Shop(), served.model(shopping)
        served.agent(Agent(name="shopper", model=model, tools=shop.tools), context=lambda user: "x")
        served.agent(Agent(name="other", model=model, tools=shop.tools), context=lambda user: "x")
        client = workshop.connect()
        first = await workshop.ask(client, "shopper", "one")
        await client.ended(first.run_id)
        kinds_known = []
        for agent in ("shopper", "other"):
            asked = len(model.calls)
            again = await workshop.ask(client, agent, "two", thread_id=first.thread_id)
            await client.ended(again.run_id)
            kinds_known.append([item.get("role") or item["type"] for item in model.calls[asked].input])
        calls = ["function_call"] * 2 + ["function_call_output"] * 2 + ["function_call", "function_call_output"]
        assert kinds_known[0] == ["user", *calls, "assistant", "user"]
        assert kinds_known[1][:3] == ["user", "assistant", "user"]

    async def test_the_context_of_a_run_is_made_of_who_asks(self, workshop: Any, served: Any) -> None:
        shop = Shop()

        async def context(user: Any) -> str:
            return str(user.user_id)

        served.agent(Agent(name="shopper", model=served.model(shopping), tools=shop.tools), context=context)
        client = workshop.connect("user_bob")
        accepted = await workshop.ask(client, "shopper")
        await client.ended(accepted.run_id)
        assert [each for each in shop.done if each[0]] == [("user_bob", "milk"), ("user_bob", "bread")]

    async def test_the_authors_agent_is_not_changed(self, workshop: Any, served: Any) -> None:
        shop = Shop()
        agent = Agent(name="shopper", model=served.model(shopping), tools=shop.tools)
        before = dict(vars(agent)), [dict(vars(tool)) for tool in shop.tools]
        served.agent(agent, context=lambda user: user.user_id)
        await workshop.run("shopper")
        assert (dict(vars(agent)), [dict(vars(tool)) for tool in shop.tools]) == before


class TestTools:
    async def test_calls_are_shown_with_who_asked_for_them(self, workshop: Any, served: Any) -> None:
        shop = Shop()
        agent = Agent(name="shopper", model=served.model(shopping), tools=shop.tools)
        served.agent(agent, context=lambda user: user.user_id)
        events = await workshop.run("shopper")
        assert isinstance(events[-1], AgentCompleted)
        assert events[-1].result["text"] == "bought milk, bought bread, 4"
        calls = of(events, ToolExecuting)
        assert [(each.tool, each.arguments, each.provider_call_id) for each in calls] == [
            ("buy", {"what": "milk"}, "c1"),
            ("buy", {"what": "bread"}, "c2"),
            ("price", {"what": "milk"}, "c3"),
        ]
        asked = [each.call_id for each in of(events, ModelStarted)]
        assert [each.requested_by for each in calls] == [asked[0], asked[0], asked[1]]
        assert [each.result for each in of(events, ToolCompleted)] == ["bought milk", "bought bread", 4]

    async def test_wherever_it_is_killed_nothing_is_done_or_asked_again(self, workshop: Any, served: Any) -> None:
        shop, model = Shop(), served.model(shopping)
        agent = Agent(name="shopper", model=model, tools=shop.tools)
        served.agent(agent, context=lambda user: "x", idempotent_tools={"price"})
        events = await workshop.run("shopper")
        unknown = 0

        def check(frames: int, after: Any) -> None:
            nonlocal unknown
            assert isinstance(after[-1], AgentCompleted), (frames, after[-1])
            begun = {each.call_id for each in of(events[:frames], ToolExecuting) if each.tool == "buy"}
            ended = {each.call_id for each in of(events[:frames], ToolCompleted)}
            told = {each.call_id for each in of(after, ToolCompleted) if (each.error or {}).get("code")}
            assert told == begun - ended, frames
            unknown += len(told)
            if not told:
                assert after[-1].result == events[-1].result
            answered = {each.call_id for each in of(events[:frames], ModelCompleted)}
            again = {each.call_id for each in of(after, ModelStarted) if each.attempt > 1}
            assert not answered & again, frames
            done = [each for each in shop.done if each[0]]
            assert len(done) == 2 - len(begun), frames
            shop.done.clear()

        shop.done.clear()
        await served.boundaries(events, check)
        assert unknown > 0

    async def test_a_tool_that_raises_ends_the_run_only_if_it_says_so(self, workshop: Any, served: Any) -> None:
        @function_tool
        def told() -> str:
            """Fails; the model gets the error."""
            raise ValueError("broken")

        @function_tool(failure_error_function=None)
        def fatal() -> str:
            """Fails for good."""
            raise ValueError("broken")

        def answer(call: ModelCall) -> Any:
            outputs = [item["output"] for item in call.input if item.get("type") == "function_call_output"]
            if not outputs:
                return function_call(str(call.input[-1]["content"]), "{}", call_id="c1")
            return assistant_message(outputs[0])

        served.agent(Agent(name="failing", model=served.model(answer), tools=[told, fatal]))
        events = await workshop.run("failing", "told")
        assert events[-1].result["text"].startswith("An error occurred")
        assert isinstance((await workshop.run("failing", "fatal"))[-1], AgentFailed)

    def test_a_tool_that_acts_past_the_journal_is_refused(self) -> None:
        from agents import LocalShellTool

        agent = Agent(name="shell", tools=[LocalShellTool(executor=lambda request: "")])
        with pytest.raises(ExtensionError, match="unrecorded"):
            serve(agent)


class TestEnd:
    @pytest.mark.parametrize("where", ["model", "tool"])
    async def test_a_run_that_is_cancelled_ends_at_once(self, workshop: Any, served: Any, where: str) -> None:
        begun = asyncio.Event()

        async def never() -> str:
            begun.set()
            await asyncio.get_running_loop().create_future()
            return ""

        @function_tool
        async def wait() -> str:
            """Waits."""
            return await never()

        async def stuck(call: ModelCall) -> Any:
            await never()

        model = ScriptedModel([ModelStep.respond(stuck)])
        if where == "tool":
            model = served.model(lambda call: function_call("wait", "{}", call_id="c1"))
        served.agent(Agent(name="waiter", model=model, tools=[wait]))
        client = workshop.connect()
        accepted = await workshop.ask(client, "waiter")
        await begun.wait()
        await workshop.cancel(client, accepted.run_id)
        events = await client.ended(accepted.run_id)
        assert isinstance(events[-1], AgentCancelled)
        assert len(asyncio.all_tasks()) < 10

    async def test_users_who_ask_at_once_see_nothing_of_each_other(
        self, workshop: Any, served: Any, items: Any
    ) -> None:
        @function_tool
        async def mine(context: RunContextWrapper[str]) -> str:
            """What is the user's own."""
            await asyncio.sleep(0)
            return f"secret of {context.context}"

        def answer(call: ModelCall) -> Any:
            said = items(call)
            if said[-1][0] == "user":
                return function_call("mine", "{}", call_id="c1")
            return assistant_message(
                f"{said[-1][1]}, who said: {', '.join(text for kind, text in said if kind == 'user')}"
            )

        model = served.model(answer)
        served.agent(Agent(name="keeper", model=model, tools=[mine]), context=lambda user: user.user_id)
        clients = {name: workshop.connect(name) for name in ("user_ada", "user_bob", "user_eve")}
        threads: dict[str, str] = {}
        for turn in ("first", "second"):
            asked = {
                name: await workshop.ask(
                    client, "keeper", f"{turn} canary of {name}", **({"thread_id": threads[name]} if threads else {})
                )
                for name, client in clients.items()
            }
            for name, client in clients.items():
                events = await client.ended(asked[name].run_id)
                assert f"secret of {name}, who said: first canary of {name}" in events[-1].result["text"]
                assert not [other for other in clients if other != name and other in str(events)]
            threads = {name: each.thread_id for name, each in asked.items()}
        for call in model.calls:
            assert sum(name in str(call.input) for name in clients) == 1

    async def test_a_fault_of_netras_is_not_what_a_model_reads(self, workshop: Any, served: Any) -> None:
        changing = iter(["one", "two"])

        def inner(call: ModelCall) -> Any:
            return assistant_message("deep")

        def outer(call: ModelCall) -> Any:
            outputs = [item["output"] for item in call.input if item.get("type") == "function_call_output"]
            return assistant_message(outputs[0]) if outputs else function_call("ask", '{"input": "x"}', call_id="c1")

        async def unsteady(options: Any) -> str:
            return f"{next(changing)}: {options['params']['input']}"

        other: Agent[Any] = Agent(name="other", model=served.model(inner))
        tool = other.as_tool("ask", "Asks.", input_builder=unsteady)
        served.agent(Agent(name="host", model=served.model(outer), tools=[tool]))
        events = await workshop.run("host")
        answered = [place for place, each in enumerate(events) if isinstance(each, ModelCompleted)]
        client = await workshop.killed_after(events, "user_ada", answered[1] + 1)
        after = (await client.ended(events[0].run_id))[-1]
        assert isinstance(after, AgentFailed)
        assert "not deterministic" in after.message
