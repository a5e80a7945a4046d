"""OAuth with users' MCP servers: begun by their owner, finished in a browser, and the tokens kept, renewed and given to runs.

Nothing waits in memory: what an authorization needs at its end is sealed in the record of its server, and which record that is
stands, encrypted, in the ``state`` that the browser brings back. So any process can finish it, a server has one at most, and it
goes with the server.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final, NamedTuple

import msgspec

from ..core import mcp_points
from ..core.errors import EgressRefused, FrameRefused, LimitRefused, ToolError
from ..core.limits import Limits
from ..mcp_ports import AuthorizationClient, Grant, Tokens
from ..ports import Clock, Entropy
from ..secret_ports import SealedSecret, SecretCipher
from .mcp_records import KeptTokens, McpRecord, McpRecords, OAuthRecord, PendingAuthorization, server_of
from .mcp_servers import check_form, require_owned

STATE_CHARACTERS: Final = 2_048
"""No ``state`` is longer."""
_NOT_AUTHORIZED: Final = "MCP_NOT_AUTHORIZED"
_NOBODY: Final = ""
_STATE: Final = "mcp.authorization"
"""As what the state is sealed: for an owner that nobody is, and under a name that no secret and no server has."""
_STATE_BYTES: Final = 32
_EARLIER_MS: Final = 30_000
"""Tokens are renewed so long before they end, or at half of their time if that is shorter."""
_LOOK_S: Final = 0.1
_CLOSE_S: Final = 2.0


class _Place(NamedTuple):
    owner: str
    server_id: str
    secret: str


class Waiting(NamedTuple):
    """An authorization that waits to be finished, as its user may recognize it."""

    owner: str
    server_id: str
    name: str


class McpAuthorizations:
    """The authorizations and tokens of all users' MCP servers. Without a ``cipher`` there are none."""

    def __init__(
        self,
        records: McpRecords,
        cipher: SecretCipher | None,
        client: AuthorizationClient,
        limits: Limits,
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        self._records = records
        self._cipher = cipher
        self._client = client
        self._limits = limits
        self._clock = clock
        self._entropy = entropy
        self._under_way: Counter[str] = Counter()
        self._renewing: dict[tuple[str, str], asyncio.Task[KeptTokens]] = {}

    async def begin(self, owner: str, server_id: str, come_back: Callable[[], str]) -> tuple[str, int]:
        """The address that the owner opens in a browser, and until when that is good (ms since 1970 UTC). It replaces one that
        was begun before; tokens stay until there are others. ``come_back``: where the browser is sent back to, which is asked
        for once the server is known to be the owner's.

        Raises ``NotFound``, ``FrameRefused`` if the server does not use OAuth, ``LimitRefused``, ``EgressRefused``, ``ToolError``
        as ``AuthorizationClient`` does, and ``DependencyUnavailable``.
        """
        with self._counted(owner):
            record = await self._records.find(owner, server_id)
            require_owned(record is not None)
            assert record is not None
            check_form(record.oauth is not None, "server_id", "This MCP server was added without OAuth.")
            assert record.oauth is not None
            wanted, issuer = record.oauth.wanted, record.oauth.issuer
            redirect_uri = come_back()
            secret = base64.urlsafe_b64encode(self._entropy.take(_STATE_BYTES)).decode()
            server = server_of(owner, server_id, record)
            state = self._sealed_state(_Place(owner, server_id, secret))
            begun = await self._client.begin(server, wanted, redirect_uri, state)
            if wanted.client_id and issuer and begun.grant.issuer != issuer:
                raise ToolError(
                    _NOT_AUTHORIZED,
                    f"The MCP server {record.name} names another authorization server than before.",
                    hint="If you trust it, delete the MCP server and add it again.",
                )
            expires_ms = self._clock.now_ms() + round(self._limits.mcp_authorization_s * 1000)
            pending = PendingAuthorization(
                secret, begun.verifier, redirect_uri, expires_ms, begun.grant, begun.needs_issuer
            )

            def waits(oauth: OAuthRecord) -> OAuthRecord:
                return msgspec.structs.replace(oauth, pending=pending, issuer=begun.grant.issuer)

            require_owned(await self._change(owner, server_id, waits))
            return begun.url, expires_ms

    async def waiting(self, state: str) -> Waiting:
        """The authorization that this ``state`` may finish. Raises ``FrameRefused`` if there is none."""
        place = self._opened_state(state)
        record = None if place is None else await self._records.find(place.owner, place.server_id)
        pending = _pending_of(record, place)
        self._require_waiting(pending)
        assert record is not None
        assert place is not None
        return Waiting(place.owner, place.server_id, record.name)

    async def give_up(self, state: str) -> Waiting:
        """The browser came back without a code: nothing waits any more. Raises ``FrameRefused`` if nothing did."""
        waiting = await self.waiting(state)
        await self._taken(state)
        return waiting

    async def finish(self, state: str, code: str, issuer: str | None) -> Waiting:
        """Get the tokens for the code that a browser brought back. The state is used up by this, whatever comes of it.

        Raises ``FrameRefused`` if nothing waits for this state, or the answer is another authorization server's;
        ``LimitRefused``, ``EgressRefused``, ``ToolError``, ``DependencyUnavailable``.
        """
        waiting = await self.waiting(state)
        owner, server_id, _ = waiting
        with self._counted(owner):
            record, pending = await self._taken(state)
            grant = pending.grant
            if issuer != grant.issuer if issuer is not None else pending.needs_issuer:
                raise FrameRefused(
                    "The answer does not come from the authorization server that was asked.",
                    field="iss",
                    hint="Begin the authorization again. If this happens again, do not trust the MCP server.",
                    point=mcp_points.MCP_ISSUER,
                )
            server = server_of(owner, server_id, record)
            tokens = await self._client.redeem(server, grant, code, pending.verifier, pending.redirect_uri)
            kept = self._kept(tokens, grant)

            def has(oauth: OAuthRecord) -> OAuthRecord:
                return msgspec.structs.replace(oauth, tokens=kept, renewing_ms=0)

            require_owned(await self._change(owner, server_id, has))
        return waiting

    async def token(self, owner: str, server_id: str, refused: Sequence[str] = ()) -> str:
        """The access token of the owner's server, renewed if its end is near, or if it is among those that the server has
        ``refused`` of one request; at most once for that. Raises ``ToolError`` (``MCP_NOT_AUTHORIZED`` if the owner must
        authorize again), ``EgressRefused``, ``DependencyUnavailable``."""
        record = await self._records.find(owner, server_id)
        tokens = None if record is None or record.oauth is None else record.oauth.tokens
        if tokens is None or len(refused) > 1:
            raise self._again(server_id, record)
        if tokens.access in refused or self._is_near_its_end(tokens):
            tokens = await self._renewed(owner, server_id, tokens.access)
        return tokens.access

    async def close(self) -> None:
        """Wait for tokens that are being renewed: ones that were given out and not stored would be lost."""
        if self._renewing:
            tasks = set(self._renewing.values())
            await asyncio.wait(tasks, timeout=_CLOSE_S)
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    # --- the state that a browser brings back -----------------------------------------------------------------------

    def _sealed_state(self, place: _Place) -> str:
        assert self._cipher is not None, "a record was read"
        sealed = self._cipher.seal(_NOBODY, _STATE, msgspec.json.encode(place).decode())
        return f"{sealed.key_id}.{base64.urlsafe_b64encode(sealed.sealed).decode().rstrip('=')}"

    def _opened_state(self, state: str) -> _Place | None:
        key_id, _, text = state.partition(".")
        if self._cipher is None or len(state) > STATE_CHARACTERS or not state.isascii():
            return None
        try:
            sealed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        except (binascii.Error, ValueError):
            return None
        opened = self._cipher.open(_NOBODY, _STATE, SealedSecret(key_id, sealed))
        return None if opened is None else msgspec.json.decode(opened, type=_Place)

    async def _taken(self, state: str) -> tuple[McpRecord, PendingAuthorization]:
        """What waits for this state, which waits for nothing from now on: of two that come with one state, one has it."""
        place, found = self._opened_state(state), list[PendingAuthorization]()

        def take(record: McpRecord) -> McpRecord | None:
            found.clear()
            pending = _pending_of(record, place)
            if pending is None or record.oauth is None:
                return None
            found.append(pending)
            return msgspec.structs.replace(record, oauth=msgspec.structs.replace(record.oauth, pending=None))

        record = None if place is None else await self._records.change(place.owner, place.server_id, take)
        pending = found[0] if record is not None and found else None
        self._require_waiting(pending)
        assert record is not None
        assert pending is not None
        return record, pending

    def _require_waiting(self, pending: PendingAuthorization | None) -> None:
        if pending is None or self._clock.now_ms() >= pending.expires_ms:
            raise FrameRefused(
                "No authorization waits for this: it was finished, has expired, or was never begun.",
                field="state",
                hint="Begin the authorization again, and open the address that you get.",
                point=mcp_points.MCP_STATE,
            )

    @contextmanager
    def _counted(self, owner: str) -> Iterator[None]:
        limits, counts = self._limits, self._under_way
        if counts[owner] >= limits.mcp_authorizations or counts.total() >= limits.process_mcp_authorizations:
            raise LimitRefused(
                "Too many authorizations of MCP servers are under way.",
                retry_after_ms=1_000,
                point=mcp_points.MCP_AUTHORIZING,
            )
        counts[owner] += 1
        try:
            yield
        finally:
            counts[owner] -= 1
            if not counts[owner]:
                del counts[owner]

    # --- tokens -----------------------------------------------------------------------------------------------------

    def _kept(self, tokens: Tokens, grant: Grant, before: str = "") -> KeptTokens:
        refresh = tokens.refresh or before
        if tokens.expires_in_s is None:
            return KeptTokens(tokens.access, grant, refresh)
        now_ms, lasts_ms = self._clock.now_ms(), tokens.expires_in_s * 1000
        renew_ms = now_ms + lasts_ms - min(_EARLIER_MS, lasts_ms // 2)
        return KeptTokens(tokens.access, grant, refresh, renew_ms, now_ms + lasts_ms)

    def _is_near_its_end(self, tokens: KeptTokens) -> bool:
        end_ms = tokens.renew_ms if tokens.refresh else tokens.expires_ms
        return bool(end_ms) and self._clock.now_ms() >= end_ms

    async def _renewed(self, owner: str, server_id: str, access: str) -> KeptTokens:
        """What follows ``access``. All who ask at once get the same, and it is stored also if none of them waits for it."""
        place = owner, server_id
        task = self._renewing.get(place)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._renew(owner, server_id, access))
            self._renewing[place] = task
            task.add_done_callback(lambda done: self._ended(place, done))
        return await asyncio.shield(task)

    def _ended(self, place: tuple[str, str], task: asyncio.Task[KeptTokens]) -> None:
        del self._renewing[place]
        if not task.cancelled():
            task.exception()  # who waits for it raises it

    async def _renew(self, owner: str, server_id: str, access: str) -> KeptTokens:
        """A refresh token may be good for one use, so one process uses it, and the others wait for what it stores."""
        while True:
            record = await self._records.find(owner, server_id)
            oauth = None if record is None else record.oauth
            if record is None or oauth is None or oauth.tokens is None:
                raise self._again(server_id, record)
            tokens, now_ms = oauth.tokens, self._clock.now_ms()
            if tokens.access != access:
                return tokens
            if not tokens.refresh:
                await self._change(owner, server_id, _without(access))
                raise self._again(server_id, record)
            until_ms = now_ms + round(2_000 * self._limits.mcp_open_s)
            if await self._change(owner, server_id, _claimed(access, until_ms, now_ms)):
                new = await self._renew_claimed(owner, server_id, record, tokens)
                if new is not None:
                    return new
            else:  # another process does
                await asyncio.sleep(_LOOK_S)

    async def _renew_claimed(
        self, owner: str, server_id: str, record: McpRecord, tokens: KeptTokens
    ) -> KeptTokens | None:
        """The new tokens, once they are stored; ``None`` if others were meanwhile."""
        try:
            new = await self._client.renew(server_of(owner, server_id, record), tokens.grant, tokens.refresh)
        except (ToolError, EgressRefused) as fault:
            if fault.code == _NOT_AUTHORIZED:
                await self._change(owner, server_id, _without(tokens.access))
                raise self._again(server_id, record) from fault
            await self._change(owner, server_id, _claimed(tokens.access, 0))
            raise
        kept = self._kept(new, tokens.grant, tokens.refresh)
        return kept if await self._change(owner, server_id, _after(tokens.access, kept)) else None

    async def _change(self, owner: str, server_id: str, change: Callable[[OAuthRecord], OAuthRecord | None]) -> bool:
        """Whether ``change`` made something else of the server's part that is about OAuth, and it was stored."""

        def changed(record: McpRecord) -> McpRecord | None:
            oauth = None if record.oauth is None else change(record.oauth)
            return None if oauth is None else msgspec.structs.replace(record, oauth=oauth)

        return await self._records.change(owner, server_id, changed) is not None

    @staticmethod
    def _again(server_id: str, record: McpRecord | None) -> ToolError:
        if record is None:
            return ToolError("MCP_UNREACHABLE", "The MCP server is not there any more.", hint="Do without it.")
        return ToolError(
            "MCP_NOT_AUTHORIZED",
            f"The MCP server {record.name} is not authorized, or not any more: its user has to authorize it again.",
            hint=f"POST /api/mcp-servers/{server_id}/authorization returns the address that its user opens. "
            "Do without its tools until then.",
        )


def _pending_of(record: McpRecord | None, place: _Place | None) -> PendingAuthorization | None:
    pending = None if record is None or record.oauth is None else record.oauth.pending
    if pending is None or place is None or not hmac.compare_digest(pending.secret, place.secret):
        return None
    return pending


def _after(access: str, tokens: KeptTokens | None) -> Callable[[OAuthRecord], OAuthRecord | None]:
    """In the place of the tokens with this ``access``, and of no others: they may have been replaced meanwhile."""

    def change(oauth: OAuthRecord) -> OAuthRecord | None:
        if oauth.tokens is None or oauth.tokens.access != access:
            return None
        return msgspec.structs.replace(oauth, tokens=tokens, renewing_ms=0)

    return change


def _without(access: str) -> Callable[[OAuthRecord], OAuthRecord | None]:
    return _after(access, None)


def _claimed(access: str, until_ms: int, now_ms: int | None = None) -> Callable[[OAuthRecord], OAuthRecord | None]:
    """Nobody else renews these tokens until then; if ``now_ms`` is given, and nobody does now."""

    def change(oauth: OAuthRecord) -> OAuthRecord | None:
        if oauth.tokens is None or oauth.tokens.access != access:
            return None
        if now_ms is not None and oauth.renewing_ms > now_ms:
            return None
        return msgspec.structs.replace(oauth, renewing_ms=until_ms)

    return change
