"""Training, and the utterances it learns from."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

from netra_backend.app.agents.triage import linear, training
from netra_backend.app.agents.triage.features import features
from netra_backend.app.agents.triage.intents import INTENTS, OUT_OF_SCOPE
from netra_backend.app.agents.triage.parse import read_message

SAMPLES = [
    ("what did we spend", "cost_overview"),
    ("what did it cost last month", "cost_overview"),
    ("total spend please", "cost_overview"),
    ("write a poem", OUT_OF_SCOPE),
    ("write a song", OUT_OF_SCOPE),
    ("what is the weather", OUT_OF_SCOPE),
    ("how many requests failed", "usage_query"),
    ("how many tokens did it use", "usage_query"),
]


def test_every_intent_has_hundreds_of_utterances() -> None:
    counts = Counter(intent for _, intent in training.utterances())
    assert set(counts) == set(INTENTS)
    assert min(counts.values()) >= 250
    assert counts[OUT_OF_SCOPE] >= 900


def test_no_utterance_has_two_intents() -> None:
    folded = Counter(text.lower() for text, _ in training.utterances())
    assert [text for text, count in folded.items() if count > 1] == []


def test_a_trained_model_tells_its_samples_apart() -> None:
    model = training.train(SAMPLES)
    for text, intent in SAMPLES:
        scores = model.scores(features(read_message(text, now_ms=0, timezone="UTC"), model.extra["known"]))
        assert max(scores, key=lambda name: scores[name]) == intent


def test_training_twice_gives_the_same_model() -> None:
    assert linear.dump(training.train(SAMPLES)) == linear.dump(training.train(SAMPLES))


def test_words_known_are_those_of_the_scope() -> None:
    known = training.train(SAMPLES).extra["known"]
    assert "spend" in known
    assert "poem" not in known


def test_the_command_writes_the_model_whole(tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    some = random.Random(7).sample(SAMPLES, len(SAMPLES))
    monkeypatch.setattr(training, "utterances", lambda: some)
    training.main(str(tmp_path / "model"))
    assert [file.name for file in tmp_path.iterdir()] == ["model"]
    assert linear.parse((tmp_path / "model").read_bytes()).classes == ("cost_overview", OUT_OF_SCOPE, "usage_query")
