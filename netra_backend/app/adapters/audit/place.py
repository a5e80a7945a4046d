"""The key and the anchor of an audit trail, as the settings say or as they lie in the data directory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ...config import Settings
from ...core.audit_chain import ChainKeys
from ...ports import Entropy
from ..process.key_file import private_key
from .anchors import FILE_NAME, Anchor, FileAnchor, LogAnchor

KEY_FILE_NAME: Final = "audit.key"
"""In the data directory, if no key is set."""


@dataclass(frozen=True, slots=True)
class Place:
    """What a chain is written and judged with."""

    keys: ChainKeys
    anchor: Anchor


def audit_place(settings: Settings, entropy: Entropy) -> Place:
    """Key and anchor of a server; the key is made where there is none yet. Raises ``ConfigurationError``."""
    return Place(_keys(settings, entropy), anchor_of(settings))


def stored_keys(settings: Settings) -> ChainKeys | None:
    """The key, if there is one already. Raises ``ConfigurationError``."""
    try:
        return _keys(settings, None)
    except FileNotFoundError:
        return None


def anchor_of(settings: Settings) -> Anchor:
    """Where anchors are kept."""
    if settings.audit_anchor == "log":
        return LogAnchor()
    return FileAnchor(Path(settings.audit_anchor) if settings.audit_anchor else settings.data_dir / FILE_NAME)


def _keys(settings: Settings, entropy: Entropy | None) -> ChainKeys:
    if settings.audit_key is not None:
        return ChainKeys.of(settings.audit_key)
    if_lost = "the audit trail then goes on in a new chain, and the old one cannot be judged"
    return ChainKeys.of(private_key(settings.data_dir / KEY_FILE_NAME, entropy, "the audit trail's key", if_lost))
