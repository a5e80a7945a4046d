"""Chat models in served runs: wherever the author's code asks one, the request is recorded, and answered from the record.

``BaseChatModel`` is the one place that all chat models go through, and the author's code holds the objects, so it is changed
there, once, when the first graph is served; outside of served runs it does what it did.
"""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, closing
from typing import Any, Final
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatResult
from langchain_core.tracers._streaming import _StreamingCallbackHandler

from ...supervisor.framework_steps import LiveAnswer, ModelResponse
from .graph_run import GraphRun, next_place, serving
from .responses import failed_response, request_of, response_of, result_of
from .threads import from_thread

_HIDDEN_TAGS: Final = frozenset({"nostream", "langsmith:nostream"})
"""How a LangGraph author says that what a model writes is not for the user's screen."""

Show = Callable[[str, str], None]


class LiveTokens(BaseCallbackHandler, _StreamingCallbackHandler[Any]):
    """Shows a response while it comes. That it listens makes LangChain stream what was asked for as a whole."""

    run_inline = True

    def __init__(self, show: Show) -> None:
        self._show = show

    def on_llm_new_token(self, token: Any, *, chunk: Any = None, **_: Any) -> None:
        """Show a piece."""
        message = getattr(chunk, "message", None)
        if isinstance(message, BaseMessage):
            _show_message(message, self._show)
        elif isinstance(token, str):
            self._show(token, "")

    def tap_output_aiter(self, run_id: UUID, output: AsyncIterator[Any]) -> AsyncIterator[Any]:
        """Nothing is taken on the way."""
        return output

    def tap_output_iter(self, run_id: UUID, output: Iterator[Any]) -> Iterator[Any]:
        """Nothing is taken on the way."""
        return output


def _show_message(message: BaseMessage, show: Show) -> None:
    if isinstance(message.content, list):
        for block in message.content:
            if isinstance(block, dict) and block.get("type") == "reasoning":
                show(str(block.get("reasoning") or ""), "reasoning")
    show(str(message.text), "")


class _Shown:
    """What is shown of one response, and whether anything was."""

    def __init__(self, manager: Any, show: Show) -> None:
        self._is_hidden = bool(_HIDDEN_TAGS.intersection(getattr(manager, "tags", ()) or ()))
        self._show = show
        self._has_shown = False

    def __call__(self, text: str, kind: str) -> None:
        if text:
            self._has_shown = True
            self._show(text, kind)

    def listening(self, manager: Any) -> Any:
        """The manager of the request's callbacks, with one that shows what comes."""
        if manager is None or self._is_hidden:
            return manager
        manager = copy.copy(manager)
        manager.handlers = [*manager.handlers, LiveTokens(self)]
        return manager

    def whole(self, result: ChatResult) -> None:
        """All of it came at once."""
        if not self._is_hidden and not self._has_shown and result.generations:
            _show_message(result.generations[0].message, self)


async def _ask(
    run: GraphRun,
    place: str,
    model: BaseChatModel,
    given: tuple[Any, ...],
    options: dict[str, Any],
    perform: Callable[[LiveAnswer], Any],
) -> ChatResult:
    """``perform(live)`` is awaited for the response if it is not recorded."""
    request = request_of(model, given[0], given[1], options)

    async def body(live: LiveAnswer) -> ModelResponse:
        try:
            result = await perform(live)
        except Exception as fault:
            return failed_response(fault)
        return response_of(model, request, result)

    result: ChatResult = await run.ask(place, request, body, result_of)
    return result


_asks: Final = BaseChatModel._agenerate_with_cache
_asks_from_thread: Final = BaseChatModel._generate_with_cache
_streams: Final = BaseChatModel.astream
_streams_from_thread: Final = BaseChatModel.stream


async def _agenerate_with_cache(
    self: BaseChatModel, messages: Any, stop: Any = None, run_manager: Any = None, **options: Any
) -> ChatResult:
    run = serving()
    if run is None:
        return await _asks(self, messages, stop, run_manager, **options)

    async def perform(live: LiveAnswer) -> ChatResult:
        shown = _Shown(run_manager, live.show)
        result = await _asks(self, messages, stop, shown.listening(run_manager), **options)
        shown.whole(result)
        return result

    return await _ask(run, next_place("model"), self, (messages, stop), options, perform)


def _generate_with_cache(
    self: BaseChatModel, messages: Any, stop: Any = None, run_manager: Any = None, **options: Any
) -> ChatResult:
    run = serving()
    if run is None:
        return _asks_from_thread(self, messages, stop, run_manager, **options)
    loop = run.loop

    def perform(live: LiveAnswer) -> ChatResult:
        def show(text: str, kind: str) -> None:
            loop.call_soon_threadsafe(live.show, text, kind)

        shown = _Shown(run_manager, show)
        result = _asks_from_thread(self, messages, stop, shown.listening(run_manager), **options)
        shown.whole(result)
        return result

    place = next_place("model")
    return from_thread(
        loop, lambda body: run.of_thread(_ask(run, place, self, (messages, stop), options, body)), perform
    )


async def _astream(
    self: BaseChatModel, input: Any, config: Any = None, *, stop: Any = None, **options: Any
) -> AsyncIterator[AIMessageChunk]:
    if serving() is None:
        async with aclosing(_streams(self, input, config, stop=stop, **options)) as chunks:  # type: ignore[type-var]
            async for chunk in chunks:
                yield chunk
    else:  # what is shown comes piece by piece; the author's code gets what a replay would give it
        yield _chunk(await self.ainvoke(input, config, stop=stop, **options))


def _stream(
    self: BaseChatModel, input: Any, config: Any = None, *, stop: Any = None, **options: Any
) -> Iterator[AIMessageChunk]:
    if serving() is None:
        with closing(_streams_from_thread(self, input, config, stop=stop, **options)) as chunks:  # type: ignore[type-var]
            yield from chunks
    else:
        yield _chunk(self.invoke(input, config, stop=stop, **options))


def _chunk(message: AIMessage) -> AIMessageChunk:
    """A message as the only piece of a stream."""
    if isinstance(message, AIMessageChunk):
        return message
    fields = message.model_dump(exclude={"type"})
    return AIMessageChunk(**fields, chunk_position="last")


def install() -> None:
    """Have chat models record what is asked of them in served runs. May be called again."""
    BaseChatModel._agenerate_with_cache = _agenerate_with_cache  # type: ignore[method-assign]
    BaseChatModel._generate_with_cache = _generate_with_cache  # type: ignore[method-assign]
    BaseChatModel.astream = _astream  # type: ignore[method-assign]
    BaseChatModel.stream = _stream  # type: ignore[method-assign]
