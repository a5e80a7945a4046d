"""Lists of words and phrases."""

from __future__ import annotations

import pytest

from netra_backend.app.agents.triage.lexicon import Lexicon, lexicon, parse, word_lists


def found(entries: str, text: str) -> bool:
    return "L" in Lexicon({"L": entries.split(", ")}).find(text)


@pytest.mark.parametrize(
    ("entry", "text", "holds"),
    [
        ("cost", "the cost is", True),
        ("cost", "the costs are", False),
        ("cost*", "costly things", True),
        ("off peak", "run it off-peak", True),
        ("off peak", "off we go, peak", False),
        ("cach* … prompt*", "caching the long system prompts", True),
        ("cach* … prompt", "caching a b c d e prompt", False),
        ("rate limit*", "a rate limited call", True),
        ("sav*", "sa", False),
    ],
)
def test_an_entry_holds_where_its_words_stand(entry: str, text: str, holds: bool) -> None:
    assert found(entry, text) is holds


def test_the_first_place_of_each_list_is_told() -> None:
    assert Lexicon({"A": ["cost"], "B": ["two words"]}).find("two words cost, cost") == {"A": (10, 14), "B": (0, 9)}


def test_a_file_is_names_and_entries_between_commas() -> None:
    assert parse("# why\n\nONE\na, b c,\nd\n\nTWO\ne*\n") == {"ONE": ["a", "b c", "d"], "TWO": ["e*"]}


@pytest.mark.parametrize("name", ["concepts", "levers", "spelling", "fillers", "greetings"])
def test_each_list_of_the_package_has_entries(name: str) -> None:
    assert all(word_lists(name).values())


def test_a_lexicon_is_made_once() -> None:
    assert lexicon("levers") is lexicon("levers")


def test_a_long_hostile_text_is_read_to_its_end() -> None:
    assert found("cach* … prompt", "caching " * 20_000 + "prompt")
