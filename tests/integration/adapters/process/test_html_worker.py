"""The child that makes HTML is ready before it is asked, and ends at its bounds instead of answering."""

from __future__ import annotations

import pytest

from netra_backend.app.adapters.process.child import ChildDied, ChildProcess
from netra_backend.app.adapters.process.html_renderer import MODULE


async def test_it_says_that_it_is_ready_and_then_answers() -> None:
    child = await ChildProcess.start(MODULE)
    try:
        assert await child.receive() == {}
        for text in ("*a*", "<b>"):
            await child.send({"text": text})
            assert "<p>" in (await child.receive())["html"]
    finally:
        child.kill()
        await child.ended()


async def test_what_becomes_too_large_ends_it() -> None:
    child = await ChildProcess.start(MODULE)
    await child.receive()
    await child.send({"text": "<" * 3_000_000})
    with pytest.raises(ChildDied):
        await child.receive()
