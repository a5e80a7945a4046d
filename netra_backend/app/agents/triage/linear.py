"""A linear model over named features: TF-IDF by block, one score a class; saved as plain numbers, loaded without any library.

The file is a JSON header and raw 32-bit floats. Reading it runs no code, whatever it holds.
"""

from __future__ import annotations

import json
import math
import struct
import sys
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from .features import Features, counted

_MAGIC: Final = b"netra-triage-1\n"
_MAX_BYTES: Final = 64 * 2**20


@dataclass(frozen=True, slots=True)
class LinearModel:
    """``vocabulary`` maps each block's features to their rows; ``weights`` holds ``len(classes)`` floats a row.

    ``idf`` has one float a row and ``scale`` one a block. ``extra`` is JSON that belongs to the model.
    """

    classes: tuple[str, ...]
    vocabulary: Mapping[str, Mapping[str, int]]
    scale: Mapping[str, float]
    idf: Sequence[float]
    weights: Sequence[float]
    bias: Sequence[float]
    extra: Mapping[str, Any]

    def scores(self, features: Features) -> dict[str, float]:
        """One score a class, higher for likelier."""
        width = len(self.classes)
        totals = list(self.bias)
        for row, value in self.rows(features):
            at = row * width
            for index, weight in enumerate(self.weights[at : at + width]):
                totals[index] += weight * value
        return dict(zip(self.classes, totals, strict=True))

    def rows(self, features: Features) -> list[tuple[int, float]]:
        """The rows that features stand in, and their values: TF-IDF with logarithmic counts, each block of length ``scale``."""
        out: list[tuple[int, float]] = []
        for block, rows in self.vocabulary.items():
            values = [
                (row, self.idf[row] if count == 1 else (1 + math.log(count)) * self.idf[row])
                for feature, count in counted(features[block])
                if (row := rows.get(feature)) is not None
            ]
            length = math.sqrt(sum(value * value for _, value in values)) or 1.0
            out += [(row, value * self.scale[block] / length) for row, value in values]
        return out


def dump(model: LinearModel) -> bytes:
    """The model as bytes."""
    header = {
        "classes": model.classes,
        "scale": dict(model.scale),
        "vocabulary": {block: list(rows) for block, rows in model.vocabulary.items()},
        "extra": dict(model.extra),
    }
    head = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    numbers = array("f", [*model.bias, *model.idf, *model.weights])
    if sys.byteorder == "big":
        numbers.byteswap()
    return _MAGIC + struct.pack("<I", len(head)) + head + numbers.tobytes()


def parse(data: bytes) -> LinearModel:
    """The model of bytes that ``dump`` made. Raises ``ValueError`` for anything else."""
    at = len(_MAGIC) + 4
    if not data.startswith(_MAGIC) or not at <= len(data) <= _MAX_BYTES:
        raise ValueError("not a saved model")
    (size,) = struct.unpack("<I", data[len(_MAGIC) : at])
    try:
        header = json.loads(data[at : at + size])
        classes = tuple(map(str, header["classes"]))
        vocabulary: dict[str, dict[str, int]] = {}
        count = 0
        for block, names in header["vocabulary"].items():
            vocabulary[block] = {name: count + index for index, name in enumerate(names)}
            count += len(names)
        scale = {block: float(header["scale"][block]) for block in vocabulary}
        extra = dict(header["extra"])
    except (KeyError, TypeError, AttributeError) as fault:
        raise ValueError("not a saved model") from fault
    numbers = array("f")
    numbers.frombytes(data[at + size : at + size + (len(data) - at - size) // 4 * 4])
    if sys.byteorder == "big":
        numbers.byteswap()
    width = len(classes)
    if len(numbers) != width + count + count * width:
        raise ValueError("not a saved model: it is cut short")
    return LinearModel(
        classes, vocabulary, scale, numbers[width : width + count], numbers[width + count :], numbers[:width], extra
    )
