"""An agent of one's own, as the README begins: written in an empty directory, served by a real process, asked."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from test_framework.server_process import ServerFailed, ServerProcess
from test_framework.service_clients import Prepared, own_netra_database
from test_framework.waiting import until

README = Path(__file__).parents[2] / "README.md"
LOUD = """
class Loud:
    name, description, tools = "loud", "Shouts.", frozenset()

    async def run(self, scope):
        from netra_server import AgentResult
        return AgentResult(scope.message.upper())
"""
Serve = Callable[..., ServerProcess]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A directory with the README's first example and nothing else."""
    (example,) = re.findall(r"^```python\n(# my_agents\.py\n.*?)^```", README.read_text(), re.MULTILINE | re.DOTALL)
    place = tmp_path / "project"
    place.mkdir()
    (place / "my_agents.py").write_text(example)
    return place


@pytest.fixture
def serve(directory: Path, tmp_path: Path) -> Iterator[Serve]:
    """``serve("my_agents")``: a server of one process in that directory; by default it runs."""
    with ExitStack() as stack:

        def serve(app: str | None, *, start: bool = True, **more: object) -> ServerProcess:
            options = {"workers": 1, "directory": directory, **more}
            server = ServerProcess(tmp_path / "data", app=app, **options)  # type: ignore[arg-type]
            stack.callback(server.close)
            return server.start() if start else server

        yield serve


