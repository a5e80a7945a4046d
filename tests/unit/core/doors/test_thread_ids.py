"""Threads that clients of doors call by ids of their own."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from netra_backend.app.core.doors.thread_ids import alias, is_of_another
from netra_backend.app.core.ids import is_valid_id

WORDS = st.text(max_size=20)


@given(WORDS, WORDS, WORDS, WORDS, WORDS, WORDS)
def test_each_owner_protocol_and_id_has_a_thread_of_its_own(
    owner: str, protocol: str, client_id: str, owner_2: str, protocol_2: str, client_id_2: str
) -> None:
    one, two = (owner, protocol, client_id), (owner_2, protocol_2, client_id_2)
    if not any("\0" in word for word in (*one, *two)):
        assert (alias(*one) == alias(*two)) is (one == two)
    assert is_valid_id(alias(*one))
    assert not is_of_another(alias(*one), owner)
    assert is_of_another(alias(*one), owner_2) is (owner != owner_2)


def test_other_ids_are_anybodys() -> None:
    for thread_id in ("thr_1", "chat", alias("ada", "openai", "chat")[:-1], alias("ada", "openai", "chat").upper()):
        assert not is_of_another(thread_id, "bob")
