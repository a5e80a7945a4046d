"""Files from their upload to their claim and their deletion."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from hashlib import sha256
from typing import Any

import pytest

from netra_backend.app.core.errors import DependencyUnavailable, FrameRefused, LimitRefused, NotFound
from netra_backend.app.core.files import KEPT_MS, PART_BYTES, RESERVED_MS
from netra_backend.app.core.limits import Limits
from netra_backend.app.services.files import Files
from test_framework.clock import ManualClock
from test_framework.ids import new_id
from test_framework.memory.files import MemoryFiles
from test_framework.memory.store import MemoryStore

OWNER = "user_ada"


async def parts_of(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


class Place:
    def __init__(self, clock: ManualClock, **limits: int) -> None:
        self.kept = MemoryStore()
        self.clock = clock
        self.verdict = True
        self.scanned: list[bytes] = []

        async def at_once() -> None:
            await asyncio.sleep(0)

        store = MemoryFiles(self.kept, clock, at_once)
        given: dict[str, Any] = {"file_bytes": 1_000_000, **limits}
        self.files = Files(store, Limits(**given), clock, new_id, self._scan)

    async def _scan(self, parts: AsyncIterator[bytes]) -> bool:
        self.scanned = [part async for part in parts]
        return self.verdict

    async def put(self, *parts: bytes, owner: str = OWNER, media: str = "text/plain", size: int = 0) -> Any:
        return await self.files.receive(owner, media, size, parts_of(*parts))


@pytest.fixture
def place(clock: ManualClock) -> Place:
    return Place(clock)


async def test_a_file_is_stored_in_parts_of_one_size_whatever_its_upload_comes_in(place: Place) -> None:
    body = bytes(range(1, 256)) * 3000
    for step in (7_919, PART_BYTES * 2, len(body)):
        file = await place.put(*(body[at : at + step] for at in range(0, len(body), step)))
        assert (file.sha256, file.size, file.media, file.thread_id) == (
            sha256(body).hexdigest(),
            len(body),
            "text/plain",
            "",
        )
        parts = [part async for part in place.files.content(file)]
        assert b"".join(parts) == body
        assert [len(part) for part in parts] == [PART_BYTES, PART_BYTES, len(body) - 2 * PART_BYTES]
        assert place.scanned == parts
        assert await place.files.owned(OWNER, file.file_id) == file
    assert len(await place.files.page(OWNER)) == 3


async def test_an_empty_text_is_a_file(place: Place) -> None:
    file = await place.put()
    assert (file.size, file.sha256) == (0, sha256(b"").hexdigest())


@pytest.mark.validation_point("file.size")
async def test_a_file_that_is_or_says_to_be_too_large_is_refused_before_more_of_it_is_stored(place: Place) -> None:
    for parts, size in (([b"x" * 600_000] * 2, 0), ([b"x"], 1_000_001)):
        with pytest.raises(FrameRefused, match="the limit is 1,000,000 bytes") as refusal:
            await place.put(*parts, size=size)
        assert refusal.value.entry.id == "payload_too_large"
    assert place.kept.files == {}
    assert (await place.put(b"x" * 1_000_000)).size == 1_000_000


@pytest.mark.validation_point("file.type")
@pytest.mark.parametrize(
    ("media", "body"),
    [("text/html", b"<p>"), ("", b"x"), ("image/png", b"GIF89a"), ("image/png", b""), ("text/plain", b"%PDF-1.7")],
)
async def test_a_file_of_another_type_than_it_is_said_to_be_is_refused(place: Place, media: str, body: bytes) -> None:
    with pytest.raises(FrameRefused, match="not a file of a type that can be attached") as refusal:
        await place.put(body, media=media)
    assert refusal.value.field == "Content-Type"
    assert place.kept.files == {}


async def test_first_bytes_that_come_one_by_one_are_judged_together(place: Place) -> None:
    body = b"\x89PNG\r\n\x1a\n and the rest"
    file = await place.put(*(body[at : at + 1] for at in range(len(body))), media="image/png")
    assert file.size == len(body)


@pytest.mark.validation_point("file.scan")
async def test_a_file_that_the_operators_scan_refuses_is_not_kept(place: Place) -> None:
    place.verdict = False
    with pytest.raises(FrameRefused, match="scan refuses"):
        await place.put(b"a virus")
    assert place.scanned == [b"a virus"]
    assert place.kept.files == {}


@pytest.mark.validation_point("file.room")
async def test_a_users_files_are_bounded_in_number_and_in_bytes(clock: ManualClock) -> None:
    place = Place(clock, files=2, files_bytes=1_000_000)
    await place.put(b"x" * 600_000)
    with pytest.raises(LimitRefused, match="1,000,000 bytes together") as refusal:
        await place.put(b"x" * 400_001)
    assert refusal.value.entry.id == "payload_too_large"
    last = await place.put(b"x" * 400_000)
    with pytest.raises(LimitRefused, match="2 files"):
        await place.put(b"")
    assert (await place.put(b"x", owner="user_bob")).size == 1
    await place.files.delete(OWNER, last.file_id)
    await place.put(b"x")


async def test_an_upload_that_breaks_off_leaves_nothing(place: Place) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"x" * (PART_BYTES + 1)
        raise FrameRefused("too slow", kind="too_slow", point=None)  # type: ignore[arg-type]

    with pytest.raises(FrameRefused, match="too slow"):
        await place.files.receive(OWNER, "text/plain", 0, broken())
    assert place.kept.files == {}


async def test_what_cannot_be_removed_after_a_refusal_hides_nothing_of_it(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def gone(*_: Any) -> None:
        raise DependencyUnavailable("gone")

    monkeypatch.setattr(MemoryFiles, "remove", gone)
    place.verdict = False
    with pytest.raises(FrameRefused, match="scan refuses"):
        await place.put(b"a virus")


@pytest.mark.validation_point("file.owned")
async def test_a_file_that_is_deleted_while_it_is_received_is_gone(place: Place) -> None:
    async def deleted() -> AsyncIterator[bytes]:
        yield b"x" * PART_BYTES
        place.kept.files.clear()
        yield b"x" * PART_BYTES

    with pytest.raises(NotFound):
        await place.files.receive(OWNER, "text/plain", 0, deleted())


@pytest.mark.validation_point("file.owned")
async def test_another_users_file_is_refused_as_one_that_does_not_exist(place: Place) -> None:
    mine = (await place.put(b"mine")).file_id
    for ask in (
        lambda owner, file_id: place.files.owned(owner, file_id),
        lambda owner, file_id: place.files.delete(owner, file_id),
        lambda owner, file_id: place.files.claim(owner, [file_id], "thr_1", "run_1"),
    ):
        told = []
        for owner, file_id in (("user_bob", mine), (OWNER, new_id("file"))):
            with pytest.raises(NotFound) as refusal:
                await ask(owner, file_id)
            told.append((refusal.value.message, refusal.value.field, refusal.value.hint))
        assert told[0] == told[1]
    assert (await place.files.owned(OWNER, mine)).file_id == mine


@pytest.mark.validation_point("file.claimed")
async def test_a_file_of_one_message_is_given_to_no_other_and_not_deleted(place: Place) -> None:
    file = await place.put(b"mine")
    assert await place.files.claim(OWNER, [file.file_id], "thr_1", "run_1") == [file]
    assert await place.files.claim(OWNER, [file.file_id], "thr_1", "run_1") == [file]
    for ask in (
        place.files.claim(OWNER, [file.file_id], "thr_1", "run_2"),
        place.files.delete(OWNER, file.file_id),
    ):
        with pytest.raises(FrameRefused, match="A message has this file") as refusal:
            await ask
        assert refusal.value.entry.id == "conflict"
    await place.files.release(OWNER, "run_1")
    await place.files.claim(OWNER, [file.file_id], "thr_1", "run_2")
    place.clock.advance(ms=RESERVED_MS + 1)
    await place.files.delete(OWNER, file.file_id)


@pytest.mark.validation_point("file.owned")
async def test_a_message_that_supersedes_gets_only_files_that_its_owner_has(place: Place) -> None:
    mine = (await place.put(b"mine")).file_id
    with pytest.raises(NotFound):
        await place.files.claim(OWNER, [mine, new_id("file")], "thr_1", "run_1", supersedes=True)
    with pytest.raises(NotFound):
        await place.files.claim("user_bob", [mine], "thr_1", "run_1", supersedes=True)
    await place.files.delete(OWNER, mine)


async def test_what_no_message_claims_expires_a_margin_before_a_day(place: Place) -> None:
    for _ in range(120):
        await place.put(b"x")
    place.clock.advance(ms=KEPT_MS - 5000)
    assert await place.files.expire(5000) == 0
    place.clock.advance(ms=1)
    assert await place.files.expire(5000) == 120
    assert place.kept.files == {}
