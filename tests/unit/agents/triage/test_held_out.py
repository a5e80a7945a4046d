"""Utterances that the classifier was not trained on.

Both were looked at after they were first measured, so these figures flatter: a new file is the honest measure. Neither shares
an utterance with the training data.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from netra_backend.app.agents.triage.evaluation import evaluate, read_labelled
from netra_backend.app.agents.triage.training import utterances

HERE = Path(__file__).parent / "held_out"
NOW = 1_795_367_400_000


def folded(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))


@pytest.mark.parametrize("name", ["development", "later", "styles"])
def test_nine_of_ten_are_understood_and_nine_of_ten_strangers_rejected(name: str) -> None:
    found = evaluate(read_labelled((HERE / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()), now_ms=NOW)
    assert found.in_scope_accuracy.value >= 0.9
    assert found.out_of_scope_recall.value >= 0.9
    assert found.slot_f1 >= 0.8


@pytest.mark.parametrize("name", ["development", "later", "styles"])
def test_none_is_among_the_utterances_learned_from(name: str) -> None:
    learned = {folded(text) for text, _ in utterances()}
    lines = read_labelled((HERE / f"{name}.jsonl").read_text(encoding="utf-8").splitlines())
    assert [line.text for line in lines if folded(line.text) in learned and folded(line.text)] == []
