"""What all doors do with a request before its run begins."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from netra_backend.app.core.doors.thread_ids import MAX_CLIENT_ID, alias
from netra_backend.app.core.errors import FrameRefused
from netra_backend.app.web.doors.entry import Entry
from test_framework.served import Served, serve


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    async with serve(tmp_path / "data") as server:
        yield server


def entry_of(served: Served) -> Entry:
    runtime = served.runtime
    return Entry(
        runtime.conversations,
        served.http_application.transfers,
        runtime.quotas,
        runtime.settings.limits,
        runtime.clock,
    )


async def test_a_name_is_a_thread_of_ones_own_unless_it_is_the_id_of_one(served: Served) -> None:
    entry, user, other = entry_of(served), served.user(), served.user()
    thread_id = (await served.ran(user))["thread_id"]
    assert await entry.thread_of(user.id, "p", thread_id, "id") == thread_id
    assert await entry.thread_of(other.id, "p", thread_id, "id") == alias(other.id, "p", thread_id)
    for name in ("chat", "default", "null", "x" * MAX_CLIENT_ID, "\ud800", "a/b c"):
        assert await entry.thread_of(user.id, "p", name, "id") == alias(user.id, "p", name)
    assert [await entry.thread_of(user.id, "p", nothing, "id") for nothing in (None, "")] == [None, None]


@pytest.mark.validation_point("door.thread")
@pytest.mark.parametrize("named", [5, ["chat"], {"id": "chat"}, "x" * (MAX_CLIENT_ID + 1), True])
async def test_what_is_no_name_is_refused_with_the_field_that_has_it(served: Served, named: object) -> None:
    with pytest.raises(FrameRefused) as refused:
        await entry_of(served).thread_of("user_ada", "p", named, "metadata.thread_id")
    assert (refused.value.point.id, refused.value.field) == ("door.thread", "metadata.thread_id")


@pytest.mark.validation_point("door.message")
async def test_a_message_is_neither_nothing_nor_too_long(served: Served) -> None:
    entry, most = entry_of(served), served.runtime.settings.limits.frame_bytes
    assert entry.checked("x" * most) == "x" * most
    for text in (None, "x" * (most + 1), "é" * (most // 2 + 1)):
        with pytest.raises(FrameRefused) as refused:
            entry.checked(text)
        assert refused.value.point.id == "door.message"
