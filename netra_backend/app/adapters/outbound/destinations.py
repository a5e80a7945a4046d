"""The addresses of a host that an outbound call may reach. A caller connects to one of these, and does not resolve again."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

from ...core import mcp_points
from ...core.egress import address_of, is_allowed
from ...core.errors import DependencyUnavailable, EgressRefused
from ...core.settings_values import Network
from ...services.shared_threads import SharedThreads

Resolve = Callable[[str, str], Awaitable[list[str]]]
"""The addresses of a name, for an owner; none if there is no such name. Raises ``OSError``."""

_NAMES: Final = SharedThreads("netra-names", 16)
"""A name whose server never answers takes a thread for half a minute: users have them in turn."""
_ABSENT: Final = frozenset({socket.EAI_NONAME, socket.EAI_NODATA, socket.EAI_FAIL})


class Destinations:
    """``networks`` are those that the operator allows beside public addresses."""

    def __init__(self, networks: tuple[Network, ...] = (), resolve: Resolve | None = None) -> None:
        self._networks = networks
        self._resolve = resolve or _by_system

    async def addresses(self, owner: str, host: str, *, is_encrypted: bool) -> list[str]:
        """The addresses of ``host`` that may be reached for ``owner``; without encryption, those that the operator names.

        Raises ``EgressRefused`` if there is none, in the same words whether there is no such name or only an address that may
        not be reached, and ``DependencyUnavailable`` if nobody knows.
        """
        literal = address_of(host)
        try:
            found = [host] if literal is not None else await self._resolve(owner, host)
        except OSError as fault:
            raise DependencyUnavailable(f"The address of {host[:100]} could not be looked up.") from fault
        known = [address for address in map(address_of, found) if address is not None]
        allowed = [str(each) for each in known if is_allowed(each, self._networks)]
        if not is_encrypted:
            allowed = [each for each in allowed if any(address_of(each) in network for network in self._networks)]
        if not allowed:
            raise EgressRefused(
                f"{host[:100]} has no address that this server may call.",
                field="url",
                hint="Use an https:// address on the internet, or ask the operator to set NETRA_EGRESS_NETWORKS.",
                point=mcp_points.EGRESS_ADDRESS,
            )
        return allowed


async def _by_system(owner: str, name: str) -> list[str]:
    try:
        found = await _NAMES.run(owner, partial(socket.getaddrinfo, name, None, type=socket.SOCK_STREAM))
    except UnicodeError:  # a label that is empty or too long
        return []
    except socket.gaierror as fault:
        if fault.errno in _ABSENT:
            return []
        raise
    return list(dict.fromkeys(str(place[0]) for *_, place in found))
