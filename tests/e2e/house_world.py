"""Nothing is added to the agents of the house."""

from __future__ import annotations

AGENTS: tuple[type, ...] = ()
