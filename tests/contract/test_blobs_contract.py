"""What every event log promises about the blobs of events (``ports.EventLog``): one suite over all adapters."""

from __future__ import annotations

from hashlib import sha256

import pytest

from netra_backend.app.core.blobs import BLOBS_AN_EVENT, Blob
from netra_backend.app.core.errors import DependencyUnavailable, LimitRefused
from netra_backend.app.core.history import FRAME_WEIGHT, MAX_CHUNK_BYTES, RunRecord
from netra_backend.app.core.limits import USUAL
from test_framework.clock import START_MS
from test_framework.ids import new_id
from tests.contract.conftest import StoryOverAnAdapter
from tests.contract.test_shared_event_log_contract import Sharing, opening, sharing

__all__ = ("opening", "sharing")

JSON = "application/json"


async def stored(story: StoryOverAnAdapter, run: RunRecord, blob: Blob) -> tuple[bytes, str] | None:
    return await story.log.blob(run.head.owner, run.head.thread_id, blob.ref)


class TestStoring:
    async def test_a_blob_is_there_once_its_event_is_committed_and_after_a_restart(
        self, story: StoryOverAnAdapter
    ) -> None:
        run, blob = story.run(story.thread()), Blob.of(b'{"exact": "\x00\xff"}', JSON)
        assert blob.ref == sha256(blob.body).hexdigest()
        frame = story.write(run, blobs=[blob])
        story.write(run, ends=True)
        await story.log.durable(run)
        assert await stored(story, run, blob) == (blob.body, JSON)
        assert story.published[0].frames[0] == frame  # what is published is the event, and not the blob
        await story.reopen()
        assert await stored(story, run, blob) == (blob.body, JSON)

    async def test_of_one_body_a_thread_has_one_blob_and_two_threads_have_two(self, story: StoryOverAnAdapter) -> None:
        one, other = story.run(story.thread()), story.run(story.thread())
        blob, again = Blob.of(b"same", JSON), Blob.of(b"same", "text/plain")
        story.write(one, blobs=[blob, blob])
        story.write(one, blobs=[again])
        await story.log.durable(one)
        story.write(one, blobs=[again])
        story.write(other, blobs=[again])
        await story.log.durable(one)
        await story.log.durable(other)
        assert await story.log.blob_refs("user_ada", one.head.thread_id) == [blob.named]
        assert await story.log.blob_refs("user_ada", other.head.thread_id) == [again.named]
        await story.log.delete_thread(one.head)
        assert await stored(story, other, again) == (b"same", "text/plain")

    async def test_an_empty_blob_is_one(self, story: StoryOverAnAdapter) -> None:
        run, blob = story.run(story.thread()), Blob.of(b"", JSON)
        story.write(run, blobs=[blob])
        await story.log.durable(run)
        assert await stored(story, run, blob) == (b"", JSON)

    async def test_blobs_are_named_in_order_and_in_pages(self, story: StoryOverAnAdapter) -> None:
        run = story.run(story.thread())
        blobs = [Blob.of(b"%d" % number, JSON) for number in range(130)]
        for blob in blobs:
            story.write(run, blobs=[blob])
        await story.log.durable(run)
        named, after = list[str](), ""
        while page := await story.log.blob_refs("user_ada", run.head.thread_id, after):
            assert len(page) <= 100
            named += [each.ref for each in page]
            after = page[-1].ref
        assert named == sorted(blob.ref for blob in blobs)


class TestOwners:
    async def test_a_blob_is_its_owners_in_its_thread_and_nobody_elses(self, story: StoryOverAnAdapter) -> None:
        run, blob = story.run(story.thread("user_ada")), Blob.of(b"ada's", JSON)
        story.write(run, blobs=[blob])
        bobs = story.run(story.thread("user_bob"))
        story.write(bobs, blobs=[Blob.of(b"bob's", JSON)])
        await story.log.durable(run)
        await story.log.durable(bobs)
        for owner, thread_id, ref in (
            ("user_bob", run.head.thread_id, blob.ref),
            ("user_ada", bobs.head.thread_id, blob.ref),
            ("user_bob", bobs.head.thread_id, blob.ref),
            ("", run.head.thread_id, blob.ref),
            ("user_ada", new_id("thr"), blob.ref),
            ("user_ada", run.head.thread_id, "0" * 64),
            ("user_ada", run.head.thread_id, blob.ref.upper()),
            ("user_ada", "thr_\x00", "\x00"),
        ):
            assert await story.log.blob(owner, thread_id, ref) is None
        assert await story.log.blob_refs("user_bob", run.head.thread_id) == []
        assert await story.log.blob_refs("user_ada", "\x00") == []


