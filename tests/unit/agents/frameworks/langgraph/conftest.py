"""A chat model that answers by a script, and graphs that are served in a workshop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from pydantic import Field

from netra_backend.app.agents.frameworks.langgraph.served import serve
from netra_backend.app.core.events import TERMINAL
from netra_backend.app.core.frames import AnswerQuestion


class ScriptedChat(BaseChatModel):
    """Says what ``say`` makes of the messages, in pieces of a word each, and keeps what it was asked."""

    say: Any
    asked: list[list[BaseMessage]] = Field(default_factory=list)

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Sequence[Any], **options: Any) -> Any:
        return self.bind(tools=[each.name for each in tools], **options)

    def _answer(self, messages: Sequence[BaseMessage]) -> AIMessage:
        self.asked.append(list(messages))
        said: AIMessage | Exception = self.say(messages)
        if isinstance(said, Exception):
            raise said
        said.usage_metadata = {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7}
        return said

    def _generate(self, messages: Any, stop: Any = None, run_manager: Any = None, **options: Any) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=self._answer(messages))])

    def _chunks(self, said: AIMessage) -> Iterator[ChatGenerationChunk]:
        words = str(said.content).split(" ") if said.content else []
        for at, word in enumerate(words):
            yield ChatGenerationChunk(message=AIMessageChunk(content=word if at == 0 else f" {word}"))
        yield ChatGenerationChunk(
            message=AIMessageChunk(content="", tool_calls=said.tool_calls, usage_metadata=said.usage_metadata)
        )

    def _stream(self, messages: Any, stop: Any = None, run_manager: Any = None, **options: Any) -> Any:
        for chunk in self._chunks(self._answer(messages)):
            if run_manager is not None:
                run_manager.on_llm_new_token(str(chunk.message.content), chunk=chunk)
            yield chunk

    async def _astream(
        self, messages: Any, stop: Any = None, run_manager: Any = None, **options: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        await asyncio.sleep(0)
        for chunk in self._chunks(self._answer(messages)):
            yield chunk


@pytest.fixture
def chat() -> Callable[[Any], ScriptedChat]:
    return lambda say: ScriptedChat(say=say, asked=[])


@pytest.fixture
def served(workshop: Any) -> Callable[..., None]:
    """Serves a graph in the workshop, under the name ``graph``."""

    def add(graph: Any, **options: Any) -> None:
        options = {
            "name": "graph",
            "description": None,
            "make_input": None,
            "context": None,
            "user_mcp": False,
            "version": "1",
            "compatible_versions": (),
            "module": __name__,
            **options,
        }
        agent = serve(graph, **options)
        workshop.agents.append(agent)
        workshop.registry.configure(agent)

    return add


@pytest.fixture
def answered(workshop: Any) -> Any:
    """``await answered(client, run_id, answer)``: answers what the run asks, until it ends; its stored events."""

    async def until_end(client: Any, run_id: str, answer: Callable[[Any], Any]) -> list[Any]:
        done: set[str] = set()

        def asked() -> list[Any]:
            return [each.told for each in workshop.questions.of(client.user_id) if each.told.question_id not in done]

        def has_ended() -> bool:
            return any(isinstance(each, TERMINAL) and each.run_id == run_id for each in client.events)

        while True:
            await workshop.until(lambda: asked() or has_ended())
            if has_ended():
                stored: list[Any] = await workshop.stored(run_id)
                return stored
            for each in asked():
                done.add(each.question_id)
                await workshop.turns.commands.answer(client, AnswerQuestion(each.question_id, answer(each)))

    return until_end
