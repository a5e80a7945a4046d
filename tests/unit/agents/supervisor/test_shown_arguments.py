"""What a user makes of arguments that were shown without their secrets."""

from __future__ import annotations

from typing import Any

import pytest

from netra_backend.app.agents.supervisor.shown_arguments import NotRestored, is_cut, restored
from netra_backend.app.services.redaction import redact

TWO = [{"to": "a", "password": "p1"}, {"to": "b", "password": "p2"}]
SHOWN = [{"to": "a", "password": "***"}, {"to": "b", "password": "***"}]


@pytest.mark.parametrize(
    ("edited", "shown", "original", "made"),
    [
        ({"a": 1}, {"a": 1}, {"a": 1}, {"a": 1}),
        ({"a": 2, "t": "***"}, {"a": 1, "t": "***"}, {"a": 1, "t": "s"}, {"a": 2, "t": "s"}),
        ({"t": "new"}, {"t": "***"}, {"t": "s"}, {"t": "new"}),
        ({"o": {"t": "***", "n": 2}}, {"o": {"t": "***"}}, {"o": {"t": "s"}}, {"o": {"t": "s", "n": 2}}),
        ({"l": ["***", 2]}, {"l": ["***", 1]}, {"l": ("s", 1)}, {"l": ["s", 2]}),
        ({"l": ["***"]}, {"l": ["***", 1]}, {"l": ["s", 1]}, {"l": ["s"]}),
        ({"l": [2, "***", "***"]}, {"l": [1, "***", "***"]}, {"l": [1, "s", "t"]}, {"l": [2, "s", "t"]}),
        ({"l": ["***", 2]}, {"l": ["***", "***"]}, {"l": ["s", "s"]}, {"l": ["s", 2]}),
        ({"a": True}, {"a": 1}, {"a": 1}, {"a": True}),
        ({"a": "\ufffd", "b": 2}, {"a": "\ud800", "b": 1}, {"a": "\ud800", "b": 1}, {"a": "\ud800", "b": 2}),
        ({"l": ["\ufffd", 2]}, {"l": ["\ud800", 1]}, {"l": ["\ud800", 1]}, {"l": ["\ud800", 2]}),
        ({"l": SHOWN[::-1]}, {"l": SHOWN}, {"l": TWO}, {"l": TWO[::-1]}),
        ({"l": SHOWN[1:]}, {"l": SHOWN}, {"l": TWO}, {"l": TWO[1:]}),
        ({"a": "***", "l": [1, "***"]}, {"a": "b", "l": [1]}, {"a": "b", "l": [1]}, {"a": "***", "l": [1, "***"]}),
        (
            {"n": "***b***", "t": "***"},
            {"n": "***a***", "t": "***"},
            {"n": "***a***", "t": "s"},
            {"n": "***b***", "t": "s"},
        ),
    ],
)
def test_what_a_user_leaves_as_it_was_shown_is_what_it_was(edited: Any, shown: Any, original: Any, made: Any) -> None:
    assert repr(restored(edited, shown, original)) == repr(made)


@pytest.mark.parametrize(
    ("edited", "shown", "original"),
    [
        ({"other": "***"}, {"t": "***"}, {"t": "s"}),
        ({"t": "***", "***": 1}, {"t": "***"}, {"t": "s"}),
        ({"t": "Bearer ***, twice"}, {"t": "Bearer ***"}, {"t": "Bearer s"}),
        ({"t": {"x": "***"}}, {"t": "***"}, {"t": "s"}),
        ({"t": "***", "n": "***"}, {"t": "***", "n": "a"}, {"t": "s", "n": "a"}),
        ({"l": ["***", "***"]}, {"l": ["***", 1]}, {"l": ["s", 1]}),
        ({"l": ["***", 1]}, {"l": ["***", "***"]}, {"l": ["s", "t"]}),
        ({"l": [{"to": "eve", "password": "***"}, SHOWN[1]]}, {"l": SHOWN}, {"l": TWO}),
        ({"***": 2}, {"***": 1}, {"sk-1": 1}),
    ],
)
def test_a_hidden_value_is_given_to_nothing_else(edited: Any, shown: Any, original: Any) -> None:
    with pytest.raises(NotRestored):
        restored(edited, shown, original)


DEEP: Any = "evil"
for _ in range(9):
    DEEP = {"n": DEEP}
KEYS = ["sk-" + 24 * each for each in "ab"]


@pytest.mark.parametrize(
    ("arguments", "cut"),
    [
        ({"plan": {"a": [1, "x", None, {"token": "t", "b": ("…", True)}]}}, False),
        ({"declared": {"a": [1]}, "password": 7}, False),
        ({"plan": DEEP}, True),
        ({"plan": {"l": ["a"] * 2_100 + ["evil"]}}, True),
        ({"l": ["a"] * 2_100, "plan": "evil"}, True),
        ({"plan": dict.fromkeys(KEYS, 1)}, True),
        ({"n": 1 << 20_000}, True),
    ],
)
def test_what_is_shown_without_something_that_is_no_secret_is_cut(arguments: Any, cut: bool) -> None:
    shown = redact(arguments, {"declared"}, opened=True)
    assert is_cut(shown, arguments) is cut
