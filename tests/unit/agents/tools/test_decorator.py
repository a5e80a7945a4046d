"""``@tool``: what a function becomes, and the one sentence for a function that can be no tool."""

from __future__ import annotations

import asyncio
import functools
import threading
from collections.abc import AsyncIterator, Iterator
from datetime import date
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import pytest

from netra_backend.app.agents.tools.decorator import tool
from netra_backend.app.agents.tools.definition import Tool, ToolArguments
from netra_backend.app.agents.tools.unified_tool_dispatcher_factory import UnifiedToolDispatcherFactory
from netra_backend.app.core.errors import ToolError, ToolRefused
from netra_backend.app.services.user_execution_context import UserExecutionContext
from test_framework.ssot.fixtures import create_valid_user_execution_context

if TYPE_CHECKING:
    from decimal import Decimal

PATIENCE_S = 20.0


class Search(ToolArguments, frozen=True):
    """What is looked for."""

    word: str
    limit: int = 10


class Other(msgspec.Struct):
    """Another."""

    word: str


class Size(Enum):
    """Of a shirt."""

    SMALL = "s"
    LARGE = "l"


class Opaque:
    """Nothing that JSON knows."""


async def answer(made: Tool[Any], **arguments: Any) -> Any:
    """What the tool answers a user, by way of a real dispatcher."""
    factory = UnifiedToolDispatcherFactory()
    factory.configure([made])
    context = create_valid_user_execution_context(user_id="user_123")
    return await factory.create_for_request(context).dispatch_tool({"tool": made.name, "arguments": arguments})


def schema(made: Tool[Any]) -> dict[str, Any]:
    """The properties of its arguments."""
    described = msgspec.json.schema(made.arguments)
    found: dict[str, Any] = described["$defs"][described["$ref"].rpartition("/")[2]]
    return found


class TestTypedParameters:
    async def test_name_description_schema_and_call_come_from_the_function(self) -> None:
        @tool
        async def find_notes(context: UserExecutionContext, word: str, limit: int = 10) -> dict[str, Any]:
            """Finds your notes by a word.

            At most as many as you say.
            """
            return {"user": context.user_id, "word": word, "limit": limit}

        assert (find_notes.name, find_notes.description) == (
            "find_notes",
            "Finds your notes by a word.\n\nAt most as many as you say.",
        )
        assert schema(find_notes) == {
            "title": "FindNotesArguments",
            "type": "object",
            "properties": {"word": {"type": "string"}, "limit": {"type": "integer", "default": 10}},
            "required": ["word"],
            "additionalProperties": False,
        }
        assert await answer(find_notes, word="milk") == {"user": "user_123", "word": "milk", "limit": 10}
        assert await answer(find_notes, word="milk", limit=1) == {"user": "user_123", "word": "milk", "limit": 1}

    @pytest.mark.parametrize(
        "arguments", [{}, {"word": 1}, {"word": "milk", "limit": "many"}, {"word": "milk", "user_id": "user_456"}]
    )
    async def test_arguments_that_do_not_fit_are_refused_and_nothing_is_called(self, arguments: dict[str, Any]) -> None:
        called: list[str] = []

        @tool
        async def find(word: str, limit: int = 10) -> None:
            """Finds."""
            called.append(word)

        with pytest.raises(ToolRefused) as refused:
            await answer(find, **arguments)
        assert (refused.value.code, called) == ("INVALID_ARGUMENTS", [])

    async def test_meta_bounds_an_argument_and_converted_values_arrive(self) -> None:
        @tool
        async def order(
            *, on: date | None = None, count: Annotated[int, msgspec.Meta(ge=1, description="How many.")], size: Size
        ) -> list[Any]:
            """Orders."""
            return [count, size, type(size).__name__, on]

        assert schema(order)["properties"]["count"] == {"type": "integer", "minimum": 1, "description": "How many."}
        assert await answer(order, count=2, size="l", on="2026-01-02") == [2, "l", "Size", "2026-01-02"]
        with pytest.raises(ToolRefused, match="count"):
            await answer(order, count=0, size="l")

    async def test_the_context_is_found_by_its_type_or_its_name_and_may_be_left_out(self) -> None:
        @tool
        async def typed(word: str, caller: UserExecutionContext) -> str:
            """Typed."""
            return f"{caller.user_id} {word}"

        @tool
        async def named(context, /, word: str) -> str:  # type: ignore[no-untyped-def]
            """Named."""
            return f"{context.user_id} {word}"

        @tool
        async def without() -> str:
            """Without."""
            return "nobody"

        assert await answer(typed, word="a") == await answer(named, word="a") == "user_123 a"
        assert await answer(without) == "nobody"
        assert schema(without)["properties"] == {}

    async def test_a_method_of_an_object_may_be_one(self) -> None:
        class Mailbox:
            async def count(self, folder: str) -> str:
                """Counts."""
                return folder

        assert await answer(tool(Mailbox().count), folder="in") == "in"


