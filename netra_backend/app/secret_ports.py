"""What secrets ask of the outside. The other ports are in ``ports``."""

from __future__ import annotations

from typing import NamedTuple, Protocol


class SealedSecret(NamedTuple):
    """``sealed`` is readable with the key ``key_id`` alone."""

    key_id: str
    sealed: bytes


class SecretStore(Protocol):
    """Secrets of users, sealed, in the store of the event log, which deletes them with their owner. Every call but ``stale``
    names the owner, and sees nobody else's."""

    async def put(self, owner: str, name: str, secret: SealedSecret, most: int) -> bool:
        """Store it in the place of the one of that name. ``False`` if there is none, and the owner has ``most`` others."""

    async def find(self, owner: str, name: str) -> SealedSecret | None:
        """The owner's secret of that name."""

    async def names(self, owner: str) -> list[tuple[str, int]]:
        """The owner's secrets by their names, in order, and when each was stored (ms since 1970 UTC)."""

    async def remove(self, owner: str, name: str) -> bool:
        """Delete it; whether there was one."""

    async def replace(self, owner: str, name: str, old: SealedSecret, new: SealedSecret) -> bool:
        """Store the same secret sealed anew, if it is still the ``old`` one; whether it was. When it was stored stays."""

    async def stale(self, key_id: str, after: tuple[str, str] = ("", "")) -> list[tuple[str, str]]:
        """Owner and name of secrets, whoever's, that are sealed with another key and follow this owner and name, in their order;
        at most 100."""


class SecretCipher(Protocol):
    """Seals with the server's key, for one owner and name."""

    @property
    def key_id(self) -> str:
        """What ``seal`` seals with."""

    def seal(self, owner: str, name: str, value: str) -> SealedSecret:
        """Authenticated encryption: for another owner, or under another name, it cannot be opened."""

    def open(self, owner: str, name: str, secret: SealedSecret) -> str | None:
        """What was sealed, with this key or the one before; ``None`` if neither opens it."""