class TestBounds:
    async def test_chunks_stay_bounded_and_a_larger_blob_stands_in_one_of_its_own(
        self, story: StoryOverAnAdapter
    ) -> None:
        run = story.run(story.thread())
        large = Blob.of(b"L" * (MAX_CHUNK_BYTES + 1), JSON)
        story.write(run, "before")
        story.write(run, "large", blobs=[large])
        story.write(run, "after")
        halves = [Blob.of(bytes([number]) * (MAX_CHUNK_BYTES // 2 - 2 * FRAME_WEIGHT), JSON) for number in range(4)]
        for half in halves:
            story.write(run, "half", blobs=[half])
        await story.log.durable(run)
        cut = [len(told.frames) for told in story.published]
        assert cut == [1, 1, 2, 2, 1]  # the large one alone; a half only where the chunk stays below its bound
        assert await stored(story, run, large) == (large.body, JSON)
        for half in halves:
            assert await stored(story, run, half) is not None

    @pytest.mark.validation_point("blob.size")
    async def test_a_blob_above_the_limit_is_refused_and_nothing_of_its_event_is_appended(
        self, story: StoryOverAnAdapter
    ) -> None:
        run = story.run(story.thread())
        story.write(run)
        with pytest.raises(LimitRefused) as refusal:
            story.write(run, blobs=[Blob.of(b"x" * (USUAL.blob_bytes + 1), JSON)])
        assert refusal.value.entry.id == "payload_too_large"
        with pytest.raises(ValueError, match="at most 8 blobs"):
            story.write(run, blobs=[Blob.of(b"", JSON)] * (BLOBS_AN_EVENT + 1))
        assert run.head.top == 1
        largest = Blob.of(b"x" * USUAL.blob_bytes, JSON)
        story.write(run, blobs=[largest])
        await story.log.durable(run)
        assert await stored(story, run, largest) == (largest.body, JSON)


class TestDeleting:
    async def test_blobs_go_with_their_thread(self, story: StoryOverAnAdapter) -> None:
        gone, kept = story.run(story.thread()), story.run(story.thread())
        blob = Blob.of(b"gone", JSON)
        for run in (gone, kept):
            story.write(run, ends=True, blobs=[blob])
            await story.log.durable(run)
        await story.log.delete_thread(gone.head)
        assert await story.log.blob("user_ada", gone.head.thread_id, blob.ref) is None
        assert await story.log.blob("", gone.head.thread_id, blob.ref) is None
        assert await story.log.blob_refs("user_ada", gone.head.thread_id) == []
        assert await stored(story, kept, blob) == (b"gone", JSON)

    async def test_blobs_go_with_their_owner_and_with_retention(self, story: StoryOverAnAdapter) -> None:
        adas, bobs = story.run(story.thread("user_ada")), story.run(story.thread("user_bob"))
        for run in (adas, bobs):
            story.write(run, ends=True, blobs=[Blob.of(b"x", JSON)])
            await story.log.durable(run)
        ref = Blob.of(b"x", JSON).ref
        await story.log.delete_owner("user_ada")
        assert await story.log.blob("user_ada", adas.head.thread_id, ref) is None
        assert await story.log.blob("user_bob", bobs.head.thread_id, ref) is not None
        assert await story.log.trim(START_MS + 1_000_000_000_000) == 1
        assert await story.log.blob("user_bob", bobs.head.thread_id, ref) is None


class TestSharing:
    """Over logs that share a store."""

    async def test_the_blob_of_a_rejected_event_is_not_stored(self, sharing: Sharing) -> None:
        one, two = await sharing.open(), await sharing.open()
        blob, goes = Blob.of(b"rejected", JSON), Blob.of(b"goes on", JSON)
        await one.begun("user_ada", key="k")
        refused = two.run(two.thread("user_ada"), key="k")
        beside = two.run(two.thread("user_ada"))
        two.write(refused, blobs=[blob])
        two.write(beside, blobs=[goes])
        await two.log.durable(beside)
        with pytest.raises(DependencyUnavailable):
            await two.log.durable(refused)
        assert two.why == [(refused.run_id, "key_taken")]
        assert await two.log.blob("user_ada", refused.head.thread_id, blob.ref) is None
        assert await two.log.blob("user_ada", beside.head.thread_id, goes.ref) == (b"goes on", JSON)

    async def test_who_is_fenced_stores_no_blob_and_who_took_over_reads_the_one_before(self, sharing: Sharing) -> None:
        one, two = await sharing.open(), await sharing.open()
        run = await one.begun()
        before, late = Blob.of(b"before", JSON), Blob.of(b"late", JSON)
        one.write(run, blobs=[before])
        await one.log.durable(run)
        await sharing.lapse(one)
        await two.taken(run.head.thread_id)
        thread_id = run.head.thread_id
        one.write(run, blobs=[late])
        with pytest.raises(DependencyUnavailable):
            await one.log.durable(run)
        assert one.why == [(run.run_id, "fenced")]
        assert await two.log.blob("user_ada", thread_id, late.ref) is None
        assert await two.log.blob("user_ada", thread_id, before.ref) == (b"before", JSON)
