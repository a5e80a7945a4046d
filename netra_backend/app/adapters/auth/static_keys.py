"""A key that the operator gave (``ports.KeySet``)."""

from __future__ import annotations

from typing import Any

from ...config import TokenSource


class StaticKeys:
    """One key, whatever ``kid`` a token names: the settings saw to it that the algorithms fit."""

    def __init__(self, source: TokenSource, development_key: bytes = b"") -> None:
        """``development_key`` is needed for a source of that kind alone."""
        self._key: Any = (
            development_key if source.kind == "development" else source.secret or source.public_key.encode()
        )
        if not self._key:
            raise ValueError(f"a {source.kind} source has no key of its own")

    async def find(self, kid: str | None, algorithm: str) -> Any:
        return self._key

    async def close(self) -> None:
        """Nothing to let go of."""
