"""A linear model as numbers in a file."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from netra_backend.app.agents.triage.linear import LinearModel, dump, parse

MODEL = LinearModel(
    classes=("no", "yes"),
    vocabulary={"words": {"a": 0, "b": 1}, "letters": {"a": 2}},
    scale={"words": 1.0, "letters": 0.5},
    idf=(1.0, 2.0, 1.0),
    weights=(0.0, 1.0, 1.0, 0.0, 0.0, 4.0),
    bias=(0.5, -0.5),
    extra={"known": {"é": 1}},
)


def test_scores_are_weights_on_tf_idf_of_unit_length_by_block() -> None:
    scores = MODEL.scores({"words": ["a", "a", "b", "unknown"], "letters": ["a"]})
    a, b = 1 + math.log(2), 2.0
    length = math.hypot(a, b)
    assert scores["yes"] == pytest.approx(-0.5 + a / length + 4 * 0.5)
    assert scores["no"] == pytest.approx(0.5 + b / length)


def test_nothing_known_scores_the_bias() -> None:
    assert MODEL.scores({"words": [], "letters": ["z"]}) == {"no": 0.5, "yes": -0.5}


def test_a_saved_model_scores_as_before() -> None:
    again = parse(dump(MODEL))
    features = {"words": ["a", "b"], "letters": ["a"]}
    assert again.scores(features) == pytest.approx(MODEL.scores(features))
    assert again.extra == MODEL.extra
    assert again.classes == MODEL.classes


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: b"",
        lambda data: b"something else",
        lambda data: data[:-4],
        lambda data: data + b"\0\0\0\0",
        lambda data: data[:40],
        lambda data: data.replace(b'"classes"', b'"klasses"'),
        lambda data: data.replace(b"{", b"[", 1),
    ],
)
def test_anything_else_is_refused(spoil: Callable[[bytes], bytes]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - json says in its own words what is wrong
        parse(spoil(dump(MODEL)))
