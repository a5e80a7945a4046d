"""A child that was started before there was a loop."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from netra_backend.app.adapters.process import prestarted
from netra_backend.app.adapters.process.child import ChildDied, ChildProcess
from netra_backend.app.adapters.process.prestarted import begin, take

MODULE = "early_echo_child"
ECHO = """
import os
from netra_backend.app.adapters.process.child_runtime import *
pipe = Pipe()
while (message := pipe.receive()) is not None:
    if "exit" in message: os._exit(message["exit"])
    pipe.send(msgspec.json.encode({"echo": message, "environment": sorted(os.environ)}))
"""


@pytest.fixture(autouse=True)
def echo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The child's module; and no child is left behind."""
    (tmp_path / f"{MODULE}.py").write_text(ECHO)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("SECRET_KEY", "do not hand on")
    yield
    for child in prestarted._begun.values():
        child.kill()
        child.wait()
        prestarted._close(child)
    prestarted._begun.clear()


async def taken() -> ChildProcess:
    child = await take(MODULE)
    assert child is not None
    return child


async def test_it_answers_what_it_was_told_at_its_start_and_goes_on_from_there() -> None:
    begin(MODULE, {"first": 1})
    child = await taken()
    await child.send({"second": 2})
    assert [(await child.receive())["echo"] for _ in range(2)] == [{"first": 1}, {"second": 2}]
    assert child.alive
    child.kill()
    assert await child.ended() == -signal.SIGKILL
    assert not child.alive
    child.kill()


async def test_it_inherits_no_keys() -> None:
    begin(MODULE, {})
    child = await taken()
    told = await child.receive()
    assert "SECRET_KEY" not in told["environment"]
    child.kill()
    await child.ended()


async def test_it_is_taken_once() -> None:
    begin(MODULE, {})
    child = await taken()
    assert await take(MODULE) is None
    child.kill()
    await child.ended()


async def test_it_is_not_taken_by_another_process_than_the_one_that_began_it(monkeypatch: pytest.MonkeyPatch) -> None:
    begin(MODULE, {})
    with monkeypatch.context() as forked:
        forked.setattr(os, "getpid", lambda: -1)
        assert await take(MODULE) is None
    child = await taken()
    child.kill()
    await child.ended()


async def test_one_that_has_ended_is_not_given() -> None:
    begin(MODULE, {"exit": 3})
    prestarted._begun[os.getpid(), MODULE].wait()
    assert await take(MODULE) is None


async def test_one_that_ends_instead_of_answering_is_told_with_its_status() -> None:
    begin(MODULE, {})
    child = await taken()
    await child.receive()
    await child.send({"exit": 3})
    with pytest.raises(ChildDied) as caught:
        await child.receive()
    assert caught.value.status == 3
    with pytest.raises(ChildDied):
        await child.send({"more": "x" * 10_000_000})
