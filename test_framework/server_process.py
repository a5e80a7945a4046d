"""A real ``netra serve`` process of a test's own: started on a free port, ended with whoever started it."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, Self

from .fleet_services import fleet_settings, worker_count
from .reaper import in_child

_COMMAND: Final = (sys.executable, "-c", "from netra_backend.app.cli import main; main()")
_END_SECONDS: Final = 15.0


class ServerFailed(RuntimeError):
    """The server did not start; the message is what it said."""


class ServerProcess:
    """One server. ``url`` is where it listens; what it logs is kept in a file and read by ``log``.

    ``settings`` are environment variables; of the test's own environment no setting of the application is passed on.
    ``app`` is what ``netra serve --app`` takes: agents and tools that are added to the server's own; with ``reload`` it is
    started anew when they change. ``workers``: how many processes it has, by default as many as the suite is run with
    (``fleet_services``). ``directory``: the current directory of the server and of its commands.
    """

    program: Sequence[str] = _COMMAND
    """What is run with the arguments of ``netra serve``."""

    def __init__(
        self,
        data_dir: Path,
        settings: Mapping[str, str] | None = None,
        *,
        app: str | None = None,
        reload: bool = False,
        workers: int | None = None,
        directory: Path | None = None,
    ) -> None:
        self.data_dir = data_dir
        self.url = ""
        self._serve = ("serve", *(() if app is None else ("--app", app)), *(("--reload",) if reload else ()))
        self._directory = directory
        self._workers = worker_count() if workers is None else workers
        self._settings = {**(fleet_settings(data_dir) if workers is None else {}), **(settings or {})}
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None

    @property
    def websocket_url(self) -> str:
        """The same for WebSockets."""
        return self.url.replace("http", "ws", 1)

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The running process."""
        if self._process is None:
            raise RuntimeError("the server is not running: call start")
        return self._process

    def start(self, port: int = 0) -> Self:
        """Start (again, on the same data) and wait until it is ready. Raises ``ServerFailed``."""
        self.launch(port)
        return self.wait_until_ready()

    def launch(self, port: int = 0) -> None:
        """Start without waiting; ``port`` 0 is a free one. ``wait_until_ready`` must follow."""
        if self._log is None:  # outside of the data directory, which is the server's own
            self._log = tempfile.TemporaryFile()  # noqa: SIM115  # ``close`` closes it
        place = ("--port", str(port), "--data-dir", str(self.data_dir), "--workers", str(self._workers))
        self._process = self._begin([*self._serve, *place], self._log)

    def _begin(self, arguments: Sequence[str], log: IO[bytes]) -> subprocess.Popen[bytes]:
        """A process that runs ``netra`` with these arguments, and logs there."""
        return subprocess.Popen(
            [*self.program, *arguments],
            stdout=subprocess.PIPE,
            stderr=log,
            env=self.environment(),
            cwd=self._directory,
            preexec_fn=in_child(),
        )

    def wait_until_ready(self) -> Self:
        """Wait for a launched server; it may be waited for in another thread. Raises ``ServerFailed``."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            code = self._ended()
            raise ServerFailed(f"netra serve ended with {code}: {self.log()[-2000:]}")
        self.url = json.loads(line)["url"]
        return self

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run another ``netra`` command with the same settings and data."""
        return subprocess.run(
            [*_COMMAND, *arguments],
            env=self.environment(),
            cwd=self._directory,
            capture_output=True,
            text=True,
            check=False,
        )

    def stop(self) -> int:
        """End it by SIGTERM, as an operator does; its exit code."""
        self.process.terminate()
        return self._ended()

    def kill(self) -> None:
        """End it by SIGKILL, as a crash does. Where it has several processes, they have ended with it on return."""
        with ExitStack() as stack:
            others = [_watched(pid, stack) for pid in self.children()] if self._workers > 1 else []
            self.process.kill()
            self._ended()
            for each in others:
                select.select([each], [], [], _END_SECONDS)

    def children(self) -> list[int]:
        """The processes that it has started (Linux)."""
        pid = self.process.pid
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal: ``SIGSTOP`` freezes, ``SIGCONT`` thaws."""
        self.process.send_signal(number)

    def log(self) -> str:
        """All that it logged so far, over all its starts."""
        if self._log is None:
            return ""
        size = os.fstat(self._log.fileno()).st_size
        return os.pread(self._log.fileno(), size, 0).decode(errors="replace")

    def close(self) -> None:
        """End it if it runs, and forget its log."""
        if self._process is not None and self._process.poll() is None:
            self.kill()
        if self._log is not None:
            self._log.close()
            self._log = None

    def _ended(self) -> int:
        process = self.process
        try:
            code = process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(f"the server did not end within {_END_SECONDS:g} s of SIGTERM") from None
        assert process.stdout is not None
        process.stdout.close()
        self._process = None
        return code

    def environment(self) -> dict[str, str]:
        """What the server and its commands are started with."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("NETRA_") or name.startswith(("NETRA_TEST_", "NETRA_STAGING_"))
        }
        return kept | {"NETRA_DATA_DIR": str(self.data_dir)} | self._settings

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _watched(pid: int, stack: ExitStack) -> int:
    """A descriptor that can be read once the process has ended."""
    watched = os.pidfd_open(pid)
    stack.callback(os.close, watched)
    return watched


def json_lines(text: str) -> list[dict[str, Any]]:
    """The JSON objects among the lines of a command's output."""
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]
