"""``make release``: wheel, source distribution, bills of materials, licences and checksums, from one commit.

The same commit gives the same bytes, with the same locks: time is the commit's (``SOURCE_DATE_EPOCH``), and the build backend
is locked. Nothing is signed here, because a signature is worth what its key is kept like.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from netra_backend.distribution import NAME, version

from .licences import licence_of, refused
from .locks import LOCKS, ROOT, read_lock
from .sbom import bill_of_materials

SUMS: Final = "SHA256SUMS"
BILLS: Final = {"runtime": "", "image": "-image"}
"""The locks that have a bill, and what stands after the version in its name."""


def release(directory: Path, root: Path = ROOT, environment: Mapping[str, str] = os.environ) -> list[Path]:
    """Builds everything into ``directory`` and returns the files. What an earlier release left there is removed.

    Raises ``SystemExit`` with a sentence if a licence is not accepted or the build fails.
    """
    shipped = read_lock(LOCKS / "image.lock")
    if faults := refused(shipped):
        raise SystemExit("\n".join(faults))
    built_at = int(environment.get("SOURCE_DATE_EPOCH") or _time_of_commit(root))
    directory.mkdir(parents=True, exist_ok=True)
    stem = f"{NAME.replace('-', '_')}-"
    for old in (*directory.glob(f"{stem}*"), *directory.glob(SUMS)):
        old.unlink()
    built = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-d", str(directory.resolve())],
        cwd=root,
        env={**environment, "SOURCE_DATE_EPOCH": str(built_at)},
        capture_output=True,
        text=True,
    )
    if built.returncode != 0:
        raise SystemExit(f"The build failed.\n{built.stderr}")
    stem += version()
    for lock, suffix in BILLS.items():
        bill = bill_of_materials(read_lock(LOCKS / f"{lock}.lock"), version(), built_at)
        (directory / f"{stem}{suffix}.cdx.json").write_text(bill)
    lines = [f"{each.name} {each.version}: {licence_of(each.name)}\n" for each in shipped]
    (directory / f"{stem}-licences.txt").write_text("".join(lines))
    files = sorted(directory.glob(f"{stem}*"))
    sums = [f"{hashlib.sha256(each.read_bytes()).hexdigest()}  {each.name}\n" for each in files]
    (directory / SUMS).write_text("".join(sums))
    return [*files, directory / SUMS]


def _time_of_commit(root: Path) -> str:
    return _git(root, "log", "-1", "--format=%ct") or "0"


def _git(root: Path, *arguments: str) -> str:
    """What Git says; nothing if there is no Git or no repository, as in an unpacked source distribution."""
    try:
        told = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True)
    except FileNotFoundError:
        return ""
    return told.stdout.strip() if told.returncode == 0 else ""


def main(arguments: Sequence[str] | None = None) -> int:
    """``python -m release.build [--directory DIR]``."""
    parser = argparse.ArgumentParser(prog="make release", description=__doc__, allow_abbrev=False)
    parser.add_argument("--directory", type=Path, default=ROOT / "dist")
    for path in release(parser.parse_args(arguments).directory):
        print(path)
    if changed := _git(ROOT, "status", "--porcelain"):
        print(f"! {len(changed.splitlines())} files differ from the commit: nobody can build the same again.")
    print("Nothing is signed. docs/security.md says how to check and how to sign it.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
