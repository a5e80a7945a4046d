"""A file of a user as a stream of chunks of bytes, with bounds on everything: plain, gzip, or a zip with one file in it."""

from __future__ import annotations

import gzip
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final, Protocol

from ....core.errors import ToolError
from ....core.limits import USUAL, Limits, told_size

RATIO_FREE: Final = 64 << 20
"""Bytes that may be unpacked before the ratio counts."""
CHUNK: Final = 1 << 20

Progress = Callable[[int, int], None]


class _Plain(Protocol):
    def read(self, size: int, /) -> bytes: ...


def unsupported(message: str, hint: str, **details: object) -> ToolError:
    """The answer to a file that is not of a format that can be read."""
    return ToolError("UNSUPPORTED_FORMAT", message, hint=hint, details=details)


def broken(message: str, hint: str = "Export the file again; nothing was imported.", **details: object) -> ToolError:
    """The answer to a file that begins well and cannot be read to its end."""
    return ToolError("BAD_ROWS", message, hint=hint, details=details)


def chunks(path: Path, progress: Progress, limits: Limits = USUAL) -> Iterator[bytes]:
    """The unpacked bytes of ``path``, at most ``CHUNK`` at a time; ``progress(done, total)`` counts bytes as they lie.

    Raises ``ToolError``: ``UNSUPPORTED_FORMAT`` for an empty file or an archive that does not hold exactly one file,
    ``BAD_ROWS`` if the packed data is damaged, ends too early, or unpacks to absurd sizes.
    """
    size = path.stat().st_size
    if size == 0:
        raise unsupported(
            "The file is empty.", "Export it again, and check that the export covers a period with usage."
        )
    # What usage logs pack to at best is about 40:1; far beyond this it is a bomb.
    most, ratio = limits.import_unpacked_bytes, limits.import_ratio
    left = min(most, max(RATIO_FREE, size * ratio))
    with path.open("rb") as packed, _unpacked(packed) as plain:
        while chunk := _read(plain):
            left -= len(chunk)
            if left < 0:
                raise broken(
                    f"The file unpacks to more than {ratio} times its size, or to more than {told_size(most)}.",
                    "Import the unpacked file, in parts if it is that large.",
                )
            progress(min(packed.tell(), size), size)
            yield chunk
    progress(size, size)


def _read(plain: _Plain) -> bytes:
    try:
        return plain.read(CHUNK)
    except (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile) as error:
        raise broken(f"The compressed file is damaged or incomplete: {error}.") from None


@contextmanager
def _unpacked(packed: IO[bytes]) -> Iterator[_Plain]:
    magic = packed.read(4)
    packed.seek(0)
    if magic.startswith(b"\x1f\x8b"):
        with gzip.GzipFile(fileobj=packed) as plain:
            yield plain
    elif magic.startswith(b"PK\x03\x04"):
        with _archive(packed) as archive, archive.open(_only_file(archive)) as entry:
            yield entry
    else:
        yield packed


_ZIP_HINT: Final = "Pack a single export file, without a password, or import it unpacked."


def _archive(packed: IO[bytes]) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(packed)
    except zipfile.BadZipFile as error:
        raise broken(f"The zip archive is damaged or incomplete: {error}.", _ZIP_HINT) from None


def _only_file(archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    files = [entry for entry in archive.infolist() if not entry.is_dir() and not entry.filename.startswith("__MACOSX/")]
    if len(files) != 1:
        raise unsupported(f"The zip archive contains {len(files)} files; only one can be imported.", _ZIP_HINT)
    if files[0].flag_bits & 1 or files[0].compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise unsupported("The zip archive is encrypted, or packed with an uncommon method.", _ZIP_HINT)
    return files[0]
