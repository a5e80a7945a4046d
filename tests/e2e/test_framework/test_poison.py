"""One run's fault stays one run's fault: whoever ends its process, blocks it, or does not listen ends itself, and nobody else."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from test_framework.effects import EFFECTS_VARIABLE, read_effects
from test_framework.ids import new_id
from test_framework.server_process import ServerProcess, json_lines
from test_framework.service_clients import Prepared, own_netra_database
from test_framework.services import Service
from test_framework.users import LocalUsers, TestUser
from test_framework.websocket_client import TERMINAL_EVENTS, websocket_client

APP = "test_framework.poison"
PROCESSES = 4
PATIENCE_S = 240.0


async def sent(server: ServerProcess, user: TestUser, message: str) -> tuple[str, str]:
    """The run and the thread of a request of this user's, which has begun."""
    async with websocket_client(server.websocket_url, user.token, patience=60) as client:
        await client.send_json({"type": "execute_agent", "agent": "poison", "message": message, "id": new_id("key")})
        accepted = await client.expect_event("accepted")
        await client.expect_event("agent_thinking")
    return accepted["run_id"], accepted["thread_id"]


async def last_of(server: ServerProcess, user: TestUser, thread_id: str) -> dict[str, Any]:
    """The event that ends the run, whichever process one meets on the way."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                async with websocket_client(server.websocket_url, user.token, patience=PATIENCE_S) as client:
                    await client.send_json({"type": "resume", "positions": {thread_id: {"epoch": "", "seq": 0}}})
                    while True:
                        frame = await client.receive_json()
                        if frame["type"] in TERMINAL_EVENTS:
                            return frame
                        if frame["type"] == "reset":
                            position = {"epoch": frame["epoch"], "seq": 0}
                            await client.send_json({"type": "resume", "positions": {thread_id: position}})
            except (ConnectionAbortedError, OSError):
                await asyncio.sleep(0)


def log_lines(server: ServerProcess, words: str) -> list[dict[str, Any]]:
    return [line for line in json_lines(server.log()) if words in line.get("event", "")]


async def stopped(server: ServerProcess, user: TestUser) -> str:
    """How a run ends that does not listen, when its user stops it."""
    async with websocket_client(server.websocket_url, user.token, patience=60) as client:
        await client.send_json({"type": "execute_agent", "agent": "deaf", "message": "go", "id": "deaf"})
        started = await client.expect_event("agent_thinking")
        await client.send_json({"type": "cancel_run", "run_id": started["run_id"], "id": "stop"})
        while (frame := await client.receive_json())["type"] not in TERMINAL_EVENTS:
            assert frame["type"] != "error", frame
        return str(frame["type"])


class TestEmbedded:
    @pytest.fixture
    def effects(self, tmp_path: Path) -> Path:
        return tmp_path / "effects"

    @pytest.fixture
    def server(self, tmp_path: Path, effects: Path) -> Iterator[ServerProcess]:
        with ServerProcess(tmp_path / "data", {EFFECTS_VARIABLE: str(effects)}, app=APP, workers=1) as running:
            yield running

    async def test_a_run_that_ends_its_process_is_given_up_at_the_fourth_start(
        self, server: ServerProcess, effects: Path
    ) -> None:
        user = LocalUsers(server.data_dir).make("ann@example.org")
        _, thread_id = await sent(server, user, "end_process")
        for times in (1, 2, 3):
            assert server._ended() == 3
            assert read_effects(effects) == ["end"] * times
            if times < 3:
                server.launch()
        server.start()
        last = await last_of(server, user, thread_id)
        assert (last["type"], last["error"]) == ("agent_failed", "agent_crashed")
        assert server.command("ask", "hello", "--agent", "triage_agent", "--json").returncode == 0
        assert read_effects(effects) == ["end"] * 3

    async def test_a_plain_function_that_blocks_holds_up_nobody_and_a_run_that_does_not_listen_is_ended(
        self, server: ServerProcess
    ) -> None:
        user = LocalUsers(server.data_dir).make("ann@example.org")
        _, thread_id = await sent(server, user, "block_briefly")
        assert (await last_of(server, user, thread_id))["type"] == "agent_completed"
        assert log_lines(server, "blocked") == []
        assert await stopped(server, user) == "agent_cancelled"

    @pytest.mark.long
    async def test_code_that_blocks_is_named_with_its_run_and_its_stack(self, server: ServerProcess) -> None:
        user = LocalUsers(server.data_dir).make("ann@example.org")
        run_id, thread_id = await sent(server, user, "block")
        assert (await last_of(server, user, thread_id))["type"] == "agent_completed"
        (line,) = log_lines(server, "the event loop is blocked")
        assert (line["run_id"], line["agent"]) == (run_id, "poison")
        assert "in block" in line["stack"]


@pytest.mark.long
@pytest.mark.real_services
class TestFourProcesses:
    @pytest.fixture
    def effects(self, tmp_path: Path) -> Path:
        return tmp_path / "effects"

    @pytest.fixture
    def server(
        self,
        prepared_postgres: Prepared,
        redis_service: Service,
        tmp_path: Path,
        effects: Path,
    ) -> Iterator[ServerProcess]:
        with asyncio.Runner() as runner:
            place = own_netra_database(prepared_postgres)
            database = runner.run(place.__aenter__())
            settings = {
                "NETRA_DATABASE_URL": database.url,
                "NETRA_REDIS_URL": redis_service.url,
                EFFECTS_VARIABLE: str(effects),
            }
            with ServerProcess(tmp_path / "data", settings, app=APP, workers=PROCESSES) as running:
                yield running
            runner.run(place.__aexit__(None, None, None))

    async def test_a_run_that_does_not_listen_is_ended(self, server: ServerProcess) -> None:
        assert await stopped(server, LocalUsers(server.data_dir).make("ann@example.org")) == "agent_cancelled"

    async def test_a_run_that_ends_its_process_takes_three_of_them_and_no_more(
        self, server: ServerProcess, effects: Path
    ) -> None:
        user = LocalUsers(server.data_dir).make("ben@example.org")
        _, thread_id = await sent(server, user, "end_process")
        last = await last_of(server, user, thread_id)
        assert (last["type"], last["error"]) == ("agent_failed", "agent_crashed")
        assert Counter(read_effects(effects))["end"] == 3

    async def test_a_run_that_blocks_its_process_beyond_the_lease_freezes_three_at_most_and_ends(
        self, server: ServerProcess, effects: Path
    ) -> None:
        user = LocalUsers(server.data_dir).make("cyd@example.org")
        run_id, thread_id = await sent(server, user, "block")
        last = await last_of(server, user, thread_id)
        assert (last["type"], last["error"]) == ("agent_failed", "agent_crashed")
        assert Counter(read_effects(effects))["block"] in (2, 3)
        named = log_lines(server, "the event loop is blocked")
        assert {(line["run_id"], line["agent"]) for line in named} == {(run_id, "poison")}
        assert json.dumps(named).count("in block") >= 2
