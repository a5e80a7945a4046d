"""A child process of ours, seen from the parent: it gets messages, sends messages, and can be killed at any moment.

A message is plain JSON behind its length in four bytes, on the child's standard input and output. The child inherits neither
descriptors nor the environment (which holds keys), and ends with its parent: its input ends then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Protocol

import msgspec

from ...services.child_environment import child_command, child_environment
from .child_runtime import MAX_MESSAGE


class Process(Protocol):
    """As much of ``asyncio.subprocess.Process`` as a child needs."""

    @property
    def pid(self) -> int: ...

    @property
    def stdin(self) -> asyncio.StreamWriter | None: ...

    @property
    def stdout(self) -> asyncio.StreamReader | None: ...

    @property
    def returncode(self) -> int | None: ...

    def kill(self) -> None: ...

    async def wait(self) -> int: ...


class ChildDied(Exception):
    """The child ended without an answer; ``status`` is its exit status, negative for a signal."""

    def __init__(self, status: int) -> None:
        super().__init__(f"child ended with status {status}")
        self.status = status


class ChildProcess:
    """One child process. Make it with ``start``; it must be ended with ``kill`` and ``ended``."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._reading = asyncio.Lock()

    @classmethod
    async def start(cls, module: str) -> ChildProcess:
        """Run ``python -m module``."""
        process = await asyncio.create_subprocess_exec(
            *child_command(module),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=child_environment(),
        )
        return cls(process)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it has not been seen to end."""
        return self._process.returncode is None

    async def send(self, message: Mapping[str, Any]) -> None:
        """Hand one message over. Raises ``ChildDied``."""
        encoded = msgspec.json.encode(message)
        pipe = self._process.stdin
        assert pipe is not None  # asked for in start
        try:
            pipe.write(len(encoded).to_bytes(4, "big") + encoded)
            await pipe.drain()
        except (BrokenPipeError, ConnectionResetError):
            raise ChildDied(await self._process.wait()) from None

    async def receive(self) -> dict[str, Any]:
        """The child's next message. Raises ``ChildDied`` where it ends instead, or speaks out of bounds."""
        pipe = self._process.stdout
        assert pipe is not None  # asked for in start
        async with self._reading:
            try:
                size = int.from_bytes(await pipe.readexactly(4), "big")
                if size <= MAX_MESSAGE:
                    return msgspec.json.decode(await pipe.readexactly(size), type=dict[str, Any])
            except asyncio.IncompleteReadError:
                raise ChildDied(await self._process.wait()) from None
        self.kill()
        raise ChildDied(await self.ended())

    def kill(self) -> None:
        """End it now, whatever it does. Safe to call twice."""
        if self._process.returncode is None:
            try:
                self._process.kill()
            except ProcessLookupError:
                return

    async def ended(self) -> int:
        """Wait until it has ended, and return its exit status. What it said and nobody received is lost."""
        pipe = self._process.stdout
        assert pipe is not None  # asked for in start
        async with self._reading:
            # Of a process whose pipe was not read to its end, the loop never learns that it has ended.
            while await pipe.read(1 << 16):
                pass
        return await self._process.wait()
