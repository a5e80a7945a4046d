"""``make pin``: base images by digest, so that the same files always mean the same image.

Only the registry knows a digest; so this needs Docker with buildx and the network, and is run when a base image is to change.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from .locks import ROOT

DEPLOY: Final = ROOT / "deploy"
FILES: Final = ("Dockerfile", "compose.yaml")
"""Those that name images which others make."""

OWN: Final = frozenset({"netra"})
"""Built here, and so without a digest before they are pushed."""

_REFERENCE: Final = re.compile(
    r"^(?P<before>FROM +|\s+image: +)(?P<name>[\w./-]+)(?::(?P<tag>[\w.-]+))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?(?=\s|$)",
    re.MULTILINE,
)
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")


def references(text: str) -> dict[str, str | None]:
    """The images that a file names, as ``name:tag``, each with its digest if it is pinned."""
    found = (match for match in _REFERENCE.finditer(text) if match["name"] not in OWN)
    return {_tagged(match): match["digest"] for match in found}


def pinned(text: str, digest_of: Callable[[str], str]) -> str:
    """The text with the digest of each image. The tag stays, for people; with a digest beside it, it decides nothing."""

    def pin(match: re.Match[str]) -> str:
        if match["name"] in OWN:
            return match[0]
        return f"{match['before']}{_tagged(match)}@{digest_of(_tagged(match))}"

    return _REFERENCE.sub(pin, text)


def digest_from_registry(image: str) -> str:
    """The digest of the list of all platforms. Raises ``SystemExit`` with a sentence if it cannot be had."""
    command = ["docker", "buildx", "imagetools", "inspect", image, "--format", "{{.Manifest.Digest}}"]
    try:
        told = subprocess.run(command, capture_output=True, text=True)
    except FileNotFoundError:
        raise SystemExit("The digest of an image is asked for with Docker, which is not installed.") from None
    digest = told.stdout.strip()
    if told.returncode != 0 or not _DIGEST.fullmatch(digest):
        raise SystemExit(f"The registry did not tell the digest of {image}. {told.stderr.strip()}")
    return digest


def main(directory: Path = DEPLOY) -> int:
    """Pins every image; nothing is written unless all digests are known."""
    known: dict[str, str] = {}

    def digest_of(image: str) -> str:
        if image not in known:
            known[image] = digest_from_registry(image)
        return known[image]

    texts = {name: pinned((directory / name).read_text(), digest_of) for name in FILES}
    for name, text in texts.items():
        (directory / name).write_text(text)
    for image, digest in known.items():
        print(f"{image} is {digest}")
    return 0


def _tagged(match: re.Match[str]) -> str:
    return f"{match['name']}:{match['tag'] or 'latest'}"


if __name__ == "__main__":
    sys.exit(main())
