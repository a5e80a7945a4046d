"""LangGraph's store, over the values that agents keep for a user: in every namespace, the user is the first element."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from langgraph.store.base import BaseStore, GetOp, Item, ListNamespacesOp, Op, PutOp, Result, SearchOp
from langgraph.store.memory import InMemoryStore

from ....core.errors import StateConflict
from ...supervisor.branches import on_branch
from .graph_run import GraphRun, store_branch
from .threads import BlocksTheLoop, is_on

if TYPE_CHECKING:
    from ...supervisor.scope import EngineRunScope

Namespace = tuple[str, ...]
Page = dict[str, dict[str, Any]]

_PAGES: Final = 8
"""Over how many values the items of a namespace are spread."""
_MOST_TRIES: Final = 8
_INDEX: Final = "langgraph store"


class UserStore(BaseStore):
    """The store of one run: its user's. A namespace is taken for the user's whether or not it begins with the user's id. There is
    no search by meaning: ``query`` counts for nothing, as in a store of LangGraph's without an index."""

    def __init__(self, scope: EngineRunScope, run: GraphRun) -> None:
        self._scope = scope
        self._run = run
        self._user_id = scope.context.user_id

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        """The same, from a thread."""
        if is_on(self._run.loop):
            raise BlocksTheLoop(
                "In async code, await the store's aget, aput and asearch: the others would hold up the server."
            )
        return asyncio.run_coroutine_threadsafe(self.abatch(list(ops)), self._run.loop).result()

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        """One after the other, each once, wherever a node is run again. Raises ``ToolError`` if there is no room."""
        return [await self._once(op) for op in ops]

    async def _once(self, op: Op) -> Result:
        branch = store_branch()
        if branch.path in self._run.answers:
            found: Result = self._run.answers[branch.path]
            return found
        with self._run.deterministic(), on_branch(branch):
            done = await self._perform(op)
        self._run.answers[branch.path] = done
        return done

    async def _perform(self, op: Op) -> Result:
        if isinstance(op, PutOp):
            await self._put(self._own(op.namespace), op.key, None if op.value is None else dict(op.value))
            return None
        if isinstance(op, GetOp):
            kept = (await self._page(self._own(op.namespace), op.key)).get(op.key)
            return None if kept is None else _item(op.namespace, op.key, kept)
        held = InMemoryStore()
        if isinstance(op, SearchOp):
            op = op._replace(namespace_prefix=(self._user_id, *self._own(op.namespace_prefix)), query=None)
            await self._load(held, op.namespace_prefix)
        elif isinstance(op, ListNamespacesOp):
            await self._load(held, (self._user_id,))
        return held.batch([op])[0]

    def _own(self, namespace: Namespace) -> Namespace:
        """The namespace below the user's."""
        return namespace[1:] if namespace[:1] == (self._user_id,) else namespace

    # --- values -----------------------------------------------------------------------------------------------------

    async def _page(self, namespace: Namespace, key: str) -> Page:
        page: Page = await self._scope.state.get(_place(namespace, _page_of(key)), scope="user") or {}
        return page

    async def _load(self, held: InMemoryStore, prefix: Namespace) -> None:
        below = prefix[1:]
        for namespace, pages in await self._index():
            if tuple(namespace[: len(below)]) != below:
                continue
            whole = (self._user_id, *namespace)
            found: Page = {}
            for page in pages:
                found |= await self._scope.state.get(_place(tuple(namespace), page), scope="user") or {}
            for key, kept in sorted(found.items(), key=lambda each: (each[1]["created"], each[0])):
                held._data[whole][key] = _item(whole, key, kept)

    async def _put(self, namespace: Namespace, key: str, value: dict[str, Any] | None) -> None:
        number, now = _page_of(key), self._scope.now_ms
        if value is not None:
            await self._change(_INDEX, [], lambda index: _with_page(index, namespace, number))

        def changed(page: Page) -> Page | None:
            if value is None:
                page.pop(key, None)
            else:
                page[key] = {"value": value, "created": page.get(key, {}).get("created", now), "updated": now}
            return page or None

        await self._change(_place(namespace, number), {}, changed)

    async def _index(self) -> list[tuple[list[str], list[int]]]:
        return await self._scope.state.get(_INDEX, scope="user") or []

    async def _change(self, key: str, empty: Any, change: Callable[[Any], Any]) -> None:
        """Change a value that other runs of the user may change meanwhile."""
        for left in reversed(range(_MOST_TRIES)):
            before = await self._scope.state.get(key, scope="user")
            after = change(json.loads(json.dumps(empty if before is None else before)))
            if after == before:
                return
            try:
                await self._scope.state.set(key, after, scope="user")
            except StateConflict:
                if not left:
                    raise
            else:
                return


def _item(namespace: Namespace, key: str, kept: dict[str, Any]) -> Item:
    created, updated = (datetime.fromtimestamp(kept[name] / 1000, UTC) for name in ("created", "updated"))
    return Item(value=kept["value"], key=key, namespace=namespace, created_at=created, updated_at=updated)


def _page_of(key: str) -> int:
    return hashlib.sha256(key.encode(errors="replace")).digest()[0] % _PAGES


def _place(namespace: Namespace, page: int) -> str:
    digest = hashlib.sha256(json.dumps(namespace).encode()).hexdigest()[:32]
    return f"{_INDEX} {digest} {page}"


def _with_page(index: list[Any], namespace: Namespace, page: int) -> list[Any]:
    for each in index:
        if tuple(each[0]) == namespace:
            each[1] = sorted({*each[1], page})
            return index
    return [*index, [list(namespace), [page]]]
