"""Blobs by their owners."""

from __future__ import annotations

from ..core import validation
from ..core.blobs import EXACT
from ..core.errors import NotFound
from ..ports import EventLog


class Blobs:
    """Finds what is a user's among the blobs of events."""

    def __init__(self, log: EventLog) -> None:
        self._log = log

    async def owned(self, owner: str, thread_id: str, ref: str) -> tuple[bytes, str]:
        """Body and media type of a blob in the owner's thread. Raises ``NotFound`` if the owner has no such thread or blob, and
        for one that is kept for replays alone."""
        found = await self._log.blob(owner, thread_id, ref)
        if found is None or found[1] == EXACT:
            raise NotFound("There is no such blob.", field="ref", point=validation.BLOB_OWNED)
        return found
