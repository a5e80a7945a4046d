"""What all doors do with a request before its run begins: its body is read, what it asks bounded, and its thread found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

from starlette.requests import Request

from ...core import door_points
from ...core.doors.thread_ids import MAX_CLIENT_ID, alias
from ...core.error_catalogue import CATALOGUE
from ...core.errors import FrameRefused, NotFound
from ...core.identity import Identity
from ...core.ids import is_valid_id
from ...core.limits import Limits
from ...services.conversations import Conversations
from ..http.request_body import json_of
from ..http.request_head import declared_length
from ..http.transfers import Transfers

Shape = TypeVar("Shape")


@dataclass(frozen=True, slots=True)
class Entry:
    """One for all doors of a server."""

    conversations: Conversations
    transfers: Transfers
    limits: Limits

    async def read(self, request: Request, identity: Identity, shape: type[Shape]) -> Shape:
        """The body. A long one takes one of its user's transfers meanwhile, so that few are in memory at a time. Raises
        ``FrameRefused``, and ``LimitRefused`` (``transfer_limit``)."""
        _check_media(request)
        if 0 < declared_length(request.headers.raw) <= self.limits.json_bytes:
            return await json_of(request, shape, self.limits)
        transfer = self.transfers.begin(identity)
        try:
            return await transfer.perform(json_of(request, shape, self.limits, most=self.limits.door_bytes))
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
