"""Under which licence each locked package is, and which licences are accepted.

What is compared is what a package declares of itself. What its wheels bundle (SciPy's bring a Fortran runtime, under the
GPL with an exception for programs that use it) stands in the licence files that they install.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, metadata
from typing import Any, Final

from license_expression import AND, ExpressionError, LicenseSymbol, get_spdx_licensing

from .locks import LOCKS, Locked, read_lock

ALLOWED: Final = frozenset(
    {
        "0BSD",
        "Apache-2.0",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "CC0-1.0",
        "ISC",
        "MIT",
        "MIT-0",
        "MPL-2.0",
        "PSF-2.0",
        "Zlib",
    }
)
"""SPDX identifiers. All permissive but MPL-2.0, which asks for the source of its own files alone, and we change none."""

STATED: Final = {
    "async-timeout": "Apache-2.0",
    "colorama": "BSD-3-Clause",
    "httpx2-jsfetch": "BSD-3-Clause",
    "scipy": "BSD-3-Clause",
    "uvloop": "Apache-2.0 OR MIT",
}
"""Read from the licence file by a person: for packages of other systems, which are not installed here, and for those whose
metadata leaves it open. What metadata says clearly counts before what stands here."""

_CLASSIFIERS: Final = {
    "License :: OSI Approved :: Apache Software License": "Apache-2.0",
    "License :: OSI Approved :: ISC License (ISCL)": "ISC",
    "License :: OSI Approved :: MIT License": "MIT",
    "License :: OSI Approved :: Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
}
"""Those that mean one licence. "BSD License" may be one of several."""

_SPDX: Final = get_spdx_licensing()


def licence_of(name: str) -> str | None:
    """The SPDX expression of an installed or stated package; None if nothing says which it is."""
    try:
        found = metadata(name)
    except PackageNotFoundError:
        return STATED.get(name)
    for field in ("License-Expression", "License"):
        if field in found and (parsed := _parsed(found[field])) is not None:
            return str(parsed)
    classifiers = [each for each in found.get_all("Classifier") or [] if each.startswith("License :: ")]
    if len(classifiers) == 1 and classifiers[0] in _CLASSIFIERS:
        return _CLASSIFIERS[classifiers[0]]
    if classifiers and all("BSD" in each or each in _CLASSIFIERS for each in classifiers):
        return STATED.get(name)
    return None


def is_allowed(expression: str) -> bool:
    """Whether an SPDX expression can be met with ``ALLOWED``: all parts of an AND, and one of an OR."""
    parsed = _parsed(expression)
    return parsed is not None and _is_met(parsed)


def refused(packages: Iterable[Locked]) -> list[str]:
    """A sentence about each package whose licence is not accepted, or not known."""
    sentences = []
    for package in packages:
        licence = licence_of(package.name)
        if licence is None:
            sentences.append(
                f"{package.name} {package.version} does not say its licence. Read its licence file; state it in STATED."
            )
        elif not is_allowed(licence):
            sentences.append(f"{package.name} {package.version} is under {licence}, which is not accepted.")
    return sentences


def _parsed(text: str) -> Any:
    try:
        return _SPDX.parse(text, validate=True, strict=True)
    except (ExpressionError, ValueError):
        return None


def _is_met(node: Any) -> bool:
    if isinstance(node, LicenseSymbol):
        return node.key in ALLOWED
    parts = [_is_met(part) for part in getattr(node, "args", ())]
    return bool(parts) and (all(parts) if isinstance(node, AND) else any(parts))


def main() -> int:
    """Prints what is not accepted of all that is shipped; 1 if there is any."""
    shipped = read_lock(LOCKS / "image.lock")
    sentences = refused(shipped)
    for sentence in sentences:
        print(f"✗ {sentence}")
    if not sentences:
        print(f"✓ The licences of {len(shipped)} locked packages are accepted.")
    return 1 if sentences else 0


if __name__ == "__main__":
    sys.exit(main())
