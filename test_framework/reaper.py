"""Runs one server for as long as whoever started it lives, and leaves nothing behind.

A program of its own (``python reaper.py OPTIONS``), started by ``services``; it imports the standard library only. Its
standard input is a pipe that the test process holds: when that closes, for whatever reason, the server is ended and its
directory removed. Where the reaper itself is killed, the kernel ends the server (Linux: parent-death signal).

On standard output it writes one JSON line each time the server is ready: ``{"ready": true, "pid": …}``, or, where it ended
instead, ``{"ready": false, "log": …}``. On standard input it takes ``restart``: kill the server, start it again.
"""

from __future__ import annotations

import ctypes
import json
import os
import selectors
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_LOG_TAIL = 4000


def in_child() -> Callable[[], None]:
    """What a child calls before exec: take Ctrl-C as usual, and (Linux) be killed by the kernel when its parent dies."""
    prctl = ctypes.CDLL(None).prctl if sys.platform.startswith("linux") else None

    def arm() -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        if prctl is not None:
            prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)

    return arm


def adopt_orphans() -> None:
    """Become the parent of whatever the server's processes leave behind (Linux; elsewhere init does it)."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def end_orphans() -> None:
    """Kill and reap adopted processes, so that a restarted server finds its memory and its files free."""
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    while children.exists() and (pids := children.read_text().split()):
        for pid in map(int, pids):
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


class Reaper:
    """One server, its log, and the pipe that keeps it alive."""

    def __init__(self, options: dict[str, Any]) -> None:
        self._command: list[str] = options["command"]
        self._marker: bytes = options["ready"].lower().encode()
        self._directory = Path(options["directory"])
        self._user: int | None = options.get("user")
        self._grace_s: float = options.get("grace_s", 10.0)
        self._log = bytearray()
        self._process: subprocess.Popen[bytes] | None = None
        self._ready = False

    def watch(self) -> None:
        """Start the server; return when standard input has closed and everything is gone."""
        with selectors.DefaultSelector() as selector:
            selector.register(sys.stdin.buffer.fileno(), selectors.EVENT_READ, "owner")
            self._start(selector)
            alive = True
            while alive:
                for key, _ in selector.select():
                    data = os.read(key.fd, 65536)
                    if key.data == "owner":
                        alive = self._command_of_owner(data, selector)
                    elif data:
                        self._read_log(data)
                    else:
                        self._ended(selector, key.fd)
        self._stop(signal.SIGINT)
        shutil.rmtree(self._directory, ignore_errors=True)

    def _start(self, selector: selectors.BaseSelector) -> None:
        self._ready = False
        identity: dict[str, Any] = {}
        if self._user is not None:
            identity = {"user": self._user, "group": self._user, "extra_groups": []}
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=self._directory,
            start_new_session=True,
            preexec_fn=in_child(),
            **identity,
        )
        assert self._process.stdout is not None
        selector.register(self._process.stdout.fileno(), selectors.EVENT_READ, "server")

    def _command_of_owner(self, data: bytes, selector: selectors.BaseSelector) -> bool:
        if b"restart" in data:
            self._stop(signal.SIGKILL)
            for key in [key for key in selector.get_map().values() if key.data == "server"]:
                selector.unregister(key.fileobj)
            self._start(selector)
        return bool(data)

    def _read_log(self, data: bytes) -> None:
        self._log += data
        del self._log[:-_LOG_TAIL]
        if not self._ready and self._marker in self._log.lower():
            assert self._process is not None
            self._ready = True
            self._log.clear()
            self._tell({"ready": True, "pid": self._process.pid})

    def _ended(self, selector: selectors.BaseSelector, fd: int) -> None:
        selector.unregister(fd)
        if not self._ready:
            self._tell({"ready": False, "log": self._log.decode(errors="replace")})

    def _tell(self, line: dict[str, Any]) -> None:
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()

    def _stop(self, how: signal.Signals) -> None:
        process = self._process
        assert process is not None
        if process.poll() is None:
            process.send_signal(how)
        try:
            process.wait(self._grace_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        end_orphans()
        assert process.stdout is not None
        process.stdout.close()


def main() -> None:
    """Read the options from the only argument and watch until the owner goes."""
    # Ctrl-C in a terminal is for the tests; the end of the pipe is what ends a reaper.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    adopt_orphans()
    Reaper(json.loads(sys.argv[1])).watch()


if __name__ == "__main__":
    main()
