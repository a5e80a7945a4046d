"""One request as its user sees it: sent under one key until it is answered, and followed to its end, over the server's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final

from ..users import TestUser
from ..websocket_client import TERMINAL_EVENTS, Frame, WebSocketTestClient, websocket_client

Respond = Callable[[Frame], Mapping[str, Any] | None]
"""What a user sends when an event comes, such as a decision; ``None``: nothing. After a restart it is asked again."""

_AGAIN_S: Final = 0.05


def approve(event: Frame) -> Mapping[str, Any] | None:
    """Approve every tool call that asks."""
    if event["type"] != "approval_requested":
        return None
    return {
        "type": "resolve_approval",
        "approval_id": event["approval_id"],
        "decision": "approve",
        "arguments_hash": event["arguments_hash"],
    }


class RequestFollower:
    """``events`` are those of the run's thread so far, by their position."""

    def __init__(self, user: TestUser, request: Mapping[str, Any], respond: Respond) -> None:
        self.events: dict[int, Frame] = {}
        self._user = user
        self._request = request
        self._respond = respond
        self._responses: dict[str, Mapping[str, Any]] = {}

    @property
    def has_ended(self) -> bool:
        """Whether the run's end has come, and everything before it."""
        last = max(self.events, default=0)
        return bool(last) and len(self.events) == last and self.events[last]["type"] in TERMINAL_EVENTS

    def in_order(self) -> list[Frame]:
        """The events by their positions."""
        return [self.events[seq] for seq in sorted(self.events)]

    async def follow(self, websocket_url: str, patience_s: float) -> bool:
        """Until the run has ended; ``False`` if the server ended before. Raises ``TimeoutError`` if nothing of it comes."""
        self._responses.clear()
        try:
            async with asyncio.timeout(patience_s):
                async with websocket_client(websocket_url, self._user.token, patience=patience_s) as client:
                    await client.send_json(self._request)
                    while not self.has_ended:
                        await self._take(client, await client.receive_json())
        except (ConnectionAbortedError, ConnectionRefusedError):
            return False
        return True

    async def _take(self, client: WebSocketTestClient, frame: Frame) -> None:
        kind = frame["type"]
        if kind == "accepted" and frame.get("id") == self._request["id"]:
            position = {"epoch": frame["epoch"], "seq": 0}
            await client.send_json({"type": "resume", "positions": {frame["thread_id"]: position}})
        elif kind == "error":
            await self._retry(client, frame)
        elif "seq" in frame and kind not in ("accepted", "live", "reset"):
            known = self.events.setdefault(frame["seq"], frame)
            if known != frame:
                raise AssertionError(f"two events at one position: {known} and {frame}")
            if (response := self._respond(frame)) is not None:
                key = f"response-{frame['seq']}"
                if key not in self._responses:
                    self._responses[key] = {**response, "id": key}
                    await client.send_json(self._responses[key])

    async def _retry(self, client: WebSocketTestClient, frame: Frame) -> None:
        response = self._responses.get(frame.get("id") or "")
        if response is None:
            raise AssertionError(f"the request was refused: {frame}")
        if frame.get("retryable"):  # the run goes on and does not ask yet
            await asyncio.sleep(_AGAIN_S)
            await client.send_json(response)
