"""Servers that a zygote forks, one at a time, on one data directory."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO, Any

from ..reaper import in_child
from ..server_process import ServerFailed


class ForkServer:
    """``url`` is where the server listens that was started last."""

    def __init__(self, process: asyncio.subprocess.Process, log: IO[bytes], data_dir: Path, app: str) -> None:
        self.url = ""
        self.data_dir = data_dir
        self._process = process
        self._log = log
        self._app = app

    async def start(self) -> None:
        """Fork a server and wait until it is ready. Raises ``ServerFailed``."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"data_dir": str(self.data_dir), "app": self._app}).encode() + b"\n")
        told = await self._told("ready", "ended")
        if "url" not in told:
            raise ServerFailed(f"the server ended with {told['ended']}: {self.log()[-2000:]}")
        self.url = told["url"]

    async def ended(self) -> int:
        """Wait until the server has ended; its exit code, ``-9`` for SIGKILL."""
        return int((await self._told("ended"))["ended"])

    def log(self) -> str:
        """All that the servers logged so far."""
        size = os.fstat(self._log.fileno()).st_size
        return os.pread(self._log.fileno(), size, 0).decode(errors="replace")

    async def _told(self, *names: str) -> dict[str, Any]:
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            told: dict[str, Any] = json.loads(line) if line.startswith(b"{") else {}
            if any(name in told for name in names):
                return told
        raise ServerFailed(f"the process that starts servers has ended: {self.log()[-2000:]}")


@asynccontextmanager
async def fork_server(
    data_dir: Path,
    app: str,
    moment: Path,
    *,
    settings: Mapping[str, str],
    directory: Path | None,
    loaded: Sequence[str],
) -> AsyncIterator[ForkServer]:
    """A zygote for servers of this app. It ends with the block, and its server with it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("NETRA_")}
    with tempfile.TemporaryFile() as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "test_framework.crashes.zygote", str(moment), *loaded),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
            env=kept | dict(settings),
            cwd=directory,
            preexec_fn=in_child(),
            start_new_session=True,
        )
        try:
            server = ForkServer(process, log, data_dir, app)
            await server._told("loaded")
            yield server
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
            process._transport.close()  # type: ignore[attr-defined]  # else its pipes are closed after the loop
