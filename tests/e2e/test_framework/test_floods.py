"""Floods against a real server, of strangers and of users: a signed-in neighbour goes on getting answers, health checks answer,
memory
is bounded, and deadlines fire."""

from __future__ import annotations

import asyncio
import json
import re
import resource
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect

from test_framework.floods import FLOODS, Flood
from test_framework.server_process import ServerProcess
from test_framework.users import LocalUsers
from test_framework.waiting import until
from test_framework.websocket_client import WebSocketTestClient, websocket_client

pytestmark = pytest.mark.long

RUNS = 20
MOST_MIB = 400
MOST_ANSWERS = 20_000
"""To a flood while a neighbour has its runs: some 900 to 1,400, and 10,372 on a machine that did much else. If each of its
connections had one in each turn of the loop, and none rested, 31,000 to 64,000 would be."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    limits = {"NETRA_LIMIT_AUTHENTICATION_S": "2", "NETRA_LIMIT_HEAD_S": "3"}
    data_dir = tmp_path_factory.mktemp("floods") / "data"
    with ServerProcess(data_dir, limits, app="test_framework.echo", workers=1) as running:
        yield running


def resident_mib(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS"))) // 1024


async def goes_on(client: WebSocketTestClient, runs: int = RUNS) -> None:
    for _ in range(runs):
        assert (await client.run_agent("echo", "hello"))[-1]["type"] == "agent_completed"


@pytest.mark.parametrize("name", FLOODS)
async def test_a_signed_in_neighbour_goes_on_under_every_flood(server: ServerProcess, name: str) -> None:
    users = LocalUsers(server.data_dir)
    user, other = users.make("neighbour@example.org"), users.make("another@example.org")
    async with websocket_client(server.websocket_url, user.token) as before:
        async with Flood(name, server.url, server.data_dir) as flood:
            await goes_on(before)
            async with websocket_client(server.websocket_url, other.token) as during:
                await goes_on(during, 3)
            async with httpx.AsyncClient(base_url=server.url, trust_env=False, timeout=20) as http:
                for path in ("/healthz", "/readyz"):
                    assert (await http.get(path)).status_code == 200
            assert flood.is_flowing
            assert resident_mib(server.process.pid) < MOST_MIB
        await goes_on(before, 3)


async def answered(server: ServerProcess) -> int:
    """How many HTTP requests have been answered so far. It is asked from an address of its own: a flood uses up what its address
    may ask, and what is refused shows no number."""
    transport = httpx.AsyncHTTPTransport(local_address="127.0.0.2")
    async with httpx.AsyncClient(base_url=server.url, transport=transport, timeout=20) as http:
        told = (await http.get("/metrics")).raise_for_status().text
    return sum(int(float(each)) for each in re.findall(r"^netra_http_requests_total\{.*\} (\S+)", told, re.MULTILINE))


@pytest.mark.parametrize("name", ["refused", "refused_tokens", "refused_of_a_user", "probes"])
async def test_a_neighbour_has_a_turn_for_every_few_requests_of_many_connections(
    server: ServerProcess, name: str
) -> None:
    users = LocalUsers(server.data_dir)
    neighbour = users.make("neighbour@example.org")
    async with (
        websocket_client(server.websocket_url, neighbour.token) as client,
        Flood(name, server.url, server.data_dir) as flood,
    ):
        before = await answered(server)
        await goes_on(client)
        assert 0 < await answered(server) - before < MOST_ANSWERS
        assert flood.is_flowing


async def test_the_deadline_of_a_sign_in_fires_under_load(server: ServerProcess) -> None:
    async with (
        Flood("pongs", server.url, server.data_dir),
        connect(f"{server.websocket_url}/ws/user_late", proxy=None, close_timeout=2) as late,
    ):
        async with asyncio.timeout(20):
            assert json.loads(await late.recv())["error"] == "auth_timeout"
            await late.wait_closed()
        assert late.close_code == 4402


OPENS = '''
import asyncio
import os

from netra_server import AgentResult, tool


@tool(idempotent=True)
async def open_files(count: int) -> int:
    """Open so many files at once."""
    opened = []
    try:
        for _ in range(count):
            opened.append(os.open("/dev/null", os.O_RDONLY))
        return len(opened)
    finally:
        for each in opened:
            os.close(each)


@tool(idempotent=True)
async def hold_all_files(until: str) -> int:
    """Open files until no more can be opened, and keep them until a file of that name is there."""
    opened = []
    try:
        while True:
            opened.append(os.open("/dev/null", os.O_RDONLY))
    except OSError:
        while not os.path.exists(until):
            await asyncio.sleep(0.05)
        return len(opened)
    finally:
        for each in opened:
            os.close(each)


class Holder:
    name = "holder"
    description = "Holds all open files."
    tools = frozenset({"hold_all_files"})

    async def run(self, scope):
        return AgentResult("done", {"held": (await scope.use_tool("hold_all_files", until=scope.message)).result})


class Opener:
    name = "opener"
    description = "Opens files."
    tools = frozenset({"open_files"})

    async def run(self, scope):
        outcome = await scope.use_tool("open_files", count=int(scope.message))
        return AgentResult("done", {"opened": outcome.result, "error": outcome.error})


AGENTS = (Opener, Holder)
TOOLS = (open_files, hold_all_files)
'''


def launched_with_few_files(tmp_path: Path) -> ServerProcess:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    server = ServerProcess(tmp_path / "data", app="opens", directory=tmp_path, workers=1)
    resource.setrlimit(resource.RLIMIT_NOFILE, (200, hard))
    try:
        server.launch()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return server


async def test_a_server_whose_open_files_are_used_up_says_so_and_goes_on_when_they_are_free(tmp_path: Path) -> None:
    (tmp_path / "opens.py").write_text(OPENS)
    server = launched_with_few_files(tmp_path)
    try:
        server.wait_until_ready()
        user = LocalUsers(server.data_dir).make("holder@example.org")
        async with websocket_client(server.websocket_url, user.token) as client:
            run = asyncio.create_task(client.run_agent("holder", str(tmp_path / "release")))
            await until(lambda: "too many open files: new connections are closed" in server.log())
            reader, writer = await asyncio.open_connection("127.0.0.1", int(server.url.rpartition(":")[2]))
            assert await reader.read() == b""  # closed without an answer
            writer.close()
            (tmp_path / "release").touch()
            assert (await run)[-1]["result"]["data"]["held"] > 0
        await until(lambda: "files can be opened again" in server.log())
        async with httpx.AsyncClient(base_url=server.url, trust_env=False) as http:
            told = (await http.get("/metrics")).text
        (seconds,) = re.findall(r"^netra_open_files_exhausted_s_total (\S+)", told, re.MULTILINE)
        assert float(seconds) >= 1
    finally:
        server.close()


async def test_idle_strangers_leave_users_the_open_files_that_their_tools_need(tmp_path: Path) -> None:
    (tmp_path / "opens.py").write_text(OPENS)
    server = launched_with_few_files(tmp_path)
    try:
        server.wait_until_ready()
        user = LocalUsers(server.data_dir).make("neighbour@example.org")
        async with (
            Flood("descriptors", server.url, server.data_dir),
            websocket_client(server.websocket_url, user.token) as client,
        ):
            for _ in range(RUNS):
                done = (await client.run_agent("opener", "40"))[-1]
                assert done["result"]["data"] == {"opened": 40, "error": None}
            refused = (await client.run_agent("opener", "190"))[-1]["result"]["data"]["error"]
            assert refused["code"] == "DEPENDENCY_UNAVAILABLE"
            assert "too many open files" in refused["message"]
            done = (await client.run_agent("opener", "1"))[-1]
            assert done["result"]["data"]["opened"] == 1
    finally:
        server.close()
