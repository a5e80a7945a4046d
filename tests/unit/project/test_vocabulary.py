"""The words of 0.1.0 that have successors: nothing is called by them any more. CHANGELOG lists them with their successors."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

FORMER = frozenset(
    """
    FrontDesk Desk user_at_desk UserAtDesk Colleagues Answering Rounds Recurring Following Letter Letters Turns Crew Lane
    line_up first_leg FirstLeg ToldRevocations told_revocations holdings Holdings PostgresHoldings PostgresLines clerks
    early_child question_children QuestionChildren ledger_child Gathered strangers Strangers HttpShell LineStream AsgiLine
    drill_line guardian Guardian Strikes strikes ordeal Alike Tally tally Door door desk crew colleagues Verify Say
    Refuse Beat HttpSide ToolFault TOOL_CODES PostgresFleet MemoryFleet AgentTold ToolTold LimitsTold RatesTold http_side
    fleet_ordeal
    """.split()  # noqa: SIM905  # a list of words reads better than of literals
)
"""Identifiers, as whole words. Plain English words in sentences are judged by reading."""

STILL_SAID = {
    "netra_backend/app/core/errors.py": {"ToolFault"},  # a former name that warns for one release
    "docs/versioning.md": {"ToolFault", "user_at_desk"},  # and is listed there with its successor
    "tests/unit/netra_server/test_former_imports.py": FORMER,
    "tests/unit/project/test_vocabulary.py": FORMER,
}
CODE = re.compile(r"`([\w./]+)`")
WORD = re.compile(r"\w+")


def identifiers(path: str, text: str) -> Iterator[str]:
    """What a file calls things: names of Python, words of JavaScript outside of comments and texts, code in documents."""
    if path.endswith(".py"):
        yield from (
            token.string
            for token in tokenize.generate_tokens(io.StringIO(text).readline)
            if token.type == tokenize.NAME
        )
    elif path.endswith(".js"):
        yield from WORD.findall(re.sub(r"//.*|/\*.*?\*/|\"[^\"]*\"|`[^`]*`", "", text, flags=re.S))
    elif path.endswith(".md"):
        yield from (word for code in CODE.findall(text) for word in WORD.findall(code))


@pytest.mark.parametrize(
    ("path", "text", "found"),
    [
        ("x.py", "desk = 1  # a desk\n'desk'\n", ["desk"]),
        ("x.js", 'const desk = "door"; // door\n', ["desk"]),
        ("x.md", "a door, `app/desk.py`\n", ["desk"]),
    ],
)
def test_the_rule_looks_at_names_and_not_at_sentences(path: str, text: str, found: list[str]) -> None:
    assert [name for name in identifiers(path, text) if name in FORMER] == found


def test_nothing_is_called_by_a_former_word(root: Path, files: list[Path]) -> None:
    found = {}
    for file in files:
        path = file.as_posix()
        if path.startswith("tests/data/") or path == "CHANGELOG.md" or not path.endswith((".py", ".js", ".md")):
            continue
        names = FORMER.intersection(identifiers(path, (root / file).read_text(encoding="utf-8")))
        if names := names - STILL_SAID.get(path, frozenset()):
            found[path] = sorted(names)
    assert found == {}
