"""Secrets that users give to agents, and those of the server: kept sealed, and given out to a run of their owner alone."""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable
from typing import Final

from ..core import validation
from ..core.errors import FrameRefused, LimitRefused, NotFound
from ..core.hidden_values import SHORTEST
from ..core.limits import Limits
from ..secret_ports import SealedSecret, SecretCipher, SecretStore

_LOG: Final = logging.getLogger("netra.secrets")
_is_name: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}").fullmatch

OfServer = Callable[[str], Awaitable[str | None]]
"""The server's secret of a name."""


async def _none(_: str) -> str | None:
    return None


class Secrets:
    """The secrets of all users, each found by its owner alone. Without a ``cipher`` (no ``NETRA_SECRETS_KEY``) none is kept."""

    def __init__(
        self, store: SecretStore, cipher: SecretCipher | None, limits: Limits, of_server: OfServer = _none
    ) -> None:
        self._store = store
        self._cipher = cipher
        self._limits = limits
        self._of_server = of_server
        self._told_unopened = False

    async def put(self, owner: str, name: str, value: str) -> None:
        """Keep it, in the place of the one of that name. Raises ``FrameRefused`` if no key is set, or for a name or a value that
        cannot be one; ``LimitRefused`` if the owner has too many; and ``DependencyUnavailable``."""
        _check_form(_is_name(name) is not None, "name", "A name has 1 to 64 letters, digits, - and _, a letter first.")
        most = self._limits.secret_bytes
        size = len(value.encode("utf-8", "surrogatepass"))
        fits = len(value) >= SHORTEST and size <= most and "\x00" not in value and value == _storable(value)
        _check_form(fits, "value", f"A secret has {SHORTEST} characters to {most} bytes of text.")
        cipher = self._required_cipher()
        if not await self._store.put(owner, name, cipher.seal(owner, name, value), self._limits.secrets):
            raise LimitRefused(
                f"You have {self._limits.secrets} secrets, and no room for another.",
                kind="payload_too_large",
                hint="Delete one, or ask the operator to raise NETRA_LIMIT_SECRETS.",
                point=validation.SECRET_ROOM,
            )

    async def names(self, owner: str) -> list[tuple[str, int]]:
        """The owner's secrets by their names, in order, and when each was stored (ms since 1970 UTC)."""
        return await self._store.names(owner)

    async def delete(self, owner: str, name: str) -> None:
        """Delete one. Raises ``NotFound`` if the owner has none of that name."""
        if _is_name(name) is None or not await self._store.remove(owner, name):
            raise NotFound("There is no such secret.", field="name", point=validation.SECRET_OWNED)

    async def value(self, owner: str, name: str) -> str:
        """The owner's secret of that name, else the server's. Raises ``KeyError`` if there is none, or if no key of this server's
        opens the owner's: the server's never takes its place."""
        if type(name) is not str or _is_name(name) is None:
            raise KeyError(name)
        sealed = await self._store.find(owner, name)
        value = await self._of_server(name) if sealed is None else self._opened(owner, name, sealed)
        if (
            value is None or len(value) < SHORTEST
        ):  # a shorter one of the server's could not be kept out of what is shown
            raise KeyError(name)
        return value

    def _opened(self, owner: str, name: str, sealed: SealedSecret) -> str | None:
        value = None if self._cipher is None else self._cipher.open(owner, name, sealed)
        if value is None and not self._told_unopened:
            self._told_unopened = True
            _LOG.error("a user's secret is sealed with a key that is not set: it is not given out")
        return value

    async def reseal(self) -> int:
        """As ``reseal`` below, of all secrets."""
        return await reseal(self._store, self._cipher)

    def _required_cipher(self) -> SecretCipher:
        if self._cipher is None:
            raise FrameRefused(
                "This server keeps no secrets.",
                kind="conflict",
                hint="The operator sets NETRA_SECRETS_KEY, for example to the output of `openssl rand -hex 32`.",
                point=validation.SECRET_KEY,
            )
        return self._cipher


async def reseal(store: SecretStore, cipher: SecretCipher | None) -> int:
    """Seal with the server's key what is sealed with the one before; how many. What neither opens is left as it is."""
    after, count, unopened = ("", ""), 0, 0
    while cipher is not None and (stale := await store.stale(cipher.key_id, after)):
        for owner, name in stale:
            sealed = await store.find(owner, name)
            if sealed is None or sealed.key_id == cipher.key_id:  # its user was faster
                continue
            value = cipher.open(owner, name, sealed)
            if value is None:
                unopened += 1
            else:
                count += await store.replace(owner, name, sealed, cipher.seal(owner, name, value))
        after = stale[-1]
    if unopened:
        _LOG.warning("secrets are sealed with a key that is not set", extra={"secrets": unopened})
    return count


def _storable(value: str) -> str:
    return value.encode("utf-8", "replace").decode()


def _check_form(fits: bool, field: str, message: str) -> None:
    if not fits:
        raise FrameRefused(message, field=field, point=validation.SECRET_FORM)
