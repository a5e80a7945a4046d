"""Revoked sign-ins: for each user, the time up to which issued tokens are invalid; and single tokens by their ids."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Iterable

from ..core import key_points, validation
from ..core.api_keys import ApiKey, looks_like_a_key
from ..core.errors import FrameRefused, LimitRefused
from ..core.identity import CLOCK_LEEWAY_MS, DEFAULT_MAX_LIFETIME_S, MAX_TOKEN_ID, Identity, RevokedToken
from ..core.ids import check_id
from ..core.limits import USUAL
from ..sign_in_ports import RevocationStore

_TOKEN_ID = re.compile(rf"[\x21-\x7e]{{1,{MAX_TOKEN_ID}}}").fullmatch

Listener = Callable[[str], None]


class Revocations:
    """The revocations, in memory, with a store behind them.

    They are checked at every use of a sign-in; ``listen`` reports new ones at once, so that no caller has to poll. A single
    sign-in is remembered until no token can stand that was issued before it was revoked, by ``max_lifetime_s``; of one user there
    may be so many ``tokens``.
    """

    def __init__(
        self,
        store: RevocationStore,
        *,
        max_lifetime_s: int = DEFAULT_MAX_LIFETIME_S,
        tokens: int = USUAL.revoked_tokens,
    ) -> None:
        self._store = store
        self._most_tokens = tokens
        self._remembered_ms = max_lifetime_s * 1000 + 2 * CLOCK_LEEWAY_MS
        self._until_ms: dict[str, int] = {}
        self._ahead_ms: OrderedDict[str, int] = OrderedDict()
        self._tokens: dict[str, dict[str, int]] = {}
        self._listeners: list[Listener] = []
        self._listeners_of_all: list[Listener] = []

    async def load(self) -> None:
        """Load stored revocations; once, before the server accepts requests."""
        for user_id, until_ms in (await self._store.load()).items():
            self.learn(user_id, until_ms)
        self.learn_tokens(await self._store.load_tokens())

    def revoked_since_ms(self, identity: Identity) -> int | None:
        """When this sign-in was revoked (ms, rounded up if it is not known exactly); ``None`` if it was not."""
        until_ms = self._until_ms.get(identity.user_id, -1)
        if identity.issued_at_ms <= until_ms:
            return until_ms
        tokens = self._tokens.get(identity.user_id)
        ends_at_ms = tokens.get(identity.token_id) if tokens is not None else None
        return None if ends_at_ms is None else ends_at_ms - self._remembered_ms

    def all_revoked_ms(self, user_id: str) -> int:
        """Everything that was issued to the user up to then is revoked, ms since 1970 UTC; -1 if nothing is."""
        return self._until_ms.get(user_id, -1)

    async def revoke(self, user_id: str, now_ms: int) -> None:
        """Revoke everything issued to the user up to now. It is in force at once, and stored on return. Raises
        ``InvalidContextError`` if this is not a user id."""
        check_id("user_id", user_id)
        self.learn(user_id, now_ms)
        await self._store.add(user_id, self._until_ms[user_id])

    async def saw_ahead(self, user_id: str, issued_ms: int, now_ms: int) -> None:
        """A token of this server's own clock was shown whose issue time lies ahead: the clock was set back since it was issued.

        A revocation before that time is about this token, too, whether it comes yet or has come already; and it stays so when
        the clock has passed that time. What is remembered of a user is let go by then.
        """
        ahead = self._ahead_ms
        while ahead and next(iter(ahead.values())) <= now_ms:
            ahead.popitem(last=False)
        ahead[user_id] = max(issued_ms, ahead.pop(user_id, 0))
        until_ms = self._until_ms.get(user_id, -1)
        if until_ms < issued_ms <= until_ms + CLOCK_LEEWAY_MS:
            self.learn(user_id, issued_ms)
            await self._store.add(user_id, issued_ms)

    async def revoke_token(self, user_id: str, token_id: str, now_ms: int) -> None:
        """Revoke the one sign-in of the user whose token has this id (``jti``). It is in force at once, and stored on return.

        Raises ``InvalidContextError`` if this is not a user id, ``FrameRefused`` if it is not a token's id, and
        ``LimitRefused`` if too many of this user are revoked.
        """
        check_id("user_id", user_id)
        if looks_like_a_key(token_id):
            raise FrameRefused(
                "This is the id of an API key, which is deleted rather than revoked.",
                field="token_id",
                hint="Have its user delete it, or run netra key revoke NAME --user USER.",
                point=key_points.KEY_REVOKED,
            )
        if _TOKEN_ID(token_id) is None:
            raise FrameRefused(
                f"A token's id is 1 to {MAX_TOKEN_ID} printable ASCII characters without spaces.",
                field="token_id",
                hint="Use the jti claim of the token.",
                point=validation.REVOCATION_TOKEN_ID,
            )
        if not self.has_room(user_id, now_ms):
            raise LimitRefused(
                f"{self._most_tokens} single sign-ins of this user are revoked already.",
                hint="Revoke all sign-ins of the user.",
                point=validation.REVOCATION_LIMIT,
            )
        await self._revoke(user_id, token_id, now_ms)

    async def revoke_key(self, key: ApiKey, now_ms: int) -> None:
        """End what was begun with an API key that is deleted, everywhere; it is in force at once, and stored on return. It is
        never one too many: while there is no room (``has_room``) no key is made."""
        await self._revoke(key.owner, key.token_id, now_ms)

    def has_room(self, user_id: str, now_ms: int) -> bool:
        """Whether another single sign-in of this user may be revoked."""
        self._forget(now_ms)
        return len(self._tokens.get(user_id, ())) < self._most_tokens

    async def _revoke(self, user_id: str, token_id: str, now_ms: int) -> None:
        revoked = RevokedToken(user_id, token_id, now_ms + self._remembered_ms)
        self.learn_tokens((revoked,))
        await self._store.add_token(revoked, now_ms)

    def learn(self, user_id: str, until_ms: int) -> None:
        """Apply a stored revocation of another process. An older one changes nothing."""
        ahead_ms = self._ahead_ms.get(user_id, -1)
        if until_ms < ahead_ms <= until_ms + CLOCK_LEEWAY_MS:
            until_ms = ahead_ms
        if until_ms > self._until_ms.get(user_id, -1):
            self._until_ms[user_id] = until_ms
            for tell in (*self._listeners, *self._listeners_of_all):
                tell(user_id)

    def learn_tokens(self, revoked: Iterable[RevokedToken]) -> None:
        """Apply stored revocations of single sign-ins. Those that are known change nothing."""
        for each in revoked:
            known = self._tokens.setdefault(each.user_id, {})
            if each.ends_at_ms > known.get(each.token_id, 0):
                known[each.token_id] = each.ends_at_ms
                for tell in self._listeners:
                    tell(each.user_id)

    def listen(self, tell: Listener) -> None:
        """Call ``tell(user_id)`` from now on whenever sign-ins of a user are revoked, all or one."""
        self._listeners.append(tell)

    def listen_for_all(self, tell: Listener) -> None:
        """Call ``tell(user_id)`` from now on whenever all sign-ins of a user are revoked."""
        self._listeners_of_all.append(tell)

    def _forget(self, now_ms: int) -> None:
        """Let go of what no token can be about any more."""
        for user_id, known in list(self._tokens.items()):
            live = {token_id: ends_at_ms for token_id, ends_at_ms in known.items() if ends_at_ms > now_ms}
            if live:
                self._tokens[user_id] = live
            else:
                del self._tokens[user_id]
