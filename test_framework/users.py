"""Users for tests: an id, and a token that the server under test accepts.

``python -m test_framework.users DATA_DIR EMAIL [SCOPE ...]`` prints both for a server whose data directory can be read, as
``NETRA_STAGING_TOKEN_COMMAND`` asks for: ``NETRA_STAGING_TOKEN_COMMAND="python -m test_framework.users ./data"``.
"""

from __future__ import annotations

import secrets
import shlex
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from .ids import new_id


@dataclass(frozen=True, slots=True)
class TestUser:
    """One user. The id is minted and never the email."""

    __test__ = False

    id: str
    token: str
    email: str = ""


class MakesUsers(Protocol):
    """Where users come from."""

    def make(self, email: str, *, scopes: Iterable[str] = ()) -> TestUser:
        """A new user, with a token."""


class LocalUsers:
    """Users of a server of our own: their tokens are signed with the development key of its data directory."""

    def __init__(self, data_dir: Path) -> None:
        self._key_file = data_dir / "development.key"

    def make(self, email: str, *, scopes: Iterable[str] = (), lifetime_s: int = 3600) -> TestUser:
        """A new user, with a token."""
        return self.token_for(new_id("user"), email, scopes=scopes, lifetime_s=lifetime_s)

    def token_for(
        self,
        user_id: str,
        email: str = "",
        *,
        scopes: Iterable[str] = (),
        lifetime_s: int = 3600,
        now_ms: int | None = None,
    ) -> TestUser:
        """Another token for a user; ``now_ms`` is the server's time if that is not this machine's."""
        from netra_backend.app.config import DEVELOPMENT
        from netra_backend.app.services.token_minting import mint_token

        token = mint_token(
            user_id,
            key=bytes.fromhex(self._key_file.read_text()),
            issuer=DEVELOPMENT.issuer,
            now_ms=time.time_ns() // 1_000_000 if now_ms is None else now_ms,
            token_id=secrets.token_hex(8),
            scopes=scopes,
            lifetime_s=lifetime_s,
        )
        return TestUser(user_id, token, email)


class SharedUsers:
    """Users of several servers that share a secret: each is given ``settings``."""

    def __init__(self, issuer: str) -> None:
        self._issuer = issuer
        self._secret = secrets.token_hex(32)

    @property
    def settings(self) -> dict[str, str]:
        """The environment of each server."""
        return {"NETRA_JWT_SECRET": self._secret, "NETRA_JWT_ISSUER": self._issuer}

    def make(self, email: str) -> TestUser:
        """A new user, with a token."""
        user_id = new_id("user")
        return TestUser(user_id, self.token(user_id), email)

    def token(self, user_id: str) -> str:
        """A token that all of the servers take."""
        from netra_backend.app.services.token_minting import mint_token

        now_ms, token_id = time.time_ns() // 1_000_000, secrets.token_hex(8)
        return mint_token(user_id, key=self._secret.encode(), issuer=self._issuer, now_ms=now_ms, token_id=token_id)


class StagingUsers:
    """Users of a server elsewhere: a command takes an email (and scopes) and prints an id and a token."""

    def __init__(self, command: str) -> None:
        self._command = shlex.split(command)

    def make(self, email: str, *, scopes: Iterable[str] = ()) -> TestUser:
        """A new user, with a token. Raises ``RuntimeError`` with what the command said where it prints anything else."""
        done = subprocess.run([*self._command, email, *scopes], capture_output=True, text=True, check=False)
        words = done.stdout.split()
        if done.returncode or len(words) != 2:
            raise RuntimeError(
                f"{self._command[0]} must print a user id and a token; it ended with {done.returncode}, printed "
                f"{len(words)} words, and said: {done.stderr.strip()[-500:]}"
            )
        return TestUser(words[0], words[1], email)


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit("usage: python -m test_framework.users DATA_DIR EMAIL [SCOPE ...]")
    made = LocalUsers(Path(sys.argv[1])).make(sys.argv[2], scopes=sys.argv[3:])
    print(made.id, made.token)
