"""``docs/security.md`` promises what is tested: every file that it names is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from .test_documents import rows

NAMED = re.compile(r"`(tests/[^`]+)`")
PROMISED = "What is promised"


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
    named = NAMED.findall(text)
    assert [each for each in named if not (root / each).is_file()] == []


def test_all_seventeen_chapters_of_the_standard_are_answered(text: str) -> None:
    chapters = [chapter.split()[0] for chapter, _ in rows(text, "OWASP ASVS 5.0")]
    assert chapters == [f"V{number}" for number in range(1, 18)]
    assert all(answer for _, answer in rows(text, "OWASP ASVS 5.0"))
