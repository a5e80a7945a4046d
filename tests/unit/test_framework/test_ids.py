"""Ids that the kit makes."""

from __future__ import annotations

from netra_backend.app.core.ids import is_valid_id
from test_framework.ids import new_id


def test_new_ids_are_valid_of_their_kind_and_never_the_same() -> None:
    made = [new_id("user") for _ in range(100)]
    assert all(is_valid_id(id) and id.startswith("user_") for id in made)
    assert len(set(made)) == 100
