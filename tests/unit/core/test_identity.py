"""Who somebody is."""

from __future__ import annotations

import base64
import hashlib

from hypothesis import given
from hypothesis import strategies as st

from netra_backend.app.core.identity import Identity, user_id_of_subject
from netra_backend.app.core.ids import is_valid_id


def test_the_user_id_of_a_subject_is_the_documented_digest() -> None:
    digest = hashlib.sha256(b"https://login.example.com\x00auth0|42").digest()
    expected = "u_" + base64.b32encode(digest).decode().lower().rstrip("=")
    assert user_id_of_subject("https://login.example.com", "auth0|42") == expected
    assert len(expected) == 54


def test_two_issuers_never_meet_and_a_moved_border_gives_another_user() -> None:
    assert user_id_of_subject("https://a.example", "x") != user_id_of_subject("https://b.example", "x")
    assert user_id_of_subject("https://a.example", "bx") != user_id_of_subject("https://a.exampleb", "x")


@given(st.text(), st.text())
def test_any_subject_gives_a_valid_user_id(issuer: str, subject: str) -> None:
    assert is_valid_id(user_id_of_subject(issuer, subject))


def test_only_the_scope_admin_makes_an_operator() -> None:
    assert Identity("u", frozenset({"usage", "admin"}), None, 0).is_admin
    assert not Identity("u", frozenset({"usage", "administrator"}), None, 0).is_admin
