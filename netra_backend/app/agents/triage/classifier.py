"""The trained classifier: loaded from the cache, trained into it where it is not there yet.

The cache holds numbers only and lives in a directory that nobody else can write to; its name carries a digest of all that
training depends on, so that a changed utterance or rule never meets an old model.
"""

from __future__ import annotations

import hashlib
import os
import stat
import subprocess
import sys
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final

from . import linear
from .features import features
from .linear import LinearModel
from .reading import Reading

_TRAINING_SECONDS: Final = 120.0
_SOURCES: Final = (".py", ".txt")


def prepare(directory: Path) -> Path:
    """Make sure that a trained model lies in ``directory`` and return its path. Takes seconds where it must train.

    The server calls it at start, in a thread. ``directory`` is made, for its owner only, where there is none.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = directory / f"triage-{_fingerprint()}.model"
    if not path.exists():
        arguments = [sys.executable, "-m", f"{__package__}.training", str(path)]
        subprocess.run(arguments, check=True, timeout=_TRAINING_SECONDS)  # noqa: S603 - our own interpreter and module
    return path


def is_private(directory: Path) -> bool:
    """Whether a directory is ours and nobody else can write to it."""
    found = directory.stat()
    return found.st_uid == os.getuid() and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def user_cache() -> Path:
    """Where the model is kept when nobody says where: the cache directory of the operating system's user."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "netra"


@cache
def classifier() -> LinearModel:
    """The classifier of this process."""
    try:
        path = prepare(user_cache())
        if is_private(path.parent):
            return linear.parse(path.read_bytes())
    except (OSError, ValueError, RuntimeError, subprocess.SubprocessError):
        pass
    return _trained_here()


def _trained_here() -> LinearModel:
    from .training import train, utterances

    return train(utterances())


def scores(reading: Reading) -> dict[str, float]:
    """One score an intent for a message; above zero means yes."""
    model = classifier()
    return model.scores(features(reading, model.extra["known"]))


@cache
def _fingerprint() -> str:
    digest = hashlib.sha256(version("scikit-learn").encode() + version("genai-prices").encode())
    for file in sorted(_sources(files(__package__)), key=lambda file: file.name):
        digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:24]


def _sources(folder: Traversable) -> list[Traversable]:
    found = []
    for entry in folder.iterdir():
        if entry.is_dir() and entry.name != "__pycache__":
            found += _sources(entry)
        elif entry.name.endswith(_SOURCES):
            found.append(entry)
    return found
