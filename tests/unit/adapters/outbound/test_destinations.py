"""The addresses of a host that an outbound call may reach."""

from __future__ import annotations

import socket
from ipaddress import ip_network

import pytest

from netra_backend.app.adapters.outbound.destinations import Destinations
from netra_backend.app.core.errors import DependencyUnavailable, EgressRefused

NAMES = {
    "public.invalid": ["93.184.216.34", "2606:4700::1111"],
    "inside.invalid": ["10.0.0.1"],
    "both.invalid": ["169.254.169.254", "93.184.216.34", "::1"],
    "loop.invalid": ["127.0.0.1"],
    "fe80.invalid": ["fe80::1%2"],
}


async def resolve(owner: str, name: str) -> list[str]:
    if name == "broken.invalid":
        raise socket.gaierror(socket.EAI_AGAIN, "try again")
    return NAMES.get(name, [])


async def test_the_public_addresses_of_a_name_are_given_and_no_others() -> None:
    destinations = Destinations(resolve=resolve)
    assert await destinations.addresses("user_ada", "public.invalid", is_encrypted=True) == NAMES["public.invalid"]
    assert await destinations.addresses("user_ada", "both.invalid", is_encrypted=True) == ["93.184.216.34"]
    assert await destinations.addresses("user_ada", "1.1.1.1", is_encrypted=True) == ["1.1.1.1"]


@pytest.mark.validation_point("egress.address")
@pytest.mark.parametrize(
    ("host", "is_encrypted"),
    [
        ("inside.invalid", True),
        ("loop.invalid", True),
        ("fe80.invalid", True),
        ("absent.invalid", True),
        ("127.0.0.1", True),
        ("::1", True),
        ("::ffff:10.0.0.1", True),
        ("public.invalid", False),
    ],
)
async def test_what_may_not_be_reached_is_answered_like_what_does_not_exist(host: str, is_encrypted: bool) -> None:
    with pytest.raises(EgressRefused) as refusal:
        await Destinations(resolve=resolve).addresses("user_ada", host, is_encrypted=is_encrypted)
    assert refusal.value.message == f"{host} has no address that this server may call."
    assert refusal.value.code == "ADDRESS_NOT_ALLOWED"


async def test_the_operators_networks_are_reached_also_without_encryption() -> None:
    destinations = Destinations((ip_network("127.0.0.0/8"),), resolve)
    assert await destinations.addresses("user_ada", "loop.invalid", is_encrypted=False) == ["127.0.0.1"]
    assert await destinations.addresses("user_ada", "127.0.0.9", is_encrypted=True) == ["127.0.0.9"]


async def test_a_name_that_nobody_can_look_up_now_is_not_called_absent() -> None:
    with pytest.raises(DependencyUnavailable):
        await Destinations(resolve=resolve).addresses("user_ada", "broken.invalid", is_encrypted=True)


async def test_the_system_is_asked_and_numbers_in_other_forms_are_judged_as_what_they_lead_to() -> None:
    destinations = Destinations()
    for host in ("localhost", "2130706433", "0x7f.1", "a" * 70 + ".invalid", "absent.invalid"):
        with pytest.raises((EgressRefused, DependencyUnavailable)):
            await destinations.addresses("user_ada", host, is_encrypted=True)