class TestOneStruct:
    async def test_its_schema_is_that_of_the_arguments(self) -> None:
        @tool
        async def find(context: UserExecutionContext, arguments: Search) -> list[Any]:
            """Finds."""
            return [context.user_id, arguments.word, arguments.limit]

        assert find.arguments is Search
        assert await answer(find, word="milk") == ["user_123", "milk", 10]

    async def test_it_may_come_without_a_context_and_under_any_name(self) -> None:
        @tool
        def find(search: Annotated[Search, "all of it"]) -> str:
            """Finds."""
            return search.word

        assert find.arguments is Search
        assert await answer(find, word="milk") == "milk"

    def test_beside_others_it_is_one_argument(self) -> None:
        @tool
        async def find(search: Search, loud: bool = False) -> None:
            """Finds."""

        assert list(find.arguments.__struct_fields__) == ["search", "loud"]

    def test_with_a_default_of_the_function_it_is_refused(self) -> None:
        def find(search: Search = Search("milk")) -> None:  # noqa: B008
            """Finds."""

        with pytest.raises(
            TypeError, match=r"^@tool: search of find has a default: give Search its defaults instead\.$"
        ):
            tool(find)


class TestOptions:
    def test_bare_a_tool_acts_once(self) -> None:
        @tool
        async def act() -> None:
            """Acts."""

        assert (act.idempotent, act.approval, act.permission, act.timeout_s) == (False, False, None, None)

    def test_they_are_those_of_a_tool(self) -> None:
        @tool(idempotent=True, approval=True, timeout_s=3, permission="admin", secret_arguments=["token"])
        async def act(token: str) -> None:
            """Acts."""

        assert (act.idempotent, act.approval, act.permission, act.timeout_s) == (True, True, "admin", 3)
        assert act.secret_arguments == {"token"}

    def test_without_any_they_may_still_have_their_brackets(self) -> None:
        @tool()
        async def act() -> None:
            """Acts."""

        assert act.name == "act"


class TestPlainFunctions:
    async def test_one_that_blocks_does_not_block_the_loop(self) -> None:
        gate = threading.Event()

        @tool
        def wait() -> bool:
            """Waits."""
            return gate.wait(PATIENCE_S)

        call = asyncio.ensure_future(answer(wait))
        while not call.done() and not gate.is_set():
            await asyncio.sleep(0)
            gate.set()
        assert await call is True

    async def test_at_its_time_limit_the_run_goes_on_without_it(self) -> None:
        gate, ended = threading.Event(), threading.Event()

        @tool(timeout_s=0.05)
        def wait() -> None:
            """Waits."""
            gate.wait(PATIENCE_S)
            ended.set()

        with pytest.raises(ToolError, match="did not finish within") as fault:
            await answer(wait)
        assert (fault.value.code, ended.is_set()) == ("TOOL_TIMEOUT", False)
        gate.set()
        assert await asyncio.to_thread(ended.wait, PATIENCE_S)

    async def test_its_typed_answer_passes_through(self) -> None:
        @tool
        def fail() -> None:
            """Fails."""
            raise ToolError("MAILBOX_FULL", "Your mailbox is full.", "Delete something.")

        with pytest.raises(ToolError, match="mailbox is full"):
            await answer(fail)

    async def test_an_async_function_that_a_plain_one_wraps_is_awaited(self) -> None:
        async def repeat(word: str) -> str:
            """Repeats."""
            return word

        @functools.wraps(repeat)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            return repeat(*args, **kwargs)

        assert await answer(tool(wrapped), word="milk") == "milk"


