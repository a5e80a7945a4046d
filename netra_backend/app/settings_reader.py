"""Reads settings as text, from the environment, a file, or a file for each secret, and keeps every fault that it finds.

``NAMES`` are all the settings there are; ``config`` says what each means.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from .core.limits import LIMIT_RANGES

_OTHERS_NAMES: Final = ("NETRA_TEST_", "NETRA_STAGING_")
_MAX_FILE_BYTES: Final = 65_536

Value = TypeVar("Value")

SECRET_NAMES: Final = frozenset(
    {
        "NETRA_JWT_SECRET",
        "NETRA_JWT_PUBLIC_KEY",
        "NETRA_DATABASE_URL",
        "NETRA_REDIS_URL",
        "NETRA_DATASETS_URL",
        "NETRA_AUDIT_KEY",
        "NETRA_SECRETS_KEY",
        "NETRA_SECRETS_KEY_PREVIOUS",
    }
)
"""Settings that hold a secret: never shown in a fault, and each may stand in a file that its twin ``…_FILE`` names."""

LIMIT_PREFIX: Final = "NETRA_LIMIT_"
LIMIT_NAMES: Final = frozenset(f"{LIMIT_PREFIX}{name.upper()}" for name in LIMIT_RANGES)

NAMES: Final = (
    LIMIT_NAMES
    | SECRET_NAMES
    | frozenset(
        {
            "NETRA_DATA_DIR",
            "NETRA_HOST",
            "NETRA_PORT",
            "NETRA_PUBLIC_URL",
            "NETRA_TRUSTED_PROXIES",
            "NETRA_JWT_JWKS_URL",
            "NETRA_JWT_ALGORITHMS",
            "NETRA_JWT_ISSUER",
            "NETRA_JWT_AUDIENCE",
            "NETRA_JWT_MAX_LIFETIME_S",
            "NETRA_OIDC_ISSUER",
            "NETRA_ALLOWED_ORIGINS",
            "NETRA_MODEL",
            "NETRA_RETENTION_DAYS",
            "NETRA_FILE_SCAN_COMMAND",
            "NETRA_SECRETS_DIR",
            "NETRA_EGRESS_NETWORKS",
            "NETRA_AUDIT_ANCHOR",
            "NETRA_AUDIT_ON_FAILURE",
            "NETRA_AUDIT_RETENTION_DAYS",
            "NETRA_ALLOW_DRILLS",
            "NETRA_ALLOW_RAW_SQL",
            "NETRA_APP",
            "NETRA_DEFAULT_AGENT",
            "NETRA_PLANS_FILE",
            "NETRA_DEFAULT_PLAN",
            "NETRA_PLAN_CLAIM",
            "NETRA_LOG_LEVEL",
            *(f"{name}_FILE" for name in SECRET_NAMES),
        }
    )
)


class SettingsReader:
    """Settings as text, and the faults that were found in them."""

    def __init__(self, given: dict[str, str]) -> None:
        self.given = given
        self.faults: list[str] = []

    def take(self, name: str, parse: Callable[[str], Value], default: Value) -> Value:
        text = (self.content(name) or None) if name in SECRET_NAMES else self.given.get(name)
        if text is None:
            return default
        try:
            return parse(text)
        except ValueError as fault:
            shown = name if name in SECRET_NAMES else f"{name}={text[:64]}"
            self.faults.append(f"{shown} is not valid: {fault}.")
            return default

    def refuse_unknown_names(self) -> None:
        for name in sorted(self.given.keys() - NAMES):
            if not name.startswith(_OTHERS_NAMES):
                near = difflib.get_close_matches(name, sorted(NAMES), n=1, cutoff=0.0)[0]
                self.faults.append(f"Unknown setting {name[:64]}. Did you mean {near}?")

    def add_file(self, path: Path) -> None:
        """Take from the file what was not given before."""
        if not path.is_file():
            return
        for number, line in enumerate(self.text_of(path).splitlines(), 1):
            name, equals, text = line.strip().removeprefix("export ").partition("=")
            name, text = name.strip(), text.strip()
            if not name or name.startswith("#"):
                continue
            if not equals or not name.startswith("NETRA_"):
                self.faults.append(f"{path}, line {number}: write NETRA_NAME=value, or start a comment with #.")
            elif name == "NETRA_DATA_DIR":
                self.faults.append(
                    f"{path}, line {number}: NETRA_DATA_DIR cannot be set here, because this file is inside "
                    "the data directory."
                )
            else:
                unquoted = text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" else text
                if unquoted:
                    self.given.setdefault(name, unquoted)

    def text_of(self, path: Path) -> str:
        """The text of a small file; a fault and an empty text if it cannot be read."""
        try:
            with path.open("rb") as file:
                content = file.read(_MAX_FILE_BYTES + 1)
            if len(content) > _MAX_FILE_BYTES:
                raise ValueError(f"it is larger than {_MAX_FILE_BYTES:,} bytes")
            return content.decode()
        except (OSError, ValueError) as fault:
            reason = fault.strerror if isinstance(fault, OSError) else str(fault)
            self.faults.append(f"{path} cannot be read: {reason}. Use a readable text file.")
            return ""

    def content(self, name: str) -> str:
        """The setting itself, or what stands in the file that its ``_FILE`` twin names."""
        direct, path = self.given.get(name, ""), self.given.get(f"{name}_FILE", "")
        if direct and path:
            self.faults.append(f"{name} and {name}_FILE are both set. Keep one of them.")
        if direct or not path:
            return direct
        before, text = len(self.faults), self.text_of(Path(path)).strip()
        if not text and len(self.faults) == before:
            self.faults.append(f"{name}_FILE names an empty file. Write the value into {path}, or remove {name}_FILE.")
        return text
