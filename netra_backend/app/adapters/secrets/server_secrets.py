"""Secrets of the server: a directory with a file for each, as Docker, Kubernetes and systemd mount them."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Final

_LOG: Final = logging.getLogger("netra.secrets")


class ServerSecrets:
    """Reads a file when its secret is asked for, so that a new one counts at once. A line end at its end is none of it."""

    def __init__(self, directory: Path, most_bytes: int) -> None:
        self._directory = directory
        self._most_bytes = most_bytes

    async def __call__(self, name: str) -> str | None:
        """The secret of this name, which is one that users may give; ``None`` if there is none."""
        return await asyncio.to_thread(self._read, name)

    def _read(self, name: str) -> str | None:
        try:
            with (self._directory / name).open("rb") as file:
                body = file.read(self._most_bytes + 1)
            if len(body) > self._most_bytes:
                raise ValueError(f"it is larger than {self._most_bytes} bytes")
            return body.decode().rstrip("\r\n")
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as fault:
            _LOG.warning(
                "a secret of the server cannot be read", extra={"secret_name": name, "fault": type(fault).__name__}
            )
            return None
