"""The packages that a lock pins, as ``uv pip compile --universal --generate-hashes`` writes them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
LOCKS: Final = ROOT / "requirements"

_PIN: Final = re.compile(
    r"^(?P<name>[a-z0-9][a-z0-9._-]*)(?:\[[a-z0-9,._-]+\])?==(?P<version>[^\s;]+)(?: ; (?P<marker>.+?))? \\\n"
    r"(?P<rest>(?:[ \t]+\S.*\n?)+)",
    re.MULTILINE,
)
_HASH: Final = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_NEEDED_BY: Final = re.compile(r"^ +# (?:via |  )(?!-)(\S+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Locked:
    """One pinned package: its marker ("" holds everywhere), the SHA-256 of each file that is accepted, and what needs it."""

    name: str
    version: str
    marker: str
    hashes: tuple[str, ...]
    needed_by: tuple[str, ...]

    @property
    def purl(self) -> str:
        """The package URL, which says name and version in one string (purl-spec, type ``pypi``)."""
        return f"pkg:pypi/{self.name}@{self.version}"


def read_lock(path: Path) -> list[Locked]:
    """The packages of a lock, in its order. Raises ``ValueError`` for a line that pins something but is not understood."""
    return list(_locked(path.read_text(), path.name))


def _locked(text: str, name: str) -> Iterator[Locked]:
    begun = re.findall(r"^[^\s#].*$", text, re.MULTILINE)
    found = list(_PIN.finditer(text))
    if len(begun) != len(found):
        understood = {match[0].splitlines()[0] for match in found}
        raise ValueError(f"{name} has lines that pin nothing: {[line for line in begun if line not in understood]}")
    for match in found:
        hashes = tuple(_HASH.findall(match["rest"]))
        if not hashes:
            raise ValueError(f"{name} pins {match['name']} without a hash")
        needed_by = tuple(_NEEDED_BY.findall(match["rest"]))
        yield Locked(match["name"], match["version"], match["marker"] or "", hashes, needed_by)
