import asyncio
import signal
from pathlib import Path

import pytest

from netra_backend.app.adapters.process.child import ChildDied, ChildProcess

ECHO = """
import os
from netra_backend.app.adapters.process.child_runtime import *
pipe = Pipe()
while (message := pipe.receive()) is not None:
    if "exit" in message: os._exit(message["exit"])
    if "flood" in message:
        while True: os.write(pipe._outgoing, bytes(1 << 16))
    if "huge" in message: os.write(pipe._outgoing, (1 << 31).to_bytes(4, "big"))
    pipe.send(msgspec.json.encode({"echo": message, "environment": sorted(os.environ), "fds": len(os.listdir("/dev/fd"))}))
"""


@pytest.fixture
async def child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ChildProcess:
    (tmp_path / "echo_child.py").write_text(ECHO)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("SECRET_KEY", "do not hand on")
    return await ChildProcess.start("echo_child")


async def test_a_child_answers_until_it_is_killed(child: ChildProcess) -> None:
    await child.send({"a": 1})
    assert (await child.receive())["echo"] == {"a": 1}
    assert child.alive
    child.kill()
    assert await child.ended() == -signal.SIGKILL
    assert not child.alive
    child.kill()


async def test_a_child_inherits_neither_keys_nor_files(child: ChildProcess) -> None:
    await child.send({})
    told = await child.receive()
    child.kill()
    await child.ended()
    assert "SECRET_KEY" not in told["environment"]
    assert "HOME" in told["environment"]
    assert told["fds"] <= 7


async def test_a_child_that_ends_instead_of_answering_is_told_with_its_status(child: ChildProcess) -> None:
    await child.send({"exit": 3})
    with pytest.raises(ChildDied) as caught:
        await child.receive()
    assert caught.value.status == 3
    with pytest.raises(ChildDied):
        await child.send({"more": "x" * 10_000_000})


async def test_a_child_that_goes_on_talking_when_nobody_listens_is_seen_to_end(child: ChildProcess) -> None:
    await child.send({"flood": True})
    assert child._process.stdout is not None
    while child._process.stdout._transport.is_reading():  # type: ignore[attr-defined]  # noqa: ASYNC110 - tells nobody
        await asyncio.sleep(0)
    child.kill()
    async with asyncio.timeout(30):
        assert await child.ended() == -signal.SIGKILL


async def test_a_child_that_speaks_out_of_bounds_is_ended(child: ChildProcess) -> None:
    await child.send({"huge": True})
    with pytest.raises(ChildDied) as caught:
        await child.receive()
    assert caught.value.status == -signal.SIGKILL
