"""The keys of a run's steps: the same on every replay, in whatever order parallel branches happen to go on.

A key is ``{branch}/{kind}:{name}#{ordinal}``. The branch is the path of tasks, and of names given by hand, from the run's own
function down; it is absent in that function itself. The ordinal counts the steps of that kind and name in the branch. A step
that was given a key of its own, such as a provider's id of a tool call, has ``{kind}:{name}={own}#{ordinal}``, in no branch.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Final

MAX_NAME: Final = 128
_MAX_PATH: Final = 256
_QUOTED: Final = str.maketrans({"%": "%25", "#": "%23", "=": "%3D", "/": "%2F", ":": "%3A"})


class Branch:
    """A line of steps that follow each other. ``path`` ends with ``/``, or is empty: the run's own function."""

    __slots__ = ("_children", "_own", "_steps", "path")

    def __init__(self, path: str = "", own: dict[str, int] | None = None) -> None:
        self.path = path if len(path) <= _MAX_PATH else hashlib.sha256(path.encode()).hexdigest()[:32] + "/"
        self._steps: dict[str, int] | None = None  # most branches have none: a framework makes a task for all it does
        self._children: dict[str, int] | None = None
        self._own = {} if own is None else own  # one for all branches of a run

    def key(self, kind: str, name: str = "", own: str = "") -> str:
        """The key of the next step of this kind and name, or of the next that has this key of its ``own``."""
        if own:
            step = f"{kind}:{quoted(name)}={quoted(own)}"
            ordinal = self._own[step] = self._own.get(step, 0) + 1
            return f"{step}#{ordinal}"
        step = _label(kind, name) if name else kind
        if self._steps is None:
            self._steps = {}
        ordinal = self._steps[step] = self._steps.get(step, 0) + 1
        return f"{self.path}{step}#{ordinal}"

    def child(self, name: str) -> Branch:
        """The next branch of this name that begins here."""
        name = _quoted_name(name)
        if self._children is None:
            self._children = {}
        ordinal = self._children[name] = self._children.get(name, 0) + 1
        return Branch(f"{self.path}{name}.{ordinal}/", self._own)


@lru_cache(maxsize=1024)
def _label(kind: str, name: str) -> str:
    return f"{kind}:{quoted(name)}"


def quoted(name: str) -> str:
    """The name without the characters that have a meaning in keys; a long one is cut and told apart by its digest."""
    if name.isidentifier() and name.isascii() and len(name) <= MAX_NAME:
        return name
    whole = name.encode("utf-8", "backslashreplace")  # half of a surrogate pair could not be recorded
    if len(name) > MAX_NAME:
        name = f"{name[: MAX_NAME - 17]}~{hashlib.sha256(whole).hexdigest()[:16]}"
        whole = name.encode("utf-8", "backslashreplace")
    return escaped(whole.decode())


_quoted_name: Final = lru_cache(maxsize=1024)(quoted)


def escaped(text: str) -> str:
    """The text as it stands in a key if it is part of a name."""
    return text.translate(_QUOTED)
