"""How the driver wants the address of a Redis or Valkey server."""

from __future__ import annotations


def driver_url(url: str) -> str:
    """``valkey`` and ``valkeys`` speak what ``redis`` and ``rediss`` do, which is all that the driver knows."""
    scheme, separator, rest = url.partition("://")
    return {"valkey": "redis", "valkeys": "rediss"}.get(scheme, scheme) + separator + rest
