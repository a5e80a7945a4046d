"""The keys of steps: readable, different for different steps, and the same each time."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netra_backend.app.core.step_keys import MAX_NAME, Branch, quoted


def test_a_step_is_named_by_its_kind_its_name_and_its_number_in_the_branch() -> None:
    branch = Branch()
    assert [branch.key("think"), branch.key("tool", "pay"), branch.key("think"), branch.key("tool", "look")] == [
        "think#1",
        "tool:pay#1",
        "think#2",
        "tool:look#1",
    ]


def test_branches_of_one_name_are_numbered_and_count_their_own_steps() -> None:
    root = Branch()
    first, second = root.child("line"), root.child("line")
    assert (first.key("think"), second.key("think"), root.key("think")) == (
        "line.1/think#1",
        "line.2/think#1",
        "think#1",
    )
    assert second.child("deep").key("step", "pay") == "line.2/deep.1/step:pay#1"


def test_a_key_of_its_own_is_in_no_branch_and_is_numbered_over_all_of_them() -> None:
    root = Branch()
    inner = root.child("line")
    assert inner.key("tool", "pay", "call_a") == "tool:pay=call_a#1"
    assert root.key("tool", "pay", "call_a") == "tool:pay=call_a#2"
    assert root.key("tool", "pay") == "tool:pay#1"


@pytest.mark.parametrize("name", ["a#1", "a=b", "a/b", "a:b", "100 %", "<locals>.line", "für", "x" * 500, "\ud800"])
def test_a_name_cannot_look_like_another_key_and_can_be_recorded(name: str) -> None:
    key = Branch().key("step", name)
    assert key.startswith("step:")
    assert key.endswith("#1")
    assert not set("#=/:") & set(key.removeprefix("step:").removesuffix("#1"))
    assert json.loads(json.dumps(key)) == key
    key.encode()


@given(st.text(max_size=200), st.text(max_size=200))
def test_different_names_have_different_keys(one: str, other: str) -> None:
    assert (quoted(one) == quoted(other)) == (one == other)


def test_keys_stay_short_however_deep_the_branches_and_however_long_the_names() -> None:
    branch = Branch()
    for _ in range(100):
        branch = branch.child("x" * 10_000)
    other = Branch(branch.path)
    assert len(branch.key("step", "y" * 10_000)) <= 3 * (256 + MAX_NAME)
    assert other.key("think") == branch.key("think")
