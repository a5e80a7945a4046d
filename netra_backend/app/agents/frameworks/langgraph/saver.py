"""LangGraph's checkpoints, kept in the run's own log: in its commits, for its owner alone, and gone with its thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    WRITES_IDX_MAP,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
)
from langgraph.checkpoint.memory import InMemorySaver

from ...supervisor.branches import performed
from .packing import SERDE
from .threads import on_loop

Typed = tuple[str, bytes]


class KeptCheckpoint(msgspec.Struct, frozen=True, tag="checkpoint"):
    """One checkpoint of a namespace (``""``: the graph itself), with the values of the channels that changed."""

    namespace: str
    checkpoint_id: str
    parent_id: str | None
    checkpoint: Typed
    metadata: Typed
    values: list[tuple[str, str, str, bytes]]


class KeptWrites(msgspec.Struct, frozen=True, tag="writes"):
    """What a task wrote before the superstep of its checkpoint ended: task, index, channel, type and body, path."""

    namespace: str
    checkpoint_id: str
    writes: list[tuple[str, int, str, str, bytes, str]]


_Kept = KeptCheckpoint | KeptWrites
_DECODER = msgspec.json.Decoder(_Kept)
_STATE_DECODER = msgspec.json.Decoder(list[_Kept])


class JournalSaver(InMemorySaver):
    """Holds the checkpoints of one run in memory. Each that is new is given to ``keep`` before the graph goes on; ``restore``
    takes them in again. ``superstep`` is called when a superstep of the graph itself has ended."""

    def __init__(
        self,
        thread_id: str,
        loop: asyncio.AbstractEventLoop,
        keep: Callable[[bytes, str], None],
        superstep: Callable[[], None],
    ) -> None:
        super().__init__(serde=SERDE)
        self._thread_id = thread_id
        self._loop = loop
        self._keep = keep
        self._superstep = superstep
        self._count = 0

    # --- what was kept ----------------------------------------------------------------------------------------------

    def restore(self, kept: Iterable[bytes]) -> bool:
        """Take in what earlier attempts at this run kept, in its order. Whether its input is part of it."""
        has_begun = False
        for body in kept:
            self._count += 1
            record = _DECODER.decode(body)
            self._take(record)
            has_begun = has_begun or (isinstance(record, KeptCheckpoint) and not record.namespace)
        return has_begun

    def load(self, state: bytes) -> None:
        """Begin with the state that an earlier run of the thread ended with."""
        for record in _STATE_DECODER.decode(state):
            self._take(record)

    def state(self, deltas: Sequence[str]) -> bytes:
        """The newest checkpoints, for the thread's next run: of the graph, and of the subgraphs that have a memory of their own.
        The channels ``deltas`` are made of the writes since an earlier checkpoint, which comes, too."""
        found: list[_Kept] = []
        for namespace, checkpoints in self.storage[self._thread_id].items():
            if ":" in namespace or not checkpoints:  # of one task alone
                continue
            newest: str | None = max(checkpoints)
            open_deltas = set(deltas)
            is_first = True
            while newest is not None and newest in checkpoints and (is_first or open_deltas):
                record = self._checkpoint(namespace, newest)
                found.append(record)
                if not is_first and (writes := self._writes(namespace, newest, None)).writes:
                    found.append(writes)
                open_deltas -= {channel for channel, _, kind, _ in record.values if kind != "empty"}
                is_first = False
                newest = record.parent_id
        return msgspec.json.encode(found)

    @property
    def newest(self) -> str:
        """The graph's newest checkpoint; ``""`` if there is none."""
        return max(self.storage[self._thread_id][""], default="")

    def _take(self, record: _Kept) -> None:
        place = self._thread_id, record.namespace, record.checkpoint_id
        if isinstance(record, KeptWrites):
            for task_id, index, channel, kind, body, path in record.writes:
                self.writes[place][task_id, index] = task_id, channel, (kind, body), path
            return
        for channel, version, kind, body in record.values:
            self.blobs[self._thread_id, record.namespace, channel, version] = kind, body
        stored = record.checkpoint, record.metadata, record.parent_id
        self.storage[self._thread_id][record.namespace][record.checkpoint_id] = stored

    def _checkpoint(
        self, namespace: str, checkpoint_id: str, versions: ChannelVersions | None = None
    ) -> KeptCheckpoint:
        checkpoint, metadata, parent = self.storage[self._thread_id][namespace][checkpoint_id]
        if versions is None:
            versions = self.serde.loads_typed(checkpoint)["channel_versions"]
        values = [
            (channel, str(version), *self.blobs[place])
            for channel, version in (versions or {}).items()
            if (place := (self._thread_id, namespace, channel, version)) in self.blobs
        ]
        return KeptCheckpoint(namespace, checkpoint_id, parent, checkpoint, metadata, values)

    def _writes(self, namespace: str, checkpoint_id: str, only: set[tuple[str, int]] | None) -> KeptWrites:
        stored = self.writes.get((self._thread_id, namespace, checkpoint_id), {})
        return KeptWrites(
            namespace,
            checkpoint_id,
            [
                (task_id, index, channel, *typed, path)
                for (task_id, index), (_, channel, typed, path) in stored.items()
                if only is None or (task_id, index) in only
            ],
        )

    def _record(self, record: _Kept) -> None:
        if performed() is None:  # a graph that a tool runs is part of that call
            self._count += 1
            self._keep(msgspec.json.encode(record), str(self._count))

    # --- what LangGraph asks for ------------------------------------------------------------------------------------

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Store and keep a checkpoint."""
        saved = super().put(config, checkpoint, metadata, new_versions)
        namespace = config["configurable"].get("checkpoint_ns", "")
        self._record(self._checkpoint(namespace, checkpoint["id"], new_versions))
        if not namespace:
            self._superstep()
        return saved

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Store and keep what a task wrote."""
        super().put_writes(config, writes, task_id, task_path)
        configurable = config["configurable"]
        indexes = {(task_id, WRITES_IDX_MAP.get(channel, index)) for index, (channel, _) in enumerate(writes)}
        self._record(self._writes(configurable.get("checkpoint_ns", ""), configurable["checkpoint_id"], indexes))

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """The same, from a thread."""
        return asyncio.run_coroutine_threadsafe(
            self.aput(config, checkpoint, metadata, new_versions), self._loop
        ).result()

    def put_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """The same, from a thread."""
        asyncio.run_coroutine_threadsafe(self.aput_writes(config, writes, task_id, task_path), self._loop).result()

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """The checkpoint that the configuration names, else the newest."""
        return on_loop(self._loop, super().get_tuple, config)
