"""Questions over the end of processes: what was asked stays open, what was answered stays answered, whoever goes on."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from test_framework.server_process import ServerProcess
from test_framework.service_clients import Prepared, own_netra_database
from test_framework.services import Service
from test_framework.users import LocalUsers, TestUser
from test_framework.waiting import until
from test_framework.websocket_client import Frame, WebSocketTestClient, websocket_client

from .asking_agents import WITNESS

APP = "tests.e2e.asking_agents"
PATIENCE_S = 90.0
"""Of a run whose process is gone: its lease runs out after 30 seconds."""
KEY = "sk-" + "a" * 40


@pytest.fixture
def witness(tmp_path: Path) -> Path:
    path = tmp_path / "witness"
    path.touch()
    return path


def lines(witness: Path) -> list[tuple[int, Any]]:
    """What was done so far: the process, and with what."""
    return [tuple(json.loads(line)) for line in witness.read_text().splitlines()]


@pytest.fixture
def server(tmp_path: Path, witness: Path) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path / "data", {WITNESS: str(witness)}, app=APP, workers=1) as process:
        yield process


def ann(server: ServerProcess) -> TestUser:
    return LocalUsers(server.data_dir).make("ann@example.org")


def device(server: ServerProcess, user: TestUser) -> Any:
    return websocket_client(server.websocket_url, user.token, patience=PATIENCE_S)


async def coming(client: WebSocketTestClient, *kinds: str, **fields: Any) -> Frame:
    """The next frame of one of these types with these fields."""
    while True:
        frame = await client.receive_json()
        if frame["type"] in kinds and all(frame.get(name) == value for name, value in fields.items()):
            return frame


async def asked(client: WebSocketTestClient, message: str = "go") -> Frame:
    await client.send_json({"type": "execute_agent", "agent": "asking", "message": message})
    return await coming(client, "question_asked")


async def say(client: WebSocketTestClient, question: Frame, answer: Any, key: str) -> Frame:
    """Answer; what the server says to that."""
    question_id = question["question_id"]
    await client.send_json({"type": "answer_question", "question_id": question_id, "answer": answer, "id": key})
    return await coming(client, "accepted", "error", id=key)


async def read(server: ServerProcess, user: TestUser, what: str, path: str = "") -> list[Any]:
    """A list from the API."""
    async with httpx.AsyncClient(base_url=server.url, trust_env=False, timeout=20) as http:
        answer = await http.get(f"/api/{path or what}", headers={"Authorization": f"Bearer {user.token}"})
        answer.raise_for_status()
        found: list[Any] = answer.json()[what]
        return found


async def test_of_two_devices_the_first_answer_counts_and_both_see_it(server: ServerProcess) -> None:
    user = ann(server)
    async with device(server, user) as laptop, device(server, user) as phone:
        await phone.resume()
        question = await asked(laptop)
        assert await coming(phone, "question_asked") == question
        wrong = await say(phone, question, {"key": "a" * 60_000}, "wrong")
        assert (wrong["error"], wrong["retryable"]) == ("invalid_answer", False)
        assert (await say(phone, question, {"key": KEY}, "first"))["type"] == "accepted"
        assert (await say(laptop, question, {"key": "sk-aa"}, "second"))["error"] == "not_found"
        await coming(phone, "agent_completed", run_id=question["run_id"])
        for client in (laptop, phone):
            seen = [json.loads(text) for text in client.received]
            assert [each["answer"] for each in seen if each["type"] == "question_answered"] == [{"key": "***"}]
    other = LocalUsers(server.data_dir).make("ben@example.org")
    async with device(server, other) as stranger:
        foreign = await say(stranger, question, {"key": KEY}, "k")
        absent = await say(stranger, {"question_id": "qst_run_absent.1"}, {"key": KEY}, "k")
        assert foreign == absent
        assert foreign["error"] == "not_found"


async def test_a_question_that_is_open_when_its_process_is_killed_is_answered_at_the_next(
    server: ServerProcess, witness: Path
) -> None:
    user = ann(server)
    async with device(server, user) as client:
        question = await asked(client)
    server.kill()
    server.start()
    async with device(server, user) as client, device(server, user) as phone:
        while not (waiting := await read(server, user, "questions")):
            """Its run is only just being resumed."""
        assert [each["question_id"] for each in waiting] == [question["question_id"]]
        while (told := await say(client, question, {"key": KEY}, f"k{os.urandom(4).hex()}"))["type"] != "accepted":
            assert told["retryable"], told  # its run is only just being resumed
        await coming(phone, "agent_completed", run_id=question["run_id"])
    assert [what for _, what in lines(witness)] == ["begun", KEY]


async def test_an_answer_is_the_same_after_a_kill_between_it_and_what_its_agent_does_with_it(
    server: ServerProcess, witness: Path
) -> None:
    user = ann(server)
    async with device(server, user) as client:
        question = await asked(client, "wait")
        assert (await say(client, question, {"key": KEY}, "k1"))["type"] == "accepted"
        await until(lambda: len(lines(witness)) == 2)
    server.kill()
    server.start()
    async with device(server, user) as client:
        await until(lambda: len(lines(witness)) == 3)
        assert (await say(client, question, {"key": KEY}, "k2"))["type"] == "accepted"
        assert (await say(client, question, {"key": "sk-aa"}, "k3"))["error"] == "not_found"
    assert [what for _, what in lines(witness)] == ["begun", KEY, KEY]
    address = f"threads/{question['thread_id']}/events"
    while (events := await read(server, user, "events", address))[-1]["type"] != "agent_completed":
        """It is about to."""
    kinds = [event["type"] for event in events if event["type"].startswith(("question", "agent_"))]
    assert kinds == ["agent_started", "question_asked", "question_answered", "agent_completed"]


def test_a_person_at_a_terminal_is_asked_until_the_answer_fits(server: ServerProcess, witness: Path) -> None:
    screen, keyboard = pty.openpty()
    main = "from netra_backend.app.cli import main; main()"
    command = [sys.executable, "-c", main, "ask", "go", "--agent", "asking", "--user", "pat"]
    with subprocess.Popen(
        command, stdin=keyboard, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=server.environment()
    ) as asking:
        assert asking.stdout is not None
        shown = b""
        for number, typed in enumerate(('{"key": "no"}', json.dumps({"key": KEY})), 1):
            while shown.count(b"[JSON:") < number:
                part = os.read(asking.stdout.fileno(), 4096)
                assert part, shown
                shown += part
            os.write(screen, f"{typed}\n".encode())
        shown += asking.stdout.read()
        assert asking.wait() == 0, shown
    os.close(screen)
    os.close(keyboard)
    assert b"does not fit" in shown
    assert b"question_answered" in shown
    assert [what for _, what in lines(witness)] == ["begun", KEY]


@pytest.mark.long
@pytest.mark.real_services
@pytest.mark.parametrize("message", ["go", "wait"])
def test_when_the_holder_is_killed_another_process_goes_on_with_its_question(
    prepared_postgres: Prepared, redis_service: Service, tmp_path: Path, witness: Path, message: str
) -> None:
    """``go``: killed while the question is open; ``wait``: killed after the answer, which came by another device."""

    async def story(server: ServerProcess) -> None:
        user = ann(server)
        async with device(server, user) as laptop:
            question = await asked(laptop, message)
        if message == "wait":
            async with device(server, user) as phone:
                assert (await say(phone, question, {"key": KEY}, "k1"))["type"] == "accepted"
            await until(lambda: len(lines(witness)) == 2)
        holder = lines(witness)[-1][0]
        assert holder in server.children()
        os.kill(holder, signal.SIGKILL)
        await until(lambda: holder not in server.children() and len(server.children()) == 2)
        async with device(server, user) as phone, device(server, user) as other:
            await other.resume()
            number = 0
            while (told := await say(phone, question, {"key": KEY}, f"k{number}"))["type"] != "accepted":
                assert told["retryable"], told  # nobody holds its thread until the lease has run out
                number += 1
            await coming(other, "agent_completed", run_id=question["run_id"])

    with asyncio.Runner() as runner:
        place = own_netra_database(prepared_postgres)
        database = runner.run(place.__aenter__())
        settings = {
            "NETRA_DATABASE_URL": database.url,
            "NETRA_REDIS_URL": redis_service.url,
            WITNESS: str(witness),
        }
        with ServerProcess(tmp_path / "data", settings, app=APP, workers=2) as server:
            runner.run(story(server))
        runner.run(place.__aexit__(None, None, None))
    done = [what for _, what in lines(witness)]
    assert done == (["begun", KEY] if message == "go" else ["begun", KEY, KEY])
