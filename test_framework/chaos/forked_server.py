"""A real server that is forked from a process which has everything loaded (``loaded``), and runs ``netra serve`` from there."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import IO, Final, cast

from ..reaper import in_child
from ..server_process import ServerProcess

_LOADED: Final = "test_framework.chaos.loaded"


class ForkedServer(ServerProcess):
    """As a server that is started anew, without the seconds that its imports take. Each of its starts is a fork of the same
    process, which ends with this one."""

    def _begin(self, arguments: Sequence[str], log: IO[bytes]) -> subprocess.Popen[bytes]:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([_LOADED])
        near, far = context.Pipe(duplex=False)
        with far, Connection(os.dup(log.fileno()), readable=False) as logged:
            given = list(arguments), self.environment(), str(self._directory or Path.cwd()), far, logged
            process = context.Process(target=_serve, args=given)
            process.start()
        return cast("subprocess.Popen[bytes]", _Fork(process, near))


class _Fork:
    """A fork as its ``ServerProcess`` knows processes: that much of ``subprocess.Popen``."""

    def __init__(self, process: ForkServerProcess, stdout: Connection) -> None:
        assert process.pid is not None
        self.pid = process.pid
        self.stdout = os.fdopen(os.dup(stdout.fileno()), "rb")
        stdout.close()
        self._process = process

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        if (code := self._process.exitcode) is None:
            raise subprocess.TimeoutExpired("netra serve", timeout or 0.0)
        return code

    def send_signal(self, number: signal.Signals) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def _serve(
    arguments: list[str], environment: Mapping[str, str], directory: str, out: Connection, log: Connection
) -> None:
    """Runs in the fork."""
    in_child()()
    os.chdir(directory)
    sys.path.insert(0, directory)
    os.environ.clear()
    os.environ.update(environment)
    os.dup2(out.fileno(), 1)
    os.dup2(log.fileno(), 2)
    out.close()
    sys.argv = ["netra", *arguments]
    from netra_backend.app.cli import main

    main()
