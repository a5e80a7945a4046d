"""Blobs by their owners."""

from __future__ import annotations

import asyncio

import pytest

from netra_backend.app.core.blobs import Blob
from netra_backend.app.core.errors import NotFound
from netra_backend.app.services.blobs import Blobs
from test_framework.clock import ManualClock
from test_framework.log_story import LogStory
from test_framework.memory.event_log import MemoryEventLog
from test_framework.memory.store import MemoryStore


@pytest.mark.validation_point("blob.owned")
async def test_another_users_blob_is_refused_as_one_that_does_not_exist() -> None:
    story = LogStory()
    log = MemoryEventLog(MemoryStore(), ManualClock(), asyncio.get_running_loop(), story.publish, story.failed)
    story.tell(log)
    run, blob = story.run(story.thread("user_ada")), Blob.of(b"exact", "application/json")
    story.write(run, blobs=[blob])
    await log.durable(run)
    blobs = Blobs(log)
    assert await blobs.owned("user_ada", run.head.thread_id, blob.ref) == (b"exact", "application/json")
    told = []
    for owner, ref in (("user_bob", blob.ref), ("user_ada", "0" * 64)):
        with pytest.raises(NotFound) as refusal:
            await blobs.owned(owner, run.head.thread_id, ref)
        told.append((refusal.value.message, refusal.value.entry.id, refusal.value.field, refusal.value.hint))
    assert told[0] == told[1]
    await log.close()
