"""Markdown as HTML, rendered in two child processes: in each one text at a time, one of each user in turn, none for longer than
its bound. One of them renders what cannot take long, so that nobody waits there for what another user makes long."""

from __future__ import annotations

import asyncio
import re
from typing import Any, Final

from ...services.safe_html import MAX_CHARACTERS, as_written
from ...services.shared_places import SharedPlaces
from .child import ChildDied, ChildProcess

MODULE: Final = "netra_backend.app.adapters.process.html_worker"


_QUICK_MARKS: Final = 1_000
_QUICK_CHARACTERS: Final = 8_192
_QUICK_WORK: Final = 4_000_000
_QUICK_CELLS: Final = 2_000
_MARKS: Final = re.compile(r"[!\[*_`&<>\\~|]|[-+] |[0-9][.)] ")
"""What a text can be made slow with: each may begin something that is looked for up to the end, or that others are in."""


class HtmlRenderer:
    """Both children are started with their first text. Call ``close`` at the end."""

    def __init__(self, within_s: float) -> None:
        self._quick, self._slow = HtmlChild(within_s), HtmlChild(within_s)

    async def html(self, owner: str, markdown: str) -> str:
        """``safe_html`` of it; as it is written if that takes too long or too much. If the caller is cancelled before its turn
        comes, it is not rendered."""
        if len(markdown) > MAX_CHARACTERS:
            return as_written(markdown)
        return await (self._quick if is_quick(markdown) else self._slow).html(owner, markdown)

    async def close(self) -> None:
        """End the children, and wait until they have ended."""
        await self._quick.close()
        await self._slow.close()


def is_quick(markdown: str) -> bool:
    """Whether it takes some milliseconds. A mark may be looked for up to the end of the text, and a table has as many cells in
    each line as in its first one: a report has far fewer than what is asked here."""
    if len(markdown) > _QUICK_CHARACTERS:
        return False
    marks = len(_MARKS.findall(markdown))
    if marks > _QUICK_MARKS or marks * len(markdown) > _QUICK_WORK:
        return False
    lines = markdown.splitlines()
    pipes = max((line.count("|") for line in lines), default=0)
    return not pipes or len(lines) * (pipes + 1) <= _QUICK_CELLS


class HtmlChild:
    """One child, started with the first text."""

    def __init__(self, within_s: float) -> None:
        self._within_s = within_s
        self._places = SharedPlaces(1)
        self._child: ChildProcess | None = None
        self._rendering: asyncio.Task[str] | None = None

    async def html(self, owner: str, markdown: str) -> str:
        """As ``HtmlRenderer.html``."""
        async with self._places.place(owner):
            if self._rendering is not None:  # its caller has left amid it; a child that is ended for that costs more
                await asyncio.wait([self._rendering])
            self._rendering = asyncio.create_task(self._rendered(markdown))
            return await asyncio.shield(self._rendering)

    async def _rendered(self, markdown: str) -> str:
        try:
            child = self._child
            if child is None:
                child = self._child = await ChildProcess.start(MODULE)
                await self._answer(child)
            await child.send({"text": markdown})
            html: str = (await self._answer(child))["html"]
        except (TimeoutError, ChildDied):
            await self._end()
            return as_written(markdown)
        except BaseException:  # what the child says next would be the answer to this
            await self._end()
            raise
        return html

    async def _answer(self, child: ChildProcess) -> dict[str, Any]:
        async with asyncio.timeout(self._within_s):
            return await child.receive()

    async def _end(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.kill()
            await child.ended()

    async def close(self) -> None:
        """End it, and wait until it has ended."""
        if self._rendering is not None:
            self._rendering.cancel()
            await asyncio.wait([self._rendering])
        await self._end()
