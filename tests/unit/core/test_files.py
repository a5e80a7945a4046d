"""What files are taken, by their types and first bytes."""

from __future__ import annotations

import pytest

from netra_backend.app.core.files import HEAD_BYTES, MEDIA_TYPES, SIGNATURES, TEXTS, begins_as, essence_of

BEGINNINGS = {
    "image/png": b"\x89PNG\r\n\x1a\n\x00",
    "image/jpeg": b"\xff\xd8\xff\xe0",
    "image/gif": b"GIF89a",
    "image/webp": b"RIFF\x01\x02\x03\x04WEBPVP8 ",
    "application/pdf": b"%PDF-1.7\n",
    "audio/wav": b"RIFF\x01\x02\x03\x04WAVEfmt ",
    "audio/mpeg": b"ID3\x04",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": b"PK\x03\x04",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": b"PK\x03\x04",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": b"PK\x03\x04",
}


def test_nothing_that_a_browser_would_run_is_taken() -> None:
    assert not MEDIA_TYPES & {"text/html", "image/svg+xml", "text/javascript", "application/xhtml+xml", "text/xml"}
    assert set(BEGINNINGS) == set(SIGNATURES)


@pytest.mark.parametrize("media", sorted(SIGNATURES))
def test_a_file_begins_as_its_type_does_and_as_no_other(media: str) -> None:
    assert begins_as(media, BEGINNINGS[media])
    for other, head in BEGINNINGS.items():
        assert begins_as(media, head) is (SIGNATURES[media] == SIGNATURES[other]), other
    for head in (b"", BEGINNINGS[media][:2], b"<html>", b"\x00" * HEAD_BYTES, b" " + BEGINNINGS[media]):
        assert not begins_as(media, head)


@pytest.mark.parametrize("media", sorted(TEXTS))
def test_a_text_begins_as_no_other_type_does_and_without_a_null(media: str) -> None:
    for head in (b"", b"a,b\n1,2\n", "größer".encode(), b"<html>", b"RIFF is a word"):
        assert begins_as(media, head)
    for head in (*BEGINNINGS.values(), b"a\x00b"):
        assert not begins_as(media, head)


@pytest.mark.parametrize(
    ("header", "essence"),
    [("text/plain", "text/plain"), (" Text/CSV ; charset=utf-8", "text/csv"), ("", ""), (";x", ""), ("a", "a")],
)
def test_a_content_type_is_judged_without_its_parameters_and_its_capitals(header: str, essence: str) -> None:
    assert essence_of(header) == essence
