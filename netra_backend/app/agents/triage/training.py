"""Trains the classifier from the project's own utterances. Needs scikit-learn, so it runs in a process of its own.

``python -m netra_backend.app.agents.triage.training FILE`` trains and writes the model to FILE.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib.resources import files
from itertools import chain
from pathlib import Path
from typing import Any, Final

from .features import Features, content_words, features
from .intents import INTENTS, OUT_OF_SCOPE
from .linear import LinearModel, dump
from .parse import read_message

SCALE: Final[Mapping[str, float]] = {"words": 1.0, "letters": 1.0, "concepts": 0.8, "novelty": 0.3}
"""How much each block counts; found on the development part of the held-out utterances."""

LEAST: Final[Mapping[str, int]] = {"words": 1, "letters": 2, "concepts": 2, "novelty": 1}
"""In how many utterances a feature must occur to be one."""

_NOW_MS: Final = 1_795_000_000_000
"""Any moment does: periods are read for their place in the text only."""


def utterances() -> list[tuple[str, str]]:
    """Every utterance of the project with its intent."""
    folder = files(__package__).joinpath("utterances")
    found = []
    for intent in INTENTS:
        lines = folder.joinpath(f"{intent}.txt").read_text(encoding="utf-8").splitlines()
        found += [(line, intent) for line in lines if line.strip()]
    return found


def train(samples: Sequence[tuple[str, str]]) -> LinearModel:
    """Train on (text, intent) pairs."""
    readings = [(read_message(text, now_ms=_NOW_MS, timezone="UTC"), intent) for text, intent in samples]
    known = Counter(
        chain.from_iterable(content_words(reading.plain) for reading, intent in readings if intent != OUT_OF_SCOPE)
    )
    rows = [features(reading, known, own=int(intent != OUT_OF_SCOPE)) for reading, intent in readings]
    return fit(rows, [intent for _, intent in samples], scale=SCALE, least=LEAST, extra={"known": dict(known)})


def fit(
    rows: Sequence[Features],
    labels: Sequence[str],
    *,
    scale: Mapping[str, float],
    least: Mapping[str, int],
    extra: Mapping[str, Any],
) -> LinearModel:
    """Fit a linear support vector machine, one class against the rest, on features by block; for three classes at least."""
    import numpy as np
    from scipy.sparse import csr_matrix
    from sklearn.svm import LinearSVC

    vocabulary: dict[str, dict[str, int]] = {}
    idf: list[float] = []
    for block in scale:
        seen = Counter(chain.from_iterable(set(row[block]) for row in rows))
        kept = sorted(feature for feature, count in seen.items() if count >= least[block])
        vocabulary[block] = {feature: len(idf) + index for index, feature in enumerate(kept)}
        idf += [float(np.log((1 + len(rows)) / (1 + seen[feature])) + 1) for feature in kept]
    empty = LinearModel((), vocabulary, scale, idf, (), (), {})
    cells = [empty.rows(row) for row in rows]
    ends = np.cumsum([0, *map(len, cells)])
    flat = list(chain.from_iterable(cells))
    matrix = csr_matrix(
        (np.array([value for _, value in flat]), np.array([row for row, _ in flat]), ends), shape=(len(rows), len(idf))
    )
    machine = LinearSVC(C=0.5, class_weight="balanced", random_state=7).fit(matrix, labels)
    return LinearModel(
        classes=tuple(map(str, machine.classes_)),
        vocabulary=vocabulary,
        scale=scale,
        idf=idf,
        weights=machine.coef_.T.astype("float32").ravel().tolist(),
        bias=machine.intercept_.tolist(),
        extra=extra,
    )


def main(path: str) -> None:
    """Train and write the model, whole or not at all."""
    target = Path(path)
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb") as written:
        written.write(dump(train(utterances())))
    part.replace(target)


if __name__ == "__main__":
    main(sys.argv[1])
