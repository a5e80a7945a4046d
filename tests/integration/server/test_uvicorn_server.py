"""A server process: one line when it is ready, a clean end, and a telling end where it cannot go on."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from netra_backend.app.config import Settings
from netra_backend.app.server.application import Application
from netra_backend.app.server.uvicorn_server import configuration, listen, url_of
from netra_backend.app.web.sockets.uvicorn_websocket import DirectWebSocketProtocol
from test_framework.reaper import in_child
from test_framework.server_process import ServerFailed, ServerProcess
from test_framework.users import LocalUsers
from test_framework.websocket_client import websocket_client

FULL_DISK = """
import sys
from pathlib import Path
from netra_backend.app.adapters.sqlite import schema
from netra_backend.app.config import Settings
from netra_backend.app.server.uvicorn_server import run
from netra_backend.app.wiring import create_app
from test_framework.echo import AGENTS, TOOLS

def small(path, opened=schema.open_writer):
    connection = opened(path)
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count={pages + 8}")
    return connection

schema.open_writer = small
settings = Settings(data_dir=Path(sys.argv[1]), port=0)
run(create_app(settings, agents=AGENTS, tools=TOOLS), settings)
"""

DEAF_AGENT = """
import asyncio, sys
from pathlib import Path
from netra_backend.app.config import Settings
from netra_backend.app.core.limits import Limits
from netra_backend.app.server.uvicorn_server import run
from netra_backend.app.wiring import create_app

class Deaf:
    name, description, tools = "deaf", "", frozenset()

    async def run(self, scope):
        await scope.think("on my way")
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                pass

settings = Settings(data_dir=Path(sys.argv[1]), port=0, limits=Limits(drain_s=0.0))
run(create_app(settings, agents=[Deaf]), settings)
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path / "data", app="test_framework.echo") as running:
        yield running


def test_an_idle_server_ends_with_0_when_it_is_asked_to(server: ServerProcess) -> None:
    assert server.stop() == 0


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
async def test_a_server_with_connections_ends_with_0_and_tells_them(server: ServerProcess, how: signal.Signals) -> None:
    user = LocalUsers(server.data_dir).make("a@example.org")
    async with websocket_client(server.websocket_url, user.token) as client:
        frames = await client.run_agent("echo", "hello")
        assert frames[-1]["type"] == "agent_completed"
        server.signal(how)
        assert (await client.receive_json())["type"] == "drain"
        await client.expect_close(1012)
    assert await asyncio.to_thread(server.stop) == 0


async def test_what_was_told_before_the_end_is_there_after_the_next_start(server: ServerProcess) -> None:
    user = LocalUsers(server.data_dir).make("a@example.org")
    async with websocket_client(server.websocket_url, user.token) as client:
        accepted, *events = await client.run_agent("echo", "hello")
    assert server.stop() == 0
    server.start()
    async with websocket_client(server.websocket_url, user.token) as client:
        await client.send_json({"type": "resume", "positions": {accepted["thread_id"]: {"epoch": "", "seq": 0}}})
        assert [await client.receive_json() for _ in events] == events


def test_a_data_directory_that_is_in_use_keeps_a_second_server_from_starting(server: ServerProcess) -> None:
    with pytest.raises(ServerFailed, match="is in use by process"), ServerProcess(server.data_dir):
        pass
    assert server.process.poll() is None


@contextlib.contextmanager
def script(source: str, data_dir: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-c", source, str(data_dir)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, preexec_fn=in_child()) as process:
        yield process
        process.kill()


async def address(process: subprocess.Popen[bytes]) -> str:
    assert process.stdout is not None
    line = await asyncio.to_thread(process.stdout.readline)
    return str(json.loads(line)["url"]).replace("http", "ws")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A server whose event log may not grow by more than a few pages."""
    with script(FULL_DISK, tmp_path / "data") as process:
        yield process


@pytest.fixture
def deaf(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A server with an agent that does not hear."""
    with script(DEAF_AGENT, tmp_path / "data") as process:
        yield process


async def test_an_agent_that_does_not_hear_keeps_no_process_from_its_end(
    deaf: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    url = await address(deaf)
    user = LocalUsers(tmp_path / "data").make("a@example.org")
    async with websocket_client(url, user.token) as client:
        await client.send_json({"type": "execute_agent", "agent": "deaf", "message": "m"})
        await client.expect_event("agent_thinking")
        deaf.terminate()
        assert await asyncio.to_thread(deaf.wait, 20) == 0


async def test_a_full_disk_ends_the_process_with_1_and_loses_nothing_that_was_told(
    small_disk: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    url = await address(small_disk)
    user = LocalUsers(tmp_path / "data").make("a@example.org")
    told: list[dict[str, Any]] = []
    async with websocket_client(url, user.token) as client:
        with contextlib.suppress(ConnectionAbortedError, AssertionError):
            for _ in range(1000):
                told += await client.run_agent("echo", "x" * 5_000, thread_id="thr_1")
    assert await asyncio.to_thread(small_disk.wait, 20) == 1
    events = [frame for frame in told if frame["type"] != "accepted"]
    assert events != []
    with ServerProcess(tmp_path / "data") as server:
        async with websocket_client(server.websocket_url, user.token) as client:
            await client.send_json({"type": "resume", "positions": {"thr_1": {"epoch": "", "seq": 0}}})
            kept = [await client.receive_json() for _ in range(max(frame["seq"] for frame in events))]
    assert kept == events


def test_uvicorn_runs_it_with_our_protocol_and_without_keepalive_or_compression(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, port=0)

    def never(_: Application) -> Any:
        raise AssertionError("nothing is opened before the lifespan begins")

    config = configuration(Application(never), settings)
    assert isinstance(config, uvicorn.Config)
    assert config.ws is DirectWebSocketProtocol
    assert (config.ws_ping_interval, config.ws_per_message_deflate) == (None, False)
    assert config.ws_max_size == settings.limits.message_bytes
    assert config.proxy_headers is False


def test_sockets_of_several_processes_share_an_address_that_nobody_else_gets(tmp_path: Path) -> None:
    with contextlib.ExitStack() as stack:
        first = [stack.enter_context(each) for each in listen(Settings(data_dir=tmp_path, port=0), 3)]
        assert len({url_of(each) for each in first}) == 1
        port = first[0].getsockname()[1]
        with pytest.raises(SystemExit):
            listen(Settings(data_dir=tmp_path, port=port), 2)
