"""Places go to the owners in turn, the last quarter to those who have none, and what is nobody's comes first."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from netra_backend.app.core.fair_turns import NOBODY, FairTurns


def test_owners_have_their_turns_and_their_own_items_in_order() -> None:
    turns: FairTurns[int] = FairTurns()
    for number, owner in enumerate(["ada", "ada", "ada", "bob", "bob", "cyd"]):
        turns.put(owner, number)
    taken = []
    while (found := turns.take(1)) is not None:
        taken.append(found)
        turns.leave(found[0])
    assert taken == [("ada", 0), ("bob", 3), ("cyd", 5), ("ada", 1), ("bob", 4), ("ada", 2)]


def test_the_last_quarter_is_for_owners_who_have_none() -> None:
    turns: FairTurns[str] = FairTurns()
    for name in "abcde":
        turns.put("ada", name)
    assert [turns.take(4) for _ in range(4)] == [("ada", "a"), ("ada", "b"), ("ada", "c"), None]
    turns.put("bob", "x")
    turns.put("bob", "y")
    assert [turns.take(4), turns.take(4)] == [("bob", "x"), None]
    turns.leave("bob")
    assert turns.take(4) == ("bob", "y")  # he has none again, and ada has
    turns.leave("ada")
    assert turns.take(4) is None
    turns.leave("bob")
    assert turns.take(4) == ("ada", "d")


def test_what_is_nobodys_comes_first_and_may_take_every_place() -> None:
    turns: FairTurns[int] = FairTurns()
    turns.put("ada", 0)
    for number in (1, 2, 3, 4, 5):
        turns.put(NOBODY, number)
    assert [turns.take(4) for _ in range(5)] == [(NOBODY, 1), (NOBODY, 2), (NOBODY, 3), (NOBODY, 4), None]


def test_what_was_withdrawn_is_never_taken() -> None:
    turns: FairTurns[str] = FairTurns()
    turns.put("ada", "a")
    turns.put("ada", "b")
    assert turns.withdraw("ada", "a")
    assert not turns.withdraw("ada", "a")
    assert not turns.withdraw("bob", "b")
    assert turns.take(1) == ("ada", "b")
    turns.put("ada", "c")
    assert turns.withdraw("ada", "c")
    turns.leave("ada")
    assert turns.take(1) is None


@given(st.integers(1, 9), st.lists(st.tuples(st.sampled_from(["put", "take", "leave"]), st.sampled_from("abcd"))))
def test_nobody_holds_more_than_may_be_and_nothing_waits_that_may_go_on(
    places: int, script: list[tuple[str, str]]
) -> None:
    turns: FairTurns[int] = FairTurns()
    waiting: Counter[str] = Counter()
    held: Counter[str] = Counter()
    for step, owner in script:
        if step == "put":
            turns.put(owner, 0)
            waiting[owner] += 1
        elif step == "take" and (found := turns.take(places)) is not None:
            held[found[0]] += 1
            waiting[found[0]] -= 1
        elif step == "leave" and held[owner]:
            turns.leave(owner)
            held[owner] -= 1
        assert held.total() <= places
        assert len(turns) == held.total() + waiting.total()
    while (found := turns.take(places)) is not None:
        held[found[0]] += 1
        waiting[found[0]] -= 1
    left = {owner for owner, count in waiting.items() if count}
    is_full = held.total() == places
    assert is_full or all(held[owner] and held.total() >= places - places // 4 for owner in left)