def untyped(word) -> None:  # type: ignore[no-untyped-def]
    """Finds."""


def starred(*words: str) -> None:
    """Finds."""


def double_starred(**words: str) -> None:
    """Finds."""


def undocumented(word: str) -> None: ...


def opaque(word: Opaque) -> None:
    """Finds."""


def only_checked(word: Decimal) -> None:
    """Finds."""


def false_context(context: str) -> None:
    """Finds."""


def two_contexts(context: UserExecutionContext, other: UserExecutionContext) -> None:
    """Finds."""


def shared_default(words: list[str] = ["milk"]) -> None:  # noqa: B006
    """Finds."""


def odd_default(word: Any = object()) -> None:  # noqa: B008
    """Finds."""


def yielding() -> Iterator[str]:
    """Finds."""
    yield "milk"


async def yielding_later() -> AsyncIterator[str]:
    """Finds."""
    yield "milk"


def größe() -> None:
    """Finds."""


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (untyped, "word of untyped has no type: annotate it, such as word: str."),
        (starred, "starred takes *words: name each argument, so that the schema can."),
        (double_starred, "double_starred takes **words: name each argument, so that the schema can."),
        (undocumented, "undocumented has no docstring: write one, it is what agents and people read about the tool."),
        (opaque, f"word of opaque is of a type that has no JSON schema: type {Opaque!r} is not supported"),
        (
            only_checked,
            "the annotations of only_checked cannot be read (name 'Decimal' is not defined): import the types that they name "
            "at the top of its module, not only for type checkers.",
        ),
        (false_context, "context of false_context is not a UserExecutionContext: annotate it so, or rename it."),
        (two_contexts, "two_contexts takes two contexts, context and other: there is one."),
        (
            shared_default,
            "the default of words of shared_default could be changed by a call: use a tuple or None.",
        ),
        (
            odd_default,
            "the arguments of odd_default have no JSON schema: Encoding objects of type object is unsupported",
        ),
        (yielding, "yielding yields: a tool returns its whole result."),
        (yielding_later, "yielding_later yields: a tool returns its whole result."),
        (größe, "größe is no name for a tool: use def and 1 to 64 letters, digits and underscores."),
        ("find", "'find' is no function: write @tool or @tool(idempotent=True) above a def."),
        (Opaque, f"{Opaque!r} is no function: write @tool or @tool(idempotent=True) above a def."),
    ],
)
def test_what_can_be_no_tool_is_refused_at_once_in_one_sentence(function: Any, sentence: str) -> None:
    with pytest.raises(TypeError) as refused:
        tool(function)
    assert str(refused.value) == f"@tool: {sentence}"


def test_a_type_that_no_value_could_be_told_apart_by_is_refused_too() -> None:
    def find(word: Search | Other) -> None:
        """Finds."""

    with pytest.raises(TypeError, match=r"^@tool: word of find is of a type that has no JSON schema: .*must be tagged"):
        tool(find)


def test_a_lambda_has_no_name() -> None:
    with pytest.raises(TypeError, match=r"^@tool: <lambda> is no name for a tool: use def"):
        tool(lambda word: word)


def test_a_secret_argument_is_one_that_there_is() -> None:
    with pytest.raises(TypeError, match=r"^@tool: find has no argument 'tokn' to keep secret\.$"):

        @tool(secret_arguments=["token", "tokn"])
        async def find(token: str) -> None:
            """Finds."""
