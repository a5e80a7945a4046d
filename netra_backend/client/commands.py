"""What a client asks of its server: to start a run and to stop one, to answer a question, to take a file."""

from __future__ import annotations

import secrets
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Literal

import msgspec

from ..app.core.events import TERMINAL, AnyEvent
from ..app.core.frames import Accepted, AnswerQuestion, CancelRun, ExecuteAgent, ResolveApproval
from ..app.core.message_parts import Parts
from .token_source import TokenSource
from .upload import upload


class Commands(ABC):
    """``NetraClient``'s half that knows the commands; the other one carries them to the server and brings its events."""

    _url: str
    _tokens: TokenSource

    @abstractmethod
    def follow(self, thread_id: str, *, epoch: str = "", after: int | None = None) -> AsyncIterator[AnyEvent]:
        """The thread's events."""

    @abstractmethod
    async def _command(self, key: str, frame: Any) -> Accepted:
        """The server's answer to a command."""

    async def ask(
        self,
        message: str = "",
        *,
        agent: str | None = None,
        thread_id: str | None = None,
        timezone: str = "UTC",
        parts: Sequence[Mapping[str, Any]] = (),
        supersedes: str | None = None,
    ) -> AsyncIterator[AnyEvent]:
        """Ask, as ``start`` does, and give the run's events up to its end. Raises ``Refused`` and ``Closed``."""
        accepted = await self.start(
            message, agent=agent, thread_id=thread_id, timezone=timezone, parts=parts, supersedes=supersedes
        )
        assert accepted.thread_id is not None
        async for event in self.follow(accepted.thread_id):
            if event.run_id == accepted.run_id:
                yield event
                if isinstance(event, TERMINAL):
                    return

    async def start(
        self,
        message: str = "",
        *,
        agent: str | None = None,
        thread_id: str | None = None,
        timezone: str = "UTC",
        parts: Sequence[Mapping[str, Any]] = (),
        supersedes: str | None = None,
        client_run_id: str = "",
    ) -> Accepted:
        """Start a run; its events come through ``follow``. It is sent again automatically if the connection is lost. Without an
        ``agent`` the server's default one is asked, which finds who answers.

        ``parts`` follow the message: ``{"type": "text", "text": …}``, ``{"type": "data", "data": …}``, and ``{"type": "file",
        "file_id": …}`` with what ``upload`` returned. ``supersedes`` is an earlier run of the thread, in whose place this one
        stands: its message edited, or asked again. ``client_run_id`` is a name of your own, which ``user_message`` has."""
        key = "c_" + secrets.token_hex(12)
        frame = ExecuteAgent(
            agent,
            message,
            id=key,
            thread_id=thread_id,
            timezone=timezone,
            parts=msgspec.convert(list(map(dict, parts)), Parts),
            supersedes=supersedes,
            client_run_id=client_run_id,
        )
        return await self._command(key, frame)

    async def upload(self, content: bytes, media: str) -> str:
        """Upload a file of this media type, such as ``image/png``; the ``file_id`` that attaches it to one message. Raises
        ``Refused`` if the server does not take it, and ``Closed``."""
        return await upload(self._url, await self._tokens.current(), content, media)

    async def cancel(self, run_id: str) -> None:
        """Stop a run. Raises ``Refused``."""
        key = "c_" + secrets.token_hex(12)
        await self._command(key, CancelRun(run_id, id=key))

    async def answer(self, question_id: str, answer: Any) -> None:
        """Answer a question as its schema says; an approval is one. Raises ``Refused`` (``invalid_answer`` leaves it open)."""
        key = "c_" + secrets.token_hex(12)
        await self._command(key, AnswerQuestion(question_id, answer, key))

    async def resolve(
        self,
        approval_id: str,
        decision: str,
        arguments_hash: str,
        *,
        reason: str = "",
        arguments: dict[str, Any] | None = None,
        remember: bool = False,
    ) -> None:
        """Say the word, ``approve`` or ``deny``, about a tool call, and why; to approve it, with other ``arguments``, or for the
        rest of its run. Raises ``Refused``."""
        key = "c_" + secrets.token_hex(12)
        word = msgspec.convert(decision, Literal["approve", "deny"])
        await self._command(key, ResolveApproval(approval_id, word, arguments_hash, key, reason, arguments, remember))
