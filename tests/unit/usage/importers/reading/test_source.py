import gzip
import io
import zipfile
from pathlib import Path

import pytest

from netra_backend.app.core.errors import ToolError
from netra_backend.app.core.limits import USUAL
from netra_backend.app.usage.importers.reading import source
from netra_backend.app.usage.importers.reading.source import chunks

TEXT = b"a,b\n" + b"1,2\n" * 1000


def read(path: Path) -> bytes:
    return b"".join(chunks(path, lambda done, total: None))


def zipped(*files: tuple[str, bytes], **how: int) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", **how) as archive:  # type: ignore[call-overload]
        for name, content in files:
            archive.writestr(name, content)
    return packed.getvalue()


@pytest.mark.parametrize(
    "packed",
    [
        TEXT,
        gzip.compress(TEXT),
        zipped(("a.csv", TEXT)),
        zipped(("__MACOSX/a.csv", b"x"), ("d/a.csv", TEXT), ("d/", b"")),
    ],
    ids=["plain", "gzip", "zip", "zip with a folder"],
)
def test_the_bytes_are_the_same_however_they_are_packed(tmp_path: Path, packed: bytes) -> None:
    (tmp_path / "file").write_bytes(packed)
    assert read(tmp_path / "file") == TEXT


def test_progress_counts_the_bytes_as_they_lie_and_ends_with_all_of_them(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * (source.CHUNK * 2 + 5))
    as_dict: list[tuple[int, int]] = []
    for _ in chunks(path, lambda done, total: as_dict.append((done, total))):
        pass
    assert as_dict == sorted(as_dict)
    assert as_dict[-1] == (source.CHUNK * 2 + 5, source.CHUNK * 2 + 5)


def test_an_empty_file_is_of_no_format(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ToolError) as caught:
        read(tmp_path / "file")
    assert caught.value.code == "UNSUPPORTED_FORMAT"
    assert "empty" in caught.value.message


@pytest.mark.parametrize(
    "packed",
    [gzip.compress(TEXT)[:40], gzip.compress(TEXT)[:-20] + b"\0" * 20, zipped(("a.csv", TEXT))[:-30]],
    ids=["gzip cut", "gzip damaged", "zip cut"],
)
def test_a_damaged_archive_is_told_to_be_damaged(tmp_path: Path, packed: bytes) -> None:
    (tmp_path / "file").write_bytes(packed)
    with pytest.raises(ToolError) as caught:
        read(tmp_path / "file")
    assert caught.value.code == "BAD_ROWS"
    assert "damaged or incomplete" in caught.value.message


def test_a_damaged_file_inside_of_a_zip_is_found_by_its_checksum(tmp_path: Path) -> None:
    packed = zipped(("a.csv", TEXT)).replace(b"1,2\n1,2", b"1,3\n1,2", 1)
    (tmp_path / "file").write_bytes(packed)
    with pytest.raises(ToolError, match="damaged"):
        read(tmp_path / "file")


@pytest.mark.parametrize(
    "packed",
    [zipped(("d/", b"")), zipped(("a", b"1"), ("b", b"2")), zipped(("a", b"1"), compression=zipfile.ZIP_LZMA)],
    ids=["no file", "two files", "an uncommon method"],
)
def test_an_archive_that_is_not_one_plain_file_is_refused_with_what_to_do(tmp_path: Path, packed: bytes) -> None:
    (tmp_path / "file").write_bytes(packed)
    with pytest.raises(ToolError) as caught:
        read(tmp_path / "file")
    assert caught.value.code == "UNSUPPORTED_FORMAT"
    assert "Pack a single export file" in caught.value.hint


def test_an_encrypted_archive_is_refused(tmp_path: Path) -> None:
    packed = bytearray(zipped(("a.csv", TEXT)))
    packed[6] |= 1  # the flag in the local header
    packed[packed.rindex(b"PK\x01\x02") + 8] |= 1  # and in the directory
    (tmp_path / "file").write_bytes(packed)
    with pytest.raises(ToolError, match="encrypted"):
        read(tmp_path / "file")


@pytest.mark.parametrize("pack", [gzip.compress, lambda data: zipped(("bomb", data), compression=zipfile.ZIP_DEFLATED)])
def test_a_bomb_is_stopped_at_a_bound_on_what_it_unpacks_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pack: object
) -> None:
    monkeypatch.setattr(source, "RATIO_FREE", 1 << 20)
    (tmp_path / "bomb").write_bytes(pack(b"\0" * (16 << 20)))  # type: ignore[operator]
    unpacked: list[int] = []
    with pytest.raises(ToolError, match="unpacks to more than"):
        unpacked.extend(map(len, chunks(tmp_path / "bomb", lambda done, total: None)))
    assert sum(unpacked) <= (tmp_path / "bomb").stat().st_size * USUAL.import_ratio
