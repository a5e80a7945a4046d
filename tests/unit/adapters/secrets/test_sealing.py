"""Sealed secrets: readable with the server's keys, for their owner and under their name, and in no other way."""

from __future__ import annotations

import pytest

from netra_backend.app.adapters.secrets.sealing import AesGcmCipher
from netra_backend.app.secret_ports import SealedSecret

OLD, NEW = b"o" * 32, b"n" * 32


def test_it_opens_for_its_owner_and_name_alone() -> None:
    cipher = AesGcmCipher(NEW)
    sealed = cipher.seal("user_ada", "k", "a secret \u20ac")
    assert cipher.open("user_ada", "k", sealed) == "a secret \u20ac"
    assert b"a secret" not in sealed.sealed
    assert cipher.seal("user_ada", "k", "a secret \u20ac") != sealed  # a nonce of its own
    for owner, name in (("user_bob", "k"), ("user_ada", "k2"), ("user_ada:k", ""), ("user_ad", "a:k")):
        assert cipher.open(owner, name, sealed) is None


def test_after_a_change_of_keys_both_open_and_the_new_one_seals() -> None:
    sealed = AesGcmCipher(OLD).seal("user_ada", "k", "before")
    both = AesGcmCipher(NEW, OLD)
    assert both.open("user_ada", "k", sealed) == "before"
    assert both.key_id != sealed.key_id
    assert AesGcmCipher(NEW).open("user_ada", "k", both.seal("user_ada", "k", "after")) == "after"
    assert AesGcmCipher(NEW).open("user_ada", "k", sealed) is None


@pytest.mark.parametrize("damage", [b"", b"short", None])
def test_what_was_damaged_opens_for_nobody(damage: bytes | None) -> None:
    cipher = AesGcmCipher(NEW)
    sealed = cipher.seal("user_ada", "k", "whole")
    body = sealed.sealed[:-1] + bytes([sealed.sealed[-1] ^ 1]) if damage is None else damage
    assert cipher.open("user_ada", "k", SealedSecret(sealed.key_id, body)) is None
