"""The trained classifier: loaded from where it was kept, trained into there where it is not there yet.

The file holds numbers only and lives in a directory that nobody else can write to; its name carries a digest of all that
training depends on, so that a changed utterance or rule never meets an old model.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import stat
import subprocess
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final

from ...services.child_environment import child_command, child_environment
from . import linear
from .features import features
from .linear import LinearModel
from .parse import Reading

_TRAINING_SECONDS: Final = 300.0
_SOURCES: Final = (".py", ".txt")
_ready: Final[list[LinearModel]] = []
"""The classifier of this process, once there is one. It is never changed."""


def prepare(directory: Path | None = None) -> LinearModel:
    """Load the classifier, training it into ``directory`` first where neither that nor the user's cache holds it.

    Takes seconds where it trains, a fraction of one where not, and no time when called again: a server calls it in a thread
    before it says that it is ready. Without ``directory`` the user's cache is the place.
    """
    if not _ready:
        places = [user_cache()] if directory is None else [directory, user_cache()]
        _ready.append(_kept(places) or _trained(places[0]))
    return _ready[0]


def scores(reading: Reading) -> dict[str, float]:
    """One score an intent for a message; above zero means yes."""
    model = prepare()
    return model.scores(features(reading, model.extra["known"]))


def user_cache() -> Path:
    """Where the classifier is kept when nobody says where: the cache directory of the operating system's user."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "netra"


def is_private(directory: Path) -> bool:
    """Whether a directory is ours and nobody else can write to it."""
    found = directory.stat()
    return found.st_uid == os.getuid() and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _kept(places: list[Path]) -> LinearModel | None:
    for directory in places:
        try:
            if is_private(directory):
                return linear.parse((directory / _name()).read_bytes())
        except (OSError, ValueError):
            continue
    return None


def _trained(directory: Path) -> LinearModel:
    """Train in a process of its own, so that this one carries none of what training needs; here where that cannot be."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        held = os.open(directory / f"{_name()}.lock", os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        with open(held, "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # whoever comes second waits, and finds what the first one kept
            if (kept := _kept([directory])) is not None:
                return kept
            arguments = [*child_command(f"{__package__}.training"), str(directory / _name())]
            subprocess.run(  # noqa: S603 - our own interpreter and module
                arguments, check=True, timeout=_TRAINING_SECONDS, env=child_environment()
            )
            for old in set(directory.glob("triage-*.model*")) - set(directory.glob(f"{_name()}*")):
                old.unlink(missing_ok=True)
            return linear.parse((directory / _name()).read_bytes())
    except (OSError, ValueError, subprocess.SubprocessError):
        from .training import train, utterances

        return train(utterances())


@cache
def _name() -> str:
    digest = hashlib.sha256(version("scikit-learn").encode() + version("genai-prices").encode())
    for file in sorted(_sources(files(__package__)), key=lambda file: file.name):
        digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return f"triage-{digest.hexdigest()[:24]}.model"


def _sources(folder: Traversable) -> list[Traversable]:
    found = []
    for entry in folder.iterdir():
        if entry.is_dir() and entry.name != "__pycache__":
            found += _sources(entry)
        elif entry.name.endswith(_SOURCES):
            found.append(entry)
    return found


if __name__ == "__main__":
    prepare()
