"""Where the requests of connections go: the one place that joins a connection to the rest of the server."""

from __future__ import annotations

from collections.abc import Callable

from ..core.frames import PROTOCOL, Ack, CancelRun, Connected, ExecuteAgent, ResolveApproval, Resume
from ..core.identity import Identity
from ..core.limits import Limits, Quotas
from ..ports import Clock
from ..services.authentication import Authentication, check_path_user
from ..turn import Turns
from ..websocket_core.catch_up import CatchUp
from ..websocket_core.connection import Connection
from ..websocket_core.websocket_connection_pool import WebSocketConnectionPool


class FrontDesk:
    """``websocket_core.connection.Desk``."""

    def __init__(
        self,
        *,
        authentication: Authentication,
        turns: Turns,
        catch_up: CatchUp,
        pool: WebSocketConnectionPool,
        quotas: Quotas,
        limits: Limits,
        clock: Clock,
        mint: Callable[[str], str],
    ) -> None:
        self._authentication = authentication
        self._turns = turns
        self._catch_up = catch_up
        self._pool = pool
        self._quotas = quotas
        self._limits = limits
        self._clock = clock
        self.mint = mint

    # --- coming and going -------------------------------------------------------------------------------------------

    def admit(self, connection: Connection, identity: Identity) -> None:
        """Make it a live connection of this user. Raises ``LimitRefused`` (``connection_limit``)."""
        self._quotas.of(identity.user_id, self._clock.monotonic()).add_connection()
        connection.identity = identity
        connection.session.authenticated(identity.user_id, identity.expires_at_ms)
        self._pool.add(connection)
        connection.say(
            Connected(
                connection.connection_id,
                identity.user_id,
                PROTOCOL,
                self._limits.heartbeat_ms,
                self._limits.told(),
            )
        )

    def dismiss(self, connection: Connection) -> None:
        """The connection is gone."""
        identity = connection.identity
        if identity is not None:
            connection.identity = None
            self._quotas.of(identity.user_id, self._clock.monotonic()).drop_connection()
            self._quotas.release(identity.user_id)

    async def authenticate(self, connection: Connection, token: str) -> None:
        identity = await self._authentication.verify(token)
        check_path_user(identity, connection.user_id)
        self.admit(connection, identity)

    # --- requests ---------------------------------------------------------------------------------------------------

    async def start(self, connection: Connection, frame: ExecuteAgent) -> None:
        await self._turns.start(connection, frame)

    async def cancel(self, connection: Connection, frame: CancelRun) -> None:
        await self._turns.cancel(connection, frame)

    async def resolve(self, connection: Connection, frame: ResolveApproval) -> None:
        await self._turns.resolve(connection, frame)

    async def catch_up(self, connection: Connection, frame: Resume) -> None:
        await self._catch_up.resume(connection, frame)

    async def acknowledge(self, connection: Connection, frame: Ack) -> None:
        """Acknowledgements steer nothing here: the socket's own flow control does."""

    async def drill(self, connection: Connection, frame: ExecuteAgent) -> None:
        raise NotImplementedError
