"""What Netra's own requests to models cost a user, as one of the user's datasets: agents and reports speak of it as of any."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from weakref import WeakValueDictionary

import msgspec

from ..core.budgets import ModelUse
from ..core.errors import NetraError
from ..core.limits import USUAL, Limits
from ..ports import Clock, Ledger
from ..spend_ports import SpendStore

_LOG: Final = logging.getLogger("netra.budgets")
NAME: Final = "Netra's own model requests"
FORMAT: Final = "netra"
_NOT_OURS: Final = f"{NAME} (imported)"
"""What a user's own dataset is called where it was to be called as ours: by its name ours is known, and made anew."""
_AT_ONCE: Final = 3
"""So often it is made anew, at most, while further requests are settled."""
_KNOWN: Final = 10_000


class OwnUsageLedger:
    """``ports.Ledger`` over another one. Ahead of a question it brings the owner's dataset of own requests up to date if there
    are others since: the newest of them, and only from time to time, as ``limits`` say, so that the figures of one answer
    agree. Nothing is done for a user without any. ``scratch`` is a directory of this process."""

    def __init__(
        self,
        ledger: Ledger,
        store: SpendStore,
        clock: Clock,
        scratch: Path,
        mint: Callable[[str], str],
        limits: Limits = USUAL,
    ) -> None:
        self._ledger = ledger
        self._store = store
        self._clock = clock
        self._scratch = scratch
        self._mint = mint
        self._rows, self._fresh_s = limits.own_usage_rows, limits.own_usage_s
        self._known: OrderedDict[str, tuple[str, float]] = OrderedDict()
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def counts(self) -> Mapping[str, int]:
        return self._ledger.counts()

    async def start(self) -> None:
        await self._ledger.start()

    async def ask(self, owner: str, question: str, arguments: Mapping[str, Any]) -> Any:
        await self._bring_up(owner)
        return await self._ledger.ask(owner, question, arguments)

    async def import_usage(
        self, owner: str, path: Path, options: Mapping[str, Any], progress: Callable[[int, int], None]
    ) -> dict[str, Any]:
        if str(options.get("name")) == NAME:
            options = {**options, "name": _NOT_OURS}
        return await self._ledger.import_usage(owner, path, options, progress)

    async def datasets(self, owner: str) -> list[dict[str, Any]]:
        await self._bring_up(owner)
        return await self._ledger.datasets(owner)

    async def delete_dataset(self, owner: str, dataset_id: str) -> bool:
        return await self._ledger.delete_dataset(owner, dataset_id)

    async def delete_owner(self, owner: str) -> None:
        async with self._turns.setdefault(owner, asyncio.Lock()):
            self._known.pop(owner, None)
            await self._ledger.delete_owner(owner)

    async def trim(self, before_ms: int) -> int:
        return await self._ledger.trim(before_ms)

    async def close(self) -> None:
        await self._ledger.close()

    async def _bring_up(self, owner: str) -> None:
        async with self._turns.setdefault(owner, asyncio.Lock()):
            now = self._clock.monotonic()
            mark, since = self._known.get(owner, ("", -self._fresh_s))
            if now - since < self._fresh_s:
                return
            try:
                for _ in range(_AT_ONCE):
                    found = await self._store.mark(owner)
                    if found == mark:
                        break
                    await self._replace(owner)
                    mark = found
            except (NetraError, OSError) as fault:  # what the user imported is answered all the same
                _LOG.warning("own usage could not be brought up to date: %s", fault, extra={"user_id": owner})
                return
            self._known[owner] = mark, now
            self._known.move_to_end(owner)
            if len(self._known) > _KNOWN:
                self._known.popitem(last=False)

    async def _replace(self, owner: str) -> None:
        """Import the requests anew, then delete what was imported of them before; what another process imports meanwhile stays
        if it is later than that."""
        before = await self._own(owner)
        newest: deque[ModelUse] = deque(maxlen=self._rows)
        after = ("", 0)
        while page := await self._store.uses(owner, after):
            newest.extend(use for use in page if use.is_settled and use.amount.tokens)
            after = page[-1].call_id, page[-1].attempt
        made = ""
        if newest:
            path = self._scratch / f"{self._mint('own')}.jsonl"
            try:
                await asyncio.to_thread(_write, path, newest)
                told = await self._ledger.import_usage(owner, path, {"format": FORMAT, "name": NAME}, _nobody_waits)
                made = told["dataset_id"]
            finally:
                await asyncio.to_thread(path.unlink, missing_ok=True)
        for each in await self._own(owner):
            if each != made and (each in before or each < made):  # ids sort by time
                await self._ledger.delete_dataset(owner, each)

    async def _own(self, owner: str) -> list[str]:
        datasets = await self._ledger.datasets(owner)
        return [each["dataset_id"] for each in datasets if (each["format"], each["name"]) == (FORMAT, NAME)]


def _nobody_waits(done: int, total: int) -> None:
    """An import tells how far it is."""


def _write(path: Path, uses: deque[ModelUse]) -> None:
    with path.open("wb") as file:
        for use in uses:
            file.write(msgspec.json.encode(_record(use)) + b"\n")


def _record(use: ModelUse) -> dict[str, Any]:
    provider, colon, model = use.model.partition(":")
    return {
        "netra_call_id": f"{use.call_id}.{use.attempt}",
        "run_id": use.run_id,
        "ts": datetime.fromtimestamp(use.at_ms / 1000, UTC).isoformat(),
        "provider": provider if colon else None,
        "model": model if colon else use.model,
        "input_tokens": use.input_tokens,
        "output_tokens": use.output_tokens,
        "cache_read_tokens": use.cache_read_tokens,
        "cache_write_tokens": use.cache_write_tokens,
        "reasoning_tokens": use.reasoning_tokens,
    }
