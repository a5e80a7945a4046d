"""Sign-ins of synthetic users, for drills within one process: their key never leaves its memory."""

from __future__ import annotations

from typing import Any, Final

from ..config import TokenSource
from ..ports import Clock, Entropy
from .token_minting import mint_token

ISSUER: Final = "netra-drill"
LIFETIME_S: Final = 600
_KEY_BYTES: Final = 32


class SyntheticSignIns:
    """Signs tokens that this process alone accepts (``source`` is among its sources); itself a ``ports.KeySet``."""

    def __init__(self, clock: Clock, entropy: Entropy) -> None:
        self._clock = clock
        self._entropy = entropy
        self._key = entropy.take(_KEY_BYTES)
        self.source = TokenSource("secret", ("HS256",), issuer=ISSUER, secret=self._key)

    def token(self, user_id: str) -> str:
        """A token without rights but those of everybody. Raises ``InvalidContextError`` for what is no user id."""
        return mint_token(
            user_id,
            key=self._key,
            issuer=ISSUER,
            now_ms=self._clock.now_ms(),
            token_id=self._entropy.take(8).hex(),
            lifetime_s=LIFETIME_S,
            max_lifetime_s=LIFETIME_S,
        )

    async def find(self, kid: str | None, algorithm: str) -> Any:
        return self._key

    async def close(self) -> None:
        """Nothing to let go of."""
