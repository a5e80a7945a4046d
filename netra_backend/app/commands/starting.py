"""Waits for a server that is still starting."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from ...client.client import PATIENCE_S
from .common import StillStarting

_LOOK_EVERY_S: Final = 0.25


async def once_started(find: Callable[[], str], on_wait: Callable[[], object], patience_s: float = PATIENCE_S) -> str:
    """The address that ``find`` gives once the server listens; ``on_wait()`` is called first if that is not yet. Raises
    ``StillStarting`` after about ``patience_s``, and what else ``find`` raises."""
    for look in range(round(patience_s / _LOOK_EVERY_S)):
        try:
            return find()
        except StillStarting:
            if look == 0:
                on_wait()
            await asyncio.sleep(_LOOK_EVERY_S)
    return find()
