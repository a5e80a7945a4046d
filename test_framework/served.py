"""A whole server on a loopback socket, in the test's own process: its parts can be looked at while it serves."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import msgspec
import uvicorn

from netra_backend.app.agents.interface import AgentResult, RunScope
from netra_backend.app.agents.tools.definition import Tool
from netra_backend.app.config import Settings
from netra_backend.app.core.blobs import Blob
from netra_backend.app.core.events import AgentCompleted
from netra_backend.app.core.history import RunRecord
from netra_backend.app.core.identity import BASE_SCOPES, Identity
from netra_backend.app.server.application import Application
from netra_backend.app.server.http_application import HttpApplication
from netra_backend.app.server.runtime import Runtime
from netra_backend.app.server.uvicorn_server import configuration
from netra_backend.app.wiring import create_app

from . import echo
from .echo import Said, repeat
from .local_runtime import connected_user
from .users import LocalUsers, TestUser
from .waiting import until


class Waiting:
    """Asks its user before it repeats."""

    name = "waiting"
    description = "Repeats what it is told, once it may."
    tools = frozenset({"repeat_if_allowed"})

    async def run(self, scope: RunScope) -> AgentResult:
        """Call the tool; say whether it was allowed."""
        outcome = await scope.use_tool("repeat_if_allowed", text=scope.message)
        return AgentResult("allowed" if outcome.ok else "denied")


class Patient:
    """Never ends by itself."""

    name = "patient"
    description = "Waits."
    tools: frozenset[str] = frozenset()

    async def run(self, scope: RunScope) -> AgentResult:
        """Think once, then wait until somebody stops it."""
        await scope.think("waiting")
        await asyncio.get_running_loop().create_future()
        return AgentResult("")


class Curious:
    """Asks its user for a whole number."""

    name = "curious"
    description = "Asks how many."
    tools: frozenset[str] = frozenset()

    async def run(self, scope: RunScope) -> AgentResult:
        """Ask; answer what was answered."""
        return AgentResult(str(await scope.ask_user("How many?", schema={"type": "integer", "minimum": 1})))


IF_ALLOWED = Tool("repeat_if_allowed", "Repeats a text, once it may.", Said, repeat, idempotent=True, approval=True)
AGENTS: Final = (*echo.AGENTS, Waiting, Patient, Curious)
TOOLS: Final = (*echo.TOOLS, IF_ALLOWED)


class _Server(uvicorn.Server):
    """Tells when it listens; leaves signals to the test runner."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        self.listening.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@dataclass(frozen=True, slots=True)
class Served:
    """A server that listens at ``url``."""

    url: str
    port: int
    application: Application
    users: LocalUsers

    @property
    def runtime(self) -> Runtime:
        runtime = self.application.runtime
        assert runtime is not None
        return runtime

    @property
    def http_application(self) -> HttpApplication:
        made = self.application.http
        assert made is not None
        return made

    def user(self, *scopes: str) -> TestUser:
        """Somebody new."""
        return self.users.make("somebody@example.org", scopes=scopes)

    def identity(self, user: TestUser) -> Identity:
        """This user, signed in at this moment."""
        return Identity(user.id, BASE_SCOPES, None, self.runtime.clock.now_ms())

    def http(self, user: TestUser | None, **headers: str) -> httpx.AsyncClient:
        """HTTP with this user's token, or without any."""
        bearer = {"Authorization": f"Bearer {user.token}"} if user is not None else {}
        return httpx.AsyncClient(base_url=self.url, headers={**bearer, **headers}, trust_env=False, timeout=20)

    until = staticmethod(until)
    """What a condition gives once it holds: the server is in this process, and tells nobody."""

    async def ran(self, user: TestUser, message: str = "hello", **fields: Any) -> dict[str, Any]:
        """Have a run of this user's made and ended; its ``accepted`` frame."""
        async with connected_user(self.runtime, user.id) as device:
            device.send(type="execute_agent", **{"agent": "echo", "message": message, **fields})
            accepted = await device.wire.until("accepted")
            await device.ended_run()
            return accepted

    async def with_blob(self, user: TestUser, blob: Blob) -> str:
        """The id of a new thread of this user's, one event of which has this blob."""
        runtime = self.runtime
        accepted = await self.ran(user)
        head = await runtime.log.find(accepted["thread_id"])
        assert head is not None
        run = RunRecord(head, runtime.mint("run"), runtime.mint("req"), "echo", None, "", runtime.clock.now_ms())
        event = AgentCompleted(head.thread_id, run.run_id, head.top + 1, run.created_ms, {}, {}, 0)
        runtime.log.append(run, msgspec.json.encode(event), ends=True, blobs=[blob])
        await runtime.log.durable(run)
        return head.thread_id

    @asynccontextmanager
    async def running(self, user: TestUser, until: str, **fields: Any) -> AsyncIterator[tuple[Any, dict[str, Any]]]:
        """A run of this user's that goes on, and the first event of it of this type."""
        async with connected_user(self.runtime, user.id) as device:
            device.send(type="execute_agent", **{"message": "hello", **fields})
            yield device, await device.wire.until(until)


@asynccontextmanager
async def serve(
    data_dir: Path, agents: Iterable[Any] = (), *, plain_asgi: bool = False, **settings: Any
) -> AsyncIterator[Served]:
    """A server with these settings, and test agents beside its own; with uvicorn's own WebSocket protocol where asked."""
    made = Settings(data_dir=data_dir, port=0, **settings)
    application = create_app(made, agents=(*AGENTS, *agents), tools=TOOLS)
    config = configuration(application, made)
    if plain_asgi:
        config.ws = "websockets-sansio"
    server = _Server(config)
    serving = asyncio.create_task(server.serve())
    listening = asyncio.create_task(server.listening.wait())
    await asyncio.wait([serving, listening], return_when=asyncio.FIRST_COMPLETED)
    assert not serving.done(), "the server did not start"
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield Served(f"http://127.0.0.1:{port}", port, application, LocalUsers(data_dir))
    finally:
        server.should_exit = True
        await serving


Serve = Callable[..., AbstractAsyncContextManager[Served]]