def test_the_first_example_of_the_how_to_is_served_in_an_empty_directory(serve: Serve, directory: Path) -> None:
    page = README.parent / "docs/howto/own-agent.md"
    (example,) = re.findall(r"^`agent\.py`:\n\n```python\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)
    (directory / "agent.py").write_text(example)
    assert answer(serve("agent"), "loud", "hello") == "HELLO"


def answer(server: ServerProcess, agent: str = "notes", message: str = "milk") -> str:
    """What the agent says, by ``netra ask``."""
    asked = server.command("ask", "--agent", agent, message, "--json")
    assert asked.returncode == 0, asked.stderr
    text: str = json.loads(asked.stdout.splitlines()[-1])["result"]["text"]
    return text


def test_the_readmes_first_example_is_served_and_answers(serve: Serve) -> None:
    server = serve("my_agents")
    assert answer(server) == "buy milk"
    assert "price_lookup" in server.command("ask", "--agent", "triage_agent", "what does gpt-4o cost?").stdout
    assert server.stop() == 0


@pytest.mark.real_services
def test_each_of_two_processes_answers(serve: Serve, prepared_postgres: Prepared) -> None:
    with asyncio.Runner() as runner:
        place = own_netra_database(prepared_postgres)
        database = runner.run(place.__aenter__())
        server = serve("my_agents", settings={"NETRA_DATABASE_URL": database.url}, workers=2)
        assert len(server.children()) == 2
        assert [answer(server) for _ in range(4)] == ["buy milk"] * 4
        assert server.stop() == 0
        runner.run(place.__aexit__(None, None, None))


def test_the_environment_names_it_as_well_and_installed_packages_add_theirs(serve: Serve, tmp_path: Path) -> None:
    place = tmp_path / "site"
    (place / "acme-1.0.dist-info").mkdir(parents=True)
    (place / "acme-1.0.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    (place / "acme-1.0.dist-info/entry_points.txt").write_text("[netra.agents]\nloud = acme:Loud\n")
    (place / "acme.py").write_text(LOUD)
    server = serve(None, settings={"NETRA_APP": "my_agents", "PYTHONPATH": str(place)})
    assert answer(server) == "buy milk"
    assert answer(server, "loud") == "MILK"


async def test_a_change_is_served_after_a_reload_and_one_that_fails_is_told(serve: Serve, directory: Path) -> None:
    server = serve("my_agents", reload=True)
    module = directory / "my_agents.py"

    async def edited(before: str, after: str, *told: str) -> None:
        known = server.log().count
        seen = [known(each) for each in told]
        module.write_text(module.read_text().replace(before, after))
        await until(lambda: all(server.log().count(each) > count for each, count in zip(told, seen, strict=True)))

    assert answer(server) == "buy milk"
    await edited("buy milk", "buy oat milk", "my_agents.py has changed", '"event":"ready"')
    assert answer(server) == "buy oat milk"
    await edited("NOTES =", "NOTES = (", "my_agents cannot be imported: SyntaxError", "a process ended")
    assert server.process.poll() is None
    await edited("NOTES = (", "NOTES =", '"event":"ready"')
    assert answer(server) == "buy oat milk"
    assert server.stop() == 0


NOT_SERVABLE = {
    "nowhere": r"There is no module 'nowhere': it is neither in .*/project nor installed\.",
    "broken": r"broken cannot be imported: ModuleNotFoundError: No module named 'nowhere_at_all' \(broken\.py, line 1\)\.",
    "json": r"json has neither AGENTS nor TOOLS: define one of them, or name what to serve, as json:NAME\.",
    "my_agents:NOTES": r"my_agents:NOTES is no agent, tool or sequence of these: it is a dict\.",
    "my_agents:NotesAgnt": r"my_agents has no NotesAgnt\. Did you mean NotesAgent\?",
    "taken": r"The agent name 'triage_agent' is taken: Netra itself and taken:AGENTS\[0\] both have it\.",
    "my_agents.py": r"'my_agents\.py' is not MODULE or MODULE:NAME, such as my_agents or my_agents:AGENTS\.",
}


@pytest.fixture
def unservable(directory: Path) -> None:
    (directory / "broken.py").write_text("import nowhere_at_all")
    (directory / "taken.py").write_text(f"{LOUD}\nLoud.name = 'triage_agent'\nAGENTS = [Loud]")


@pytest.mark.usefixtures("unservable")
@pytest.mark.parametrize("app", NOT_SERVABLE)
def test_what_cannot_be_served_is_one_sentence_and_exit_2(serve: Serve, app: str) -> None:
    with pytest.raises(ServerFailed, match=rf"^netra serve ended with 2: ✗ {NOT_SERVABLE[app]}\n$"):
        serve(app)


@pytest.mark.usefixtures("unservable")
@pytest.mark.parametrize("more", [{"reload": True}, {"workers": 2, "settings": {"NETRA_DATABASE_URL": "postgres://x"}}])
def test_it_is_one_sentence_too_where_there_would_be_several_processes(serve: Serve, more: dict[str, object]) -> None:
    with pytest.raises(ServerFailed, match=rf"^netra serve ended with 2: ✗ {NOT_SERVABLE['taken']}\n$"):
        serve("taken", **more)


@pytest.mark.parametrize(
    ("more", "fault"),
    [
        ({"app": None}, "it watches the files of an app"),
        ({"app": "my_agents", "workers": 2, "settings": {"NETRA_DATABASE_URL": "postgres://x"}}, "leave --workers out"),
    ],
)
def test_only_an_app_in_one_process_is_reloaded(serve: Serve, more: dict[str, object], fault: str) -> None:
    with pytest.raises(ServerFailed, match=f"(?s)ended with 2: .*{fault}"):
        serve(reload=True, **more)


@pytest.mark.usefixtures("unservable")
def test_check_says_the_same_without_serving(serve: Serve) -> None:
    server = serve(None, start=False)
    good = server.command("check", "--app", "my_agents", "--json")
    assert good.returncode == 0, good.stdout
    (found,) = (each for each in json.loads(good.stdout)["findings"] if each["part"] == "extensions")
    assert found == {"part": "extensions", "ok": True, "told": "agents notes; tools find_notes", "hint": ""}
    bad = server.command("check", "--app", "taken", "--json")
    assert bad.returncode == 2
    (found,) = (each for each in json.loads(bad.stdout)["findings"] if not each["ok"])
    assert found["part"] == "extensions"
    assert re.fullmatch(NOT_SERVABLE["taken"], found["told"])
    shown = server.command("check", "--app", "nowhere")
    assert (shown.returncode, "nowhere" in shown.stdout) == (2, True)
