"""``docs/security.md`` promises what is tested: every file that it names is there, and nothing that is there is called future."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from .test_documents import rows

NAMED = re.compile(r"`(tests/[^`]+)`")
PROMISED, COMING = "What is promised", "Not in this tree yet"


@pytest.fixture
def text(root: Path) -> str:
    return (root / "docs/security.md").read_text()


def section(text: str, heading: str) -> str:
    found = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    return found[1] if found else ""


def test_every_promise_names_tests_that_there_are(root: Path, text: str) -> None:
    promises = list(rows(text, PROMISED))
    assert len(promises) > 15
    for promise, kept, tested in promises:
        named = NAMED.findall(tested)
        assert named, f"nothing tests: {promise}"
        assert kept, f"nothing keeps: {promise}"
        assert [each for each in named if not (root / each).is_file()] == [], promise


def test_every_other_test_that_is_named_is_there_too(root: Path, text: str) -> None:
    named = NAMED.findall(text.replace(section(text, COMING), ""))
    assert [each for each in named if not (root / each).is_file()] == []


def test_what_is_there_is_not_called_future(root: Path, text: str) -> None:
    for row in section(text, COMING).splitlines():
        named = NAMED.findall(row)
        there = [each for each in named if (root / each).is_file()]
        assert not named or there != named, f"docs/security.md: move this row to {PROMISED!r}: {row}"


def test_all_seventeen_chapters_of_the_standard_are_answered(text: str) -> None:
    chapters = [chapter.split()[0] for chapter, _ in rows(text, "OWASP ASVS 5.0")]
    assert chapters == [f"V{number}" for number in range(1, 18)]
    assert all(answer for _, answer in rows(text, "OWASP ASVS 5.0"))
