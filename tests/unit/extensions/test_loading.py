"""What ``--app`` and installed packages add, and one clear sentence for what cannot be added."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from netra_backend.app.config import Settings
from netra_backend.app.core.errors import ExtensionError
from netra_backend.app.extensions.loading import adds_anything, collect, installed_importers, load_application

AGENT = """
from netra_server import AgentResult

class {name}:
    name = "{agent}"
    description = "…"
    tools = frozenset()
    async def run(self, scope):
        return AgentResult(scope.message)
"""
NOTES = AGENT.format(name="Notes", agent="notes")
TOOL = '''
from netra_server import tool

@tool
async def {name}() -> str:
    """Looks."""
'''


@pytest.fixture
def settings(here: Path) -> Settings:
    return Settings(data_dir=here / "data")


Load = Callable[[str | None], Any]


@pytest.fixture
def load(settings: Settings) -> Load:
    """``load("my_agents:NAME")``: the application with it."""

    def load(app: str | None) -> Any:
        return load_application(Settings(data_dir=settings.data_dir, app=app))

    return load


@pytest.fixture
def faults(load: Load) -> Callable[[str | None], list[str]]:
    """``faults("my_agents:NAME")``: why it cannot be served."""

    def faults(app: str | None) -> list[str]:
        with pytest.raises(ExtensionError) as refused:
            load(app)
        return refused.value.faults

    return faults


class TestTheApp:
    def test_without_one_nothing_is_added(self, load: Load, settings: Settings) -> None:
        application = load(None)
        assert (application.agents, application.tools) == ((), ())
        assert not adds_anything(settings)

    def test_a_modules_agents_and_tools_are_added(self, load: Load, write: Any) -> None:
        write(my_agents=NOTES + TOOL.format(name="look") + "AGENTS = [Notes]\nTOOLS = (look,)")
        application = load("my_agents")
        assert [make().name for make in application.agents] == ["notes"]
        assert [tool.name for tool in application.tools] == ["look"]
        assert application.runtime is None

    @pytest.mark.parametrize("kept", ["AGENTS = (Notes,)", "TOOLS = ()"])
    def test_one_of_the_two_is_enough(self, load: Load, write: Any, kept: str) -> None:
        write(my_agents=NOTES + kept)
        load("my_agents")

    @pytest.mark.parametrize(
        ("name", "agents", "tools"),
        [
            ("Notes", ["notes"], []),
            ("make_notes", ["notes"], []),
            ("look", [], ["look"]),
            ("BOTH", ["notes"], ["look"]),
            ("Room.BOTH", ["notes"], ["look"]),
            ("make_app", ["notes"], ["look"]),
            ("make_app_of_named", ["notes"], ["look"]),
        ],
    )
    def test_a_name_may_be_an_agent_a_tool_a_sequence_or_a_function_of_settings(
        self, load: Load, write: Any, name: str, agents: list[str], tools: list[str]
    ) -> None:
        write(
            my_agents=NOTES
            + TOOL.format(name="look")
            + """
from netra_server import create_app
BOTH = [Notes, look]
class Room:
    BOTH = BOTH
def make_notes():
    return Notes()
def make_app(given):
    return create_app(given, agents=[Notes], tools=[look])
def make_app_of_named(settings=None):
    return create_app(settings, agents=[Notes], tools=[look])
"""
        )
        application = load(f"my_agents:{name}")
        assert [make().name for make in application.agents] == agents
        assert [tool.name for tool in application.tools] == tools

    def test_a_function_may_change_its_settings_where_nobody_has_used_them_yet(self, load: Load, write: Any) -> None:
        write(
            my_agents="""
import dataclasses
from netra_server import create_app
def make(settings):
    return create_app(dataclasses.replace(settings, model="openai:gpt-4o-mini"))
