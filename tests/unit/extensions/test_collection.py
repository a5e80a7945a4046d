"""What is added is judged, and each name is kept once."""

from __future__ import annotations

import functools
import sys
from typing import Any

import pytest

from netra_backend.app.agents.tools.definition import Tool, ToolArguments
from netra_backend.app.extensions.collection import Collection
from netra_backend.app.usage.importers.registry import FORMATS
from test_framework.echo import TOOLS, Echo


class Named:
    """An agent whose parts a test chooses."""

    description = "…"
    tools: Any = frozenset[str]()

    def __init__(self, name: str = "named") -> None:
        self.name = name

    async def run(self, scope: Any) -> Any:
        """Nothing."""


class Named2:
    """A class attribute is enough for a name."""

    name = "named"
    description = "…"
    tools = frozenset({"repeat"})

    async def run(self, scope: Any) -> Any:
        """Nothing."""


class Unfinished:
    """Has some of what an agent has."""

    name = "unfinished"

    async def run(self, scope: Any) -> Any:
        """Nothing."""


def needs_arguments(city: str, degrees: bool = True) -> None:
    """No agent."""


def faults_of(found: object) -> list[str]:
    collection = Collection()
    collection.take(found, "mine:X")
    assert (collection.agents, collection.tools) == ([], [])
    return collection.faults


def variant(**parts: Any) -> type:
    """``Named2`` with other parts; a part that is ``None`` is missing."""
    kept = {name: part for name, part in vars(Named2).items() if not name.startswith("__")} | parts
    return type("Odd", (), {name: part for name, part in kept.items() if part is not None})


class TestAgentsAndTools:
    def test_classes_functions_that_make_one_tools_and_sequences_are_taken_in_order(self) -> None:
        makers = (Echo, functools.partial(Named, "one"), lambda: Named("two"))
        collection = Collection()
        collection.take([*makers, *TOOLS, [Named2]], "mine:ALL")
        assert collection.faults == []
        assert collection.agents == [*makers, Named2]
        assert collection.tools == list(TOOLS)
        assert collection.names("agent") == ["echo", "one", "two", "named"]
        assert collection.names("tool") == ["repeat"]

    @pytest.mark.parametrize(
        ("found", "reason"),
        [
            (7, "it is an int"),
            (None, "it is None"),
            ("echo", "it is a str"),
            (sys, "it is the module sys"),
            ({"a": Echo}, "it is a dict"),
            (Echo(), "it is one Echo object, and each run needs one of its own, so name its class"),
            (Unfinished(), "Unfinished has no description"),
            (
                needs_arguments,
                "the function needs_arguments needs city: to make it a tool, write @tool above it, from netra_server",
            ),
            (dict, "the class dict has no run"),
            (ToolArguments, "the class ToolArguments has no run"),
            (lambda: 7, "int has no name"),
            (
                lambda: 1 / 0,
                "it cannot be made (ZeroDivisionError: division by zero (test_collection.py, line {line}))",
            ),
            (variant(description=None), "Odd has no description"),
            (variant(run=None), "the class Odd has no run"),
            (variant(name=""), "name of Odd is not a text of 1 to 128 characters"),
            (variant(name="x" * 129), "name of Odd is not a text of 1 to 128 characters"),
            (variant(name="a\nb"), "name of Odd is not a text of 1 to 128 characters"),
            (variant(name=7), "name of Odd is not a text of 1 to 128 characters"),
            (variant(description=7), "description of Odd is not a text"),
            (variant(tools="repeat"), "tools of Odd is not a frozenset of tool names"),
            (variant(tools=frozenset({7})), "tools of Odd is not a frozenset of tool names"),
            (variant(run=lambda self, scope: None), "run of Odd is not an async method"),
        ],
    )
    def test_anything_else_is_refused_in_one_sentence(self, found: Any, reason: str) -> None:
        if "{line}" in reason:
            reason = reason.format(line=found.__code__.co_firstlineno)
        assert faults_of(found) == [f"mine:X is no agent, tool or sequence of these: {reason}."]

    def test_what_is_wrong_in_a_sequence_is_told_by_its_place_and_all_of_it(self) -> None:
        assert [fault.split(" is ")[0] for fault in faults_of([7, (8,)])] == ["mine:X[0]", "mine:X[1][0]"]


class TestNames:
    @pytest.mark.parametrize("kind", ["agent", "tool"])
    def test_a_name_of_the_house_is_taken(self, kind: str) -> None:
        collection = Collection()
        collection.reserve("agent", ["echo"])
        collection.reserve("tool", ["repeat"])
        collection.take({"agent": Echo, "tool": TOOLS[0]}[kind], "mine:X")
        name = {"agent": "echo", "tool": "repeat"}[kind]
        assert collection.faults == [f"The {kind} name {name!r} is taken: Netra itself and mine:X both have it."]
        assert (collection.names(kind), collection.agents, collection.tools) == ([], [], [])

    def test_a_name_that_two_bring_is_taken_and_both_are_named(self) -> None:
        collection = Collection()
        collection.take(Named, "mine:X")
        collection.take(Named2, "the entry point notes of acme")
        assert collection.faults == [
            "The agent name 'named' is taken: mine:X and the entry point notes of acme both have it."
        ]

    def test_a_name_that_one_sequence_has_twice_is_taken(self) -> None:
        async def other(context: Any, arguments: Any) -> None:
            """Another."""

        collection = Collection()
        collection.take([*TOOLS, Tool("repeat", "…", ToolArguments, other)], "mine:TOOLS")
        assert collection.faults == ["The tool name 'repeat' is taken: mine:TOOLS[0] and mine:TOOLS[1] both have it."]

    def test_the_same_object_by_two_ways_is_added_once(self) -> None:
        collection = Collection()
        collection.take([Echo, *TOOLS], "the entry point echo of acme")
        collection.take([Echo, *TOOLS], "mine:X")
        assert (collection.faults, collection.agents, collection.tools) == ([], [Echo], list(TOOLS))

    def test_an_agent_and_a_tool_may_have_one_name(self) -> None:
        collection = Collection()
        collection.take([variant(name="repeat"), *TOOLS], "mine:X")
        assert collection.faults == []


class TestFormats:
    def test_one_or_several_are_kept_by_the_path_that_leads_to_them(self) -> None:
        collection = Collection()
        collection.take_formats(FORMATS[0], "acme:ONE", "the entry point one of acme")
        collection.take_formats(FORMATS[1:3], "acme:MORE", "the entry point more of acme")
        assert (collection.faults, collection.importers) == ([], ["acme:ONE", "acme:MORE"])

    def test_what_is_no_format_and_what_is_there_already_are_refused(self) -> None:
        collection = Collection()
        collection.reserve("format", ["litellm"])
        collection.take_formats([FORMATS[1], 7], "acme:A", "the entry point a of acme")
        collection.take_formats(FORMATS[0], "acme:B", "the entry point b of acme")
        assert collection.importers == []
        assert collection.faults == [
            "the entry point a of acme is no format or sequence of formats: it holds an int.",
            "The format name 'litellm' is taken: Netra itself and the entry point b of acme both have it.",
        ]
