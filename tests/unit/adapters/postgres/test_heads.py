"""Heads in memory beside what PostgreSQL knows."""

from __future__ import annotations

import pytest

from netra_backend.app.adapters.postgres.heads import bring_up, is_certain
from netra_backend.app.core.history import ThreadHead


@pytest.mark.parametrize(
    ("owner", "fence", "certain"), [("user_ada", 1, True), ("user_ada", 0, False), ("", 0, True), ("", 2, True)]
)
def test_a_head_is_certain_if_the_thread_is_ours_or_nobodys(owner: str, fence: int, certain: bool) -> None:
    assert is_certain(ThreadHead(owner, "thr_1", "e", 0, fence=fence)) is certain


@pytest.mark.parametrize(("owner", "top", "becomes"), [("user_ada", 7, 7), ("user_ada", 4, 5), ("", 0, 0)])
def test_a_head_becomes_what_is_stored_unless_it_is_ahead_of_it(owner: str, top: int, becomes: int) -> None:
    head = ThreadHead("user_ada", "thr_1", "old", 0, top=5)
    bring_up(head, owner, "new", "A title", 2, top)
    assert (head.top, head.epoch) == (becomes, "old" if becomes == 5 else "new")
