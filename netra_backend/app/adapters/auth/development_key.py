"""The key that signs tokens on one's own machine: made once, kept in the data directory."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from ...ports import Entropy
from ..process.key_file import private_key

FILE_NAME: Final = "development.key"


def development_key(data_dir: Path, entropy: Entropy) -> bytes:
    """The key of this data directory, made by whoever is the first to ask (the directory must be there).

    Two who ask at once get the same key. Raises ``ConfigurationError`` where the file is not whole, is no plain file, or
    could be read by others.
    """
    return private_key(
        data_dir / FILE_NAME, entropy, "a development key", "this ends all tokens signed with the old one"
    )
