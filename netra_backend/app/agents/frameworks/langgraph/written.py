"""What nodes write to LangGraph's stream writer, for the user: once, however often a node is run again from its top."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import Any

from ....core.step_keys import Branch
from ...interface import RunScope
from ...supervisor.branches import on_branch
from .results import shown
from .saver import JournalSaver


class Told:
    """Shows texts as text of the run, and anything else as what the agent thinks, in JSON. Each is known by the checkpoint that
    its node began at, and by what it says."""

    def __init__(self, scope: RunScope, saver: JournalSaver, base: str) -> None:
        self._scope = scope
        self._saver = saver
        self._base = base
        self._told: set[str] = set()
        self._counts: Counter[str] = Counter()

    def begin(self) -> None:
        """Nodes are run from here on, maybe again."""
        self._counts.clear()

    async def tell(self, chunk: Any) -> None:
        """Show it, unless it was shown before."""
        if not (text := shown(chunk)):
            return
        digest = hashlib.sha256(text.encode(errors="replace")).hexdigest()[:16]
        place = f"{self._base}written.{self._saver.newest}.{digest}"
        self._counts[place] += 1
        place = f"{place}.{self._counts[place]}/"
        if place in self._told:
            return
        self._told.add(place)
        with on_branch(Branch(place)):
            telling = self._scope.say(text) if isinstance(chunk, str) else self._scope.think(text)
        await telling
