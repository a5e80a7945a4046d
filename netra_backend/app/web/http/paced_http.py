"""uvicorn's HTTP protocol whose requests wait for their turn to begin, and which rests after answers that were too many."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from .access_log import USER
from .anonymous_connections import REST, Guest
from .server_config import turns_of


class PacedHttpProtocol(HttpToolsProtocol):
    """While it rests it reads nothing and begins nothing, also of what was pipelined; what it had read waits."""

    guest: Guest | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._turns = turns_of(self.config)
        self._in_head = True
        self._is_upgrading = False
        """Whether the head of a handshake has come that waits for its turn: its bytes are no request any more."""
        self._held = b""
        self._served: RequestResponseCycle | None = None
        """Whose answer is made; ``cycle`` is the one that came last."""
        self._next: tuple[Any, Callable[[], None]] | None = None
        """What waits to begin: its scope, and what begins it."""
        self._rest: asyncio.TimerHandle | None = None

    def connection_lost(self, exc: Exception | None) -> None:
        self._held = b""
        if self._next is not None and self._turns is not None:
            self._turns.leave(self)
        self._next = None
        self._end_rest()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        if self._rest is not None:
            self.transport.close()
        else:
            super().shutdown()

    def on_headers_complete(self) -> None:
        self._in_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._in_head = True
        super().on_message_complete()
        self._stop_reading()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        if self._may_begin(cycle.scope):
            self._serve(cycle, app)
        else:
            self._next = cycle.scope, partial(self._serve, cycle, app)

    def _serve(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._served = cycle
        super()._start_asgi_task(cycle, app)

    def handle_websocket_upgrade(self) -> None:
        if self._may_begin(self.scope):
            self._upgrade()
        else:
            self._is_upgrading = True
            self._next = self.scope, self._upgrade
            self.transport.pause_reading()

    def _upgrade(self) -> None:
        super().handle_websocket_upgrade()

    def _may_begin(self, scope: Any) -> bool:
        return self._rest is None and (self._turns is None or self._turns.take(self, scope, self.loop))

    def begin(self) -> None:
        """The turn has come for what waits."""
        waiting, self._next = self._next, None
        if waiting is None or self.transport.is_closing():
            return
        waiting[1]()
        if self._is_upgrading and not self.transport.is_closing():
            held, self._held = self._held, b""
            self.transport.resume_reading()
            if held:
                protocol: Any = self.transport.get_protocol()
                protocol.data_received(held)

    def on_response_complete(self) -> None:
        if self._served is not None:
            self._rest_after(self._served.scope)  # before the next one of the pipeline begins
        super().on_response_complete()
        self._stop_reading()

    def _rest_after(self, scope: Any) -> None:
        user_id = scope.get(USER)
        if user_id is not None:
            if self._turns is not None:
                self._turns.signed_in(scope["headers"], user_id)
            return
        if self.guest is None or self.guest.site is None:
            return  # what a proxy sends next may be somebody else's
        rest_s = scope.get(REST)
        if rest_s is None:
            rest_s = self.guest.rest_s(self.loop.time())
        if rest_s and not self.transport.is_closing():
            self._end_rest()
            self._rest = self.loop.call_later(rest_s, self._rested)

    def _stop_reading(self) -> None:
        """If it rests. What is left of a body whose answer was sent is read before."""
        if self._rest is not None and self._in_head:
            self.flow.pause_reading()
            self._unset_keepalive_if_required()

    def _rested(self) -> None:
        self._rest = None
        if self.transport.is_closing():
            return
        if self._next is not None:
            if self._may_begin(self._next[0]):
                self.begin()
        elif self._in_head:
            self._unset_keepalive_if_required()
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )
        if not self._is_upgrading and not self.pipeline:
            self.flow.resume_reading()
        self._go_on()

    def _go_on(self) -> None:
        """Parse what was read already."""
        held, self._held = self._held, b""
        if held:
            self.data_received(held)

    def _end_rest(self) -> None:
        if self._rest is not None:
            self._rest.cancel()
            self._rest = None
