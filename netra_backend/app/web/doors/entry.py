"""What all doors do with a request before its run begins: its body is read, what it asks bounded, and its thread found."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from starlette.requests import Request

from ...core import door_points
from ...core.doors.thread_ids import MAX_CLIENT_ID, alias
from ...core.error_catalogue import CATALOGUE
from ...core.errors import FrameRefused, NotFound
from ...core.identity import Identity
from ...core.ids import is_valid_id
from ...core.limits import Limits
from ...core.quotas import Quotas
from ...ports import Clock
from ...services.conversations import Conversations
from ...services.shared_places import SharedPlaces
from ..http.request_body import body_of, decoded, json_of
from ..http.request_head import declared_length
from ..http.transfers import Transfers

Shape = TypeVar("Shape")
MOST_OBJECTS: Final = 100_000


@dataclass(frozen=True, slots=True)
class Entry:
    """One for all doors of a server."""

    conversations: Conversations
    transfers: Transfers
    quotas: Quotas
    limits: Limits
    clock: Clock
    _decoding: SharedPlaces = field(default_factory=lambda: SharedPlaces(1))

    async def read(self, request: Request, identity: Identity, shape: type[Shape]) -> Shape:
        """The body. Few long ones of a user are read at a time, their bytes count as those of the user's WebSockets do, and they
        are decoded one in a turn of the loop, the users in turn. Raises ``FrameRefused`` and ``LimitRefused``."""
        _check_media(request)
        if 0 < declared_length(request.headers.raw) <= self.limits.json_bytes:
            return await json_of(request, shape, self.limits)
        transfer = self.transfers.begin(identity)
        try:
            body = await transfer.perform(body_of(request, self.limits, self.limits.door_bytes))
            now = self.clock.monotonic()
            self.quotas.of_identity(identity, now).traffic(now).take(0, 0, len(body), now)
            async with self._decoding.place(identity.user_id):
                _check_objects(body)
                value = decoded(body, shape)
                await asyncio.sleep(0)  # what others have waiting goes first
            return value
        finally:
            transfer.close()

    def checked(self, text: str | None) -> str:
        """What the user says. Raises ``FrameRefused`` if that is nothing, or too much."""
        if text is None or len(text.encode("utf-8", "surrogatepass")) > self.limits.frame_bytes:
            raise FrameRefused(
                f"The request has no message of the user, or one of more than {self.limits.frame_bytes:,} bytes.",
                field="messages",
                hint="Send a message with the role user and a text.",
                point=door_points.DOOR_MESSAGE,
            )
        return text

    async def thread_of(self, owner: str, protocol: str, named: Any, field: str) -> str | None:
        """The thread of the owner's that a client of this protocol calls so: that of this id, or one of its own; ``None`` if it
        names none. Another user's thread is as one that is not there. Raises ``FrameRefused``."""
        if named is None or named == "":
            return None
        if not isinstance(named, str) or len(named) > MAX_CLIENT_ID:
            raise FrameRefused(
                f"The id of a conversation is a text of at most {MAX_CLIENT_ID} characters.",
                field=field,
                hint="Use any text of your own, or the id of a thread of yours.",
                point=door_points.DOOR_THREAD,
            )
        if is_valid_id(named):
            try:
                return (await self.conversations.owned_thread(owner, named)).thread_id
            except NotFound:
                pass
        return alias(owner, protocol, named)


def _check_objects(body: bytes) -> None:
    """Raises ``FrameRefused`` for more objects and lists than a conversation has: to read them takes time and memory each."""
    if body.count(b"{") + body.count(b"[") > MOST_OBJECTS:
        raise FrameRefused(
            f"The request has too many parts: the limit is {MOST_OBJECTS:,} opening brackets, those in texts included.",
            kind="payload_too_large",
            point=door_points.DOOR_OBJECTS,
        )


def _check_media(request: Request) -> None:
    """Raises ``FrameRefused`` for what a page of another origin could send without asking first (Fetch, 4.8: a form, plain
    text)."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise FrameRefused(
            CATALOGUE["unsupported_media"].text,
            kind="unsupported_media",
            field="Content-Type",
            point=door_points.DOOR_MEDIA,
        )
