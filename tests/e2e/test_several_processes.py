"""A server of several processes on real PostgreSQL and Valkey: whichever process a device meets, it is one server."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from test_framework.server_process import ServerProcess, json_lines
from test_framework.service_clients import Prepared, own_netra_database
from test_framework.services import Service
from test_framework.users import LocalUsers, TestUser
from test_framework.websocket_client import TERMINAL_EVENTS, WebSocketTestClient, websocket_client

pytestmark = pytest.mark.real_services
PROCESSES = 3
DEVICES = 8
"""So many that they all meet one process once in two thousand times."""


@pytest.fixture(scope="module")
def server(
    prepared_postgres: Prepared, redis_service: Service, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServerProcess]:
    data_dir = tmp_path_factory.mktemp("several") / "data"
    with asyncio.Runner() as runner:
        place = own_netra_database(prepared_postgres)
        database = runner.run(place.__aenter__())
        settings = {"NETRA_DATABASE_URL": database.url, "NETRA_REDIS_URL": redis_service.url}
        with ServerProcess(data_dir, settings, app="test_framework.echo", workers=PROCESSES) as running:
            yield running
        runner.run(place.__aexit__(None, None, None))


@pytest.fixture
def ann(server: ServerProcess) -> TestUser:
    return LocalUsers(server.data_dir).make("ann@example.org")


@pytest.fixture
def ben(server: ServerProcess) -> TestUser:
    return LocalUsers(server.data_dir).make("ben@example.org")


async def devices(stack: AsyncExitStack, server: ServerProcess, user: TestUser) -> list[WebSocketTestClient]:
    made = [await stack.enter_async_context(websocket_client(server.websocket_url, user.token)) for _ in range(DEVICES)]
    for each in made:
        await each.resume()
    return made


async def until_the_end(client: WebSocketTestClient) -> list[Any]:
    """The events of a run, to its last."""
    frames: list[Any] = []
    while not frames or frames[-1]["type"] not in TERMINAL_EVENTS:
        frame = await client.receive_json()
        if "seq" in frame and frame["type"] not in ("accepted", "live"):
            frames.append(frame)
    return frames


async def until_accepted(client: WebSocketTestClient) -> Any:
    """The answer to its request; events of the run that another device's began may come before."""
    while (frame := await client.receive_json())["type"] != "accepted":
        assert frame["type"] != "error", frame
    return frame


async def test_a_key_opens_every_process_and_its_deletion_closes_all_that_it_opened(
    server: ServerProcess, ann: TestUser
) -> None:
    headers = {"Authorization": f"Bearer {ann.token}"}
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(httpx.AsyncClient(base_url=server.url, headers=headers, trust_env=False))
        made = (await http.post("/api/keys", json={"name": "ci"})).json()
        address = f"{server.websocket_url}/ws/{ann.id}"
        opened = [await stack.enter_async_context(websocket_client(address, made["key"])) for _ in range(DEVICES)]
        assert (await http.delete(f"/api/keys/{made['id']}")).status_code == 200
        for each in opened:
            await each.expect_close(4503)
        key = {"Authorization": f"Bearer {made['key']}"}
        for _ in range(DEVICES):
            async with httpx.AsyncClient(base_url=server.url, headers=key, trust_env=False) as other:
                assert (await other.get("/api/me")).status_code == 401


