"""The composition root: every part opens in order, and whatever was opened is closed again."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sqlite3
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, ClassVar

import pytest

from netra_backend.app import usage_stores, wiring
from netra_backend.app.config import DEVELOPMENT, Settings, TokenSource
from netra_backend.app.core.errors import ConfigurationError
from netra_backend.app.server.application import Application
from netra_backend.app.usage_stores import open_ledger
from netra_backend.app.wiring import create_app, open_runtime
from test_framework.echo import AGENTS, TOOLS
from test_framework.local_runtime import connected_user


class QuietLedger:
    """A ledger without child processes: none of these tests asks for usage."""

    opened: ClassVar[list[str]] = []

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.opened.append("made")
        self.importers = kwargs.get("importers")

    async def start(self) -> None:
        self.opened.append("started")

    async def close(self) -> None:
        self.opened.append("closed")


@pytest.fixture(autouse=True)
def ledger(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    for module in (wiring, usage_stores):
        monkeypatch.setattr(module, "DuckDBLedger", QuietLedger)
    monkeypatch.setattr(QuietLedger, "opened", [])
    return QuietLedger.opened


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data")


async def test_a_server_is_made_of_its_settings_and_of_what_is_added(settings: Settings) -> None:
    async with open_runtime(settings, AGENTS, TOOLS) as runtime:
        assert {"triage_agent", "echo"} <= set(runtime.registry.names())
        assert "repeat" in [tool["name"] for tool in runtime.dispatchers.describe()]
        assert runtime.settings is settings
        assert runtime.mint("run").startswith("run_")
        assert runtime.mint("run") != runtime.mint("run")
        async with connected_user(runtime, "user_ada") as device:
            device.send(type="execute_agent", agent="echo", message="hello")
            assert (await device.ended_run())["type"] == "agent_completed"


async def test_nothing_is_opened_before_the_lifespan_begins(settings: Settings) -> None:
    application = create_app(settings)
    assert isinstance(application, Application)
    assert application.runtime is None
    assert not settings.data_dir.exists()


def formats_of(ledger: Any) -> tuple[str, ...]:
    formats: tuple[str, ...] = ledger.importers
    return formats


async def test_added_formats_reach_the_ledger_of_a_server_and_of_a_command(settings: Settings) -> None:
    async with open_runtime(settings, importers=("acme:INVOICE",)) as runtime:
        assert formats_of(runtime.ledger) == ("acme:INVOICE",)
    async with open_ledger(settings, importers=("acme:INVOICE",)) as ledger:
        assert formats_of(ledger) == ("acme:INVOICE",)


async def test_an_application_knows_what_it_is_made_of(settings: Settings) -> None:
    application = create_app(settings, agents=iter(AGENTS), tools=iter(TOOLS))
    assert (application.settings, application.agents, application.tools) == (settings, AGENTS, TOOLS)
    assert (create_app(settings).agents, create_app(settings).tools) == ((), ())


async def test_without_settings_it_is_made_of_those_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("NETRA_DATA_DIR", str(tmp_path / "data"))
    assert create_app().settings == Settings(data_dir=tmp_path / "data")
    monkeypatch.setenv("NETRA_PORT", "many")
    with pytest.raises(ConfigurationError, match="NETRA_PORT=many"):
        create_app()


async def test_a_data_directory_is_used_by_one_server_and_free_again_afterwards(settings: Settings) -> None:
    async with open_runtime(settings):
        with pytest.raises(ConfigurationError, match="is in use by process"):
            async with open_runtime(settings):
                pass
    async with open_runtime(settings) as again:
        assert again.log.failed is False


async def test_what_was_opened_is_closed_where_a_later_part_cannot_be(settings: Settings, ledger: list[str]) -> None:
    async with open_runtime(settings):
        pass
    with sqlite3.connect(settings.data_dir / "events.db") as other:
        other.execute("PRAGMA user_version=99")
    other.close()
    ledger.clear()
    for _ in range(2):  # the second time shows that the first let go of the directory
        with pytest.raises(ValueError, match="schema version 99"):
            async with open_runtime(settings):
                pass
    assert ledger == []


async def test_runs_are_left_to_their_journals_also_where_the_server_breaks(settings: Settings) -> None:
    async def break_in_the_middle() -> None:
        async with AsyncExitStack() as stack:
            runtime = await stack.enter_async_context(open_runtime(settings, (Patient,)))
            device = await stack.enter_async_context(connected_user(runtime, "user_ada"))
            device.send(type="execute_agent", agent="patient", message="m")
            await device.wire.until("agent_thinking")
            raise KeyError("broken")

    with pytest.raises(KeyError, match="broken"):
        await break_in_the_middle()
    async with open_runtime(settings, (Patient,)) as runtime:
        assert runtime.runs.recovery.taken_over == 1


class Patient:
    """Never ends by itself."""

    name, description, tools = "patient", "Waits.", frozenset[str]()

    async def run(self, scope: Any) -> Any:
        await scope.think("waiting")
        await asyncio.Event().wait()


async def test_a_revocation_ends_connections_and_runs_at_once(settings: Settings) -> None:
    async with open_runtime(settings, (Patient,)) as runtime, connected_user(runtime, "user_ada") as device:
        device.send(type="execute_agent", agent="patient", message="m")
        await device.wire.until("agent_thinking")
        await runtime.revocations.revoke("user_ada", runtime.clock.now_ms())
        assert device.wire.closed == (4503, "revoked")
        for active in runtime.runs.scheduler.of_user("user_ada"):
            assert active.engine.cancelled_by == "operator"


async def test_a_log_that_fails_ends_the_process(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    sent: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "kill", lambda pid, number: sent.append((pid, number)))
    with caplog.at_level(logging.CRITICAL, "netra.wiring"):
        wiring._stop_on_failure(sqlite3.OperationalError("disk full"))
    assert sent == [(os.getpid(), signal.SIGTERM)]
    assert "the event log failed; stopping" in caplog.text


async def test_each_source_of_tokens_has_its_keys(tmp_path: Path) -> None:
    sources = (
        DEVELOPMENT,
        TokenSource("secret", ("HS256",), secret=b"s" * 32),
        TokenSource("jwks", ("RS256",), url="https://issuer.example/keys"),
        TokenSource("oidc", ("RS256",), issuer="https://issuer.example", audience="netra"),
    )
    async with open_runtime(Settings(data_dir=tmp_path / "data", token_sources=sources)) as runtime:
        kinds = [type(trusted.keys).__name__ for trusted in runtime.authentication._sources]
    assert kinds == ["StaticKeys", "StaticKeys", "JwksKeys", "JwksKeys", "SyntheticSignIns"]


async def test_a_model_is_there_only_where_one_is_configured(tmp_path: Path) -> None:
    async with open_runtime(Settings(data_dir=tmp_path / "one")) as runtime:
        assert runtime.services.model is None
    async with open_runtime(Settings(data_dir=tmp_path / "two", model="openai:gpt-4o-mini")) as runtime:
        assert type(runtime.services.model).__name__ == "PydanticAIModel"


async def test_a_ledger_can_be_opened_alone(settings: Settings, ledger: list[str]) -> None:
    async with open_ledger(settings):
        assert ledger == ["made", "started"]
    assert ledger == ["made", "started", "closed"]


@pytest.mark.validation_point("wiring.adapters")
async def test_settings_that_contradict_each_other_open_nothing_also_where_they_were_made_by_hand(
    tmp_path: Path,
) -> None:
    settings = Settings(data_dir=tmp_path / "data", redis_url="redis://127.0.0.1", workers=2)
    with pytest.raises(ConfigurationError) as refused:
        async with open_runtime(settings, slot=1):
            pass
    assert len(refused.value.faults) == 2
    assert all("NETRA_DATABASE_URL" in fault for fault in refused.value.faults)
    assert not settings.data_dir.exists()
