"""Messages between processes: rows of a table, and a notice to those who listen. Any of them may be lost."""

# ruff: noqa: S608  # statements are put together from constants alone, and every value is a parameter
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ...core.recent import Recent
from .pool import PostgresConnectionPool

CHANNEL: Final = "netra_mail"
_EVERYBODY: Final = "*"
_MOST: Final = 2000
_KEPT_MS: Final = 60_000

_POST: Final = f"""
WITH posted AS (
    INSERT INTO mailbox (recipient, sender, question, body)
    SELECT l.recipient, $1, l.question, l.body FROM unnest($2::text[], $3::bigint[], $4::bytea[]) AS l (recipient, question, body)
    RETURNING id, recipient
)
SELECT pg_notify('{CHANNEL}', coalesce(recipient, '{_EVERYBODY}') || ' ' || id) FROM posted ORDER BY id
"""
_TAKE: Final = """
WITH mine AS (
    DELETE FROM mailbox WHERE id = ANY ($2::bigint[]) AND recipient = $1 RETURNING id, at, sender, recipient, question, body
)
SELECT * FROM mine
UNION ALL SELECT id, at, sender, recipient, question, body FROM mailbox WHERE id = ANY ($2::bigint[]) AND recipient IS NULL
ORDER BY id
"""
_MISSED: Final = f"""
SELECT id FROM mailbox WHERE recipient = $1 OR (recipient IS NULL AND sender <> $1) ORDER BY id LIMIT {_MOST}
"""
_FORGET: Final = "DELETE FROM mailbox WHERE at < now_ms() - $1"
_LIVING: Final = "SELECT process_id FROM process WHERE lease > now_ms() ORDER BY process_id"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """``recipient`` is ``None`` for everybody else; ``question`` the asker's number, in the question and in its answer."""

    recipient: str | None
    question: int | None
    body: bytes


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it came."""

    sender: str
    recipient: str | None
    question: int | None
    body: bytes


def addressed(notice: str, process_id: str) -> int | None:
    """The number of the message that a notice is of, where it is to this process or to everybody."""
    recipient, _, number = notice.rpartition(" ")
    ours = recipient in (process_id, _EVERYBODY) and number.isdecimal()
    return int(number) if ours else None


class PostgresMailbox:
    """The messages of one process. Each of these raises ``DependencyUnavailable``."""

    def __init__(self, lines: PostgresConnectionPool, process_id: str) -> None:
        self._lines = lines
        self._process_id = process_id
        self._heard: Recent[tuple[int, int], bool] = Recent(_MOST)

    async def post(self, messages: Sequence[Outgoing]) -> None:
        """Send messages, with one statement."""
        rows = [(message.recipient, message.question, message.body) for message in messages]
        columns = [list(column) for column in zip(*rows, strict=True)]
        await self._lines.ask(_POST, self._process_id, *columns)

    async def take(self, numbers: Sequence[int]) -> list[Message]:
        """The messages of these numbers, in their order, each once; one to this process alone is gone then."""
        messages = []
        for row in await self._lines.ask(_TAKE, self._process_id, numbers):
            mark = row["id"], row["at"]  # numbers begin anew when the database has crashed
            if row["sender"] != self._process_id and not self._heard.get(mark):
                self._heard.put(mark, True)
                messages.append(Message(row["sender"], row["recipient"], row["question"], row["body"]))
        return messages

    async def missed(self) -> list[int]:
        """The numbers of messages whose notices may have been missed."""
        return [row["id"] for row in await self._lines.ask(_MISSED, self._process_id)]

    async def tidy(self) -> None:
        """Remove old messages, whoever's they are."""
        await self._lines.ask(_FORGET, _KEPT_MS)

    async def living(self) -> list[str]:
        """The processes whose lease has not run out."""
        return [row["process_id"] for row in await self._lines.ask(_LIVING)]