"""
        )
        assert load("my_agents:make").settings.model == "openai:gpt-4o-mini"


class TestWhatCannotBeServed:
    def test_a_module_that_is_not_there(self, faults: Any, here: Path) -> None:
        assert faults("my_agents") == [f"There is no module 'my_agents': it is neither in {here} nor installed."]

    def test_a_module_that_fails(self, faults: Any, write: Any) -> None:
        write(my_agents="import nowhere_at_all")
        assert faults("my_agents:X") == [
            "my_agents cannot be imported: ModuleNotFoundError: No module named 'nowhere_at_all' (my_agents.py, line 1)."
        ]

    def test_a_graph_that_cannot_be_served_is_said_with_the_line_of_its_module(self, faults: Any, write: Any) -> None:
        write(
            my_agents="""
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from netra_server.langgraph import serve
graph = StateGraph(MessagesState)
graph.add_node("ask", lambda state: state)
graph.add_edge(START, "ask")
AGENTS = [serve(graph.compile(checkpointer=InMemorySaver()))]
"""
        )
        (fault,) = faults("my_agents")
        assert "The graph has a checkpointer: compile it without one." in fault
        assert fault.endswith(" (my_agents.py, line 8).")

    def test_a_module_without_either_name(self, faults: Any, write: Any) -> None:
        write(my_agents=NOTES)
        assert faults("my_agents") == [
            "my_agents has neither AGENTS nor TOOLS: define one of them, or name what to serve, as my_agents:NAME."
        ]

    def test_a_module_that_only_has_an_agent_of_a_framework(self, faults: Any, write: Any) -> None:
        write(my_agents="from pydantic_ai import Agent\nhelper = Agent(name='helper')")
        assert faults("my_agents")[0].endswith(
            ":NAME. helper is an agent of pydantic-ai: write AGENTS = [serve(helper)], with serve from netra_server.pydantic_ai."
        )

    def test_a_name_that_is_not_there(self, faults: Any, write: Any) -> None:
        write(my_agents=NOTES)
        assert faults("my_agents:Nots") == ["my_agents has no Nots. Did you mean Notes?"]

    def test_an_object_that_is_no_agent(self, faults: Any, write: Any) -> None:
        write(my_agents="AGENTS = ['notes']\nTOOLS = 7\nclass Empty: pass")
        assert faults("my_agents") == [
            "my_agents:AGENTS[0] is no agent, tool or sequence of these: it is a str.",
            "my_agents:TOOLS is no agent, tool or sequence of these: it is an int.",
        ]
        assert faults("my_agents:Empty") == [
            "my_agents:Empty is no agent, tool or sequence of these: the class Empty has no run."
        ]

    @pytest.mark.parametrize(("name", "kind"), [("triage_agent", "agent"), ("price_lookup", "tool")])
    def test_a_name_of_the_house(self, faults: Any, write: Any, name: str, kind: str) -> None:
        made = AGENT.format(name="Mine", agent=name) if kind == "agent" else TOOL.format(name=name)
        write(my_agents=f"{made}\nMINE = {'Mine' if kind == 'agent' else name}")
        assert faults("my_agents:MINE") == [
            f"The {kind} name {name!r} is taken: Netra itself and my_agents:MINE both have it."
        ]

    @pytest.mark.parametrize(
        ("body", "reason"),
        [
            ("return 7", "returned an int, not what create_app makes."),
            ("return None", "returned None, not what create_app makes."),
            ("return Notes()", "returned a Notes, not what create_app makes."),
            ("raise KeyError('x')", "failed: KeyError: 'x' (my_agents.py, line {line})."),
            (
                "return create_app(dataclasses.replace(settings, port=1))",
                "made an application with another port: use the Settings that it is given.",
            ),
            ("return create_app(Settings.load({{'HOME': '/x', 'NETRA_PORT': 'x'}}))", "failed: NETRA_PORT=x {port}"),
        ],
    )
    def test_a_function_that_makes_no_application(self, faults: Any, write: Any, body: str, reason: str) -> None:
        source = NOTES + "\nimport dataclasses\nfrom netra_server import Settings, create_app\ndef make(settings):\n"
        write(my_agents=f"{source}    {body.format()}\n")
        told = faults("my_agents:make")
        assert told[0] == "my_agents:make " + reason.format(
            line=source.count("\n") + 1, port="is not valid: use a whole number from 0 to 65535."
        )

    def test_an_async_function_is_none_and_nothing_is_left_waiting(self, faults: Any, write: Any) -> None:
        write(my_agents="async def make(settings): ...")
        assert faults("my_agents:make") == ["my_agents:make returned a coroutine, not what create_app makes."]

    def test_an_application_that_is_made_already_or_of_nothing(self, faults: Any, write: Any) -> None:
        write(
            my_agents="from netra_server import Settings, create_app\nfrom pathlib import Path\n"
            "def make(): return create_app(Settings(Path('x')))\nAPP = make()"
        )
        assert faults("my_agents:make") == [
            "my_agents:make is no agent, tool or sequence of these: it makes an application, and takes no Settings to make it "
            "of."
        ]
        assert faults("my_agents:APP") == [
            "my_agents:APP is made already: name a function of Settings, so that each process makes its own."
        ]

    def test_a_function_in_c_tells_nothing_about_itself(self, faults: Any, write: Any) -> None:
        write(my_agents="make = dict.fromkeys\nodd = iter")
        assert "is no agent, tool" in faults("my_agents:odd")[0]


class TestInstalledPackages:
    def test_their_agents_tools_and_formats_are_added_beside_the_app(
        self, load: Load, write: Any, install: Any, settings: Settings
    ) -> None:
        write(
            acme=NOTES
            + TOOL.format(name="look")
            + "from netra_backend.app.usage.importers.formats.litellm import LITELLM\n"
            "import dataclasses\nINVOICE = dataclasses.replace(LITELLM, name='acme')\n",
            my_agents=AGENT.format(name="Mine", agent="mine"),
        )
        install(
            "acme-agents",
            "[netra.agents]\nnotes = acme:Notes\n[netra.tools]\nlook = acme:look\n[netra.importers]\ninvoice = acme:INVOICE\n",
        )
        application = load("my_agents:Mine")
        assert [make().name for make in application.agents] == ["notes", "mine"]
        assert [tool.name for tool in application.tools] == ["look"]
        assert application.importers == ("acme:INVOICE",)
        collection, _ = collect(settings)
        assert collection.importers == ["acme:INVOICE"] == list(installed_importers())
        assert adds_anything(settings)

    def test_every_fault_is_told_with_the_package(self, faults: Any, write: Any, install: Any) -> None:
        write(acme=AGENT.format(name="Bad", agent="triage_agent"), my_agents=NOTES)
        install(
            "acme-agents",
            "[netra.agents]\nbad = acme:Bad\ngone = acme:Gone\n[netra.tools]\nnone = nowhere_at_all:X\n"
            "[netra.importers]\nodd = acme:Bad\n",
        )
        assert faults("my_agents:Nts") == [
            "The agent name 'triage_agent' is taken: Netra itself and the entry point bad of acme-agents both have it.",
            "the entry point gone of acme-agents (netra.agents) cannot be loaded: AttributeError: module 'acme' has no "
            "attribute 'Gone'.",
            "the entry point none of acme-agents (netra.tools) cannot be loaded: ModuleNotFoundError: No module named "
            "'nowhere_at_all'.",
            "the entry point odd of acme-agents is no format or sequence of formats: it holds a type.",
            "my_agents has no Nts. Did you mean Notes?",
        ]
        with pytest.raises(ExtensionError, match="is no format"):
            installed_importers()

    def test_an_installed_package_may_be_named_too(self, load: Load, write: Any, install: Any) -> None:
        write(acme=NOTES)
        install("acme-agents", "[netra.agents]\nnotes = acme:Notes\n")
        assert [make().name for make in load("acme:Notes").agents] == ["notes"]
