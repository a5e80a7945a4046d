"""What is remembered for a while: the newest, in bounded room."""

from __future__ import annotations

from netra_backend.app.core.recent import Recent


def test_the_first_goes_where_there_is_no_room() -> None:
    recent: Recent[str, int] = Recent(3)
    for n, key in enumerate("abcd"):
        recent.put(key, n)
    assert [recent.get(key) for key in "abcd"] == [None, 1, 2, 3]
    assert len(recent) == 3


def test_putting_a_known_key_again_makes_no_room() -> None:
    recent: Recent[str, int] = Recent(2)
    for key, value in (("a", 1), ("b", 2), ("a", 3)):
        recent.put(key, value)
    assert (recent.get("a"), recent.get("b"), len(recent)) == (3, 2, 2)


def test_what_is_dropped_is_forgotten_and_an_unknown_key_is_no_fault() -> None:
    recent: Recent[tuple[str, str], int] = Recent(9)
    for owner in ("ada", "bob"):
        for key in ("k1", "k2"):
            recent.put((owner, key), 1)
    recent.drop(("ada", "k1"))
    recent.drop(("ada", "k1"))
    assert len(recent) == 3
    assert recent.drop_where(lambda key: key[0] == "bob") == [1, 1]
    assert (recent.get(("ada", "k2")), len(recent)) == (1, 1)