async def test_a_client_of_openais_is_answered_whole_whichever_process_it_meets_and_holds_its_thread(
    server: ServerProcess, ann: TestUser, ben: TestUser
) -> None:
    body = {"model": "echo", "messages": [{"role": "user", "content": "hello"}], "metadata": {"thread_id": "chat"}}
    threads: dict[str, set[str]] = {ann.id: set(), ben.id: set()}

    async def ask(user: TestUser, *, stream: bool) -> None:
        headers = {"Authorization": f"Bearer {user.token}"}
        async with httpx.AsyncClient(base_url=server.url, headers=headers, trust_env=False, timeout=20) as http:
            answer = await http.post("/v1/chat/completions", json=body | {"stream": stream})
        assert answer.status_code == 200, answer.text
        threads[user.id].add(answer.headers["x-netra-thread"])
        if stream:
            assert answer.text.count('"content":"hello"') == 1
            assert answer.text.count('"finish_reason":"stop"') == 1
            assert answer.text.endswith("data: [DONE]\n\n")
        else:
            assert answer.json()["choices"][0]["message"]["content"] == "hello"

    for _ in range(DEVICES // 2):
        await asyncio.gather(*(ask(user, stream=stream) for user in (ann, ben) for stream in (True, False)))
    assert [len(each) for each in threads.values()] == [1, 1]
    assert threads[ann.id] != threads[ben.id]


async def test_all_devices_of_a_user_see_the_same_whichever_process_they_met(
    server: ServerProcess, ann: TestUser
) -> None:
    assert len(server.children()) == PROCESSES
    async with AsyncExitStack() as stack:
        all_devices = await devices(stack, server, ann)
        first, *others = all_devices
        await first.send_json({"type": "execute_agent", "agent": "echo", "message": "hello"})
        seen = [await until_the_end(each) for each in all_devices]
        assert [event["seq"] for event in seen[0]] == [1, 2, 3, 4, 5, 6]
        assert all(each == seen[0] for each in seen[1:])
        thread_id = seen[0][0]["thread_id"]
        for number, each in enumerate(others):  # one thread, asked from anywhere: its runs stand one after the other
            await each.send_json(
                {"type": "execute_agent", "agent": "echo", "message": f"again {number}", "thread_id": thread_id}
            )
            events = await until_the_end(first)
            assert [event["seq"] for event in events] == list(range(6 * number + 7, 6 * number + 13))


async def test_users_at_different_processes_see_nothing_of_each_other(
    server: ServerProcess, ann: TestUser, ben: TestUser
) -> None:
    async with AsyncExitStack() as stack:
        of_ann, of_ben = await devices(stack, server, ann), await devices(stack, server, ben)
        await of_ann[0].send_json({"type": "execute_agent", "agent": "echo", "message": "for ann alone"})
        (started, *_) = await until_the_end(of_ann[1])
        for each in of_ben:
            await each.send_json(
                {"type": "execute_agent", "agent": "echo", "message": "mine?", "thread_id": started["thread_id"]}
            )
            refused = await each.expect_event("error")
            assert refused["error"] == "isolation_violation"
            await each.send_json({"type": "resume", "positions": {started["thread_id"]: {"epoch": "", "seq": 0}}})
            assert (await each.expect_event("error"))["error"] == "not_found"
        assert not any("for ann alone" in str(each.received) for each in of_ben)


async def test_a_request_that_is_repeated_at_another_process_is_done_once(server: ServerProcess, ann: TestUser) -> None:
    async with AsyncExitStack() as stack:
        all_devices = await devices(stack, server, ann)
        for each in all_devices:
            await each.send_json({"type": "execute_agent", "agent": "echo", "message": "once", "id": "one-key"})
        answers = [await until_accepted(each) for each in all_devices]
        assert len({(each["run_id"], each["thread_id"], each["seq"]) for each in answers}) == 1


async def test_a_revocation_reaches_every_process(server: ServerProcess, ann: TestUser) -> None:
    admin = LocalUsers(server.data_dir).make("root@example.org", scopes=["admin"])
    async with AsyncExitStack() as stack:
        all_devices = await devices(stack, server, ann)
        headers = {"Authorization": f"Bearer {admin.token}"}
        async with httpx.AsyncClient(base_url=server.url, headers=headers, trust_env=False, timeout=20) as http:
            assert (await http.post(f"/api/admin/users/{ann.id}/revoke")).status_code == 200
        for each in all_devices:
            await each.expect_close(4503)


def test_a_process_that_is_killed_is_replaced_and_the_others_go_on(server: ServerProcess) -> None:
    before = set(server.children())
    os.kill(min(before), signal.SIGKILL)
    for number in range(PROCESSES):  # whoever is dealt to the dead one waits for its replacement
        asked = server.command("ask", f"hello {number}", "--agent", "echo", "--json", "--url", server.url)
        assert asked.returncode == 0, asked.stderr
        assert json_lines(asked.stdout)[-1]["type"] == "agent_completed"
    after = set(server.children())
    assert len(after) == PROCESSES
    assert after - before


def test_asked_to_end_all_of_them_end(server: ServerProcess) -> None:
    before = server.children()
    assert server.stop() == 0
    assert [pid for pid in before if Path(f"/proc/{pid}").exists()] == []
