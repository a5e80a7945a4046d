"""Blobs by the digests of their bodies, and their bounds."""

from __future__ import annotations

import msgspec
import pytest

from netra_backend.app.core import history
from netra_backend.app.core.blobs import BLOBS_AN_EVENT, Blob, BlobRef, check_bounds, is_media_type, is_ref
from netra_backend.app.core.errors import LimitRefused
from netra_backend.app.core.history import FRAME_WEIGHT, MAX_CHUNK_BYTES, RunRecord, ThreadHead

OF_ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
"""SHA-256 of "abc" (FIPS 180-2, appendix B.1)."""


def a_run() -> RunRecord:
    return RunRecord(ThreadHead("user_ada", "thr_1", "epoch", 0, fence=1), "run_1", "req_1", "golden", None, "UTC", 0)


def test_a_blob_is_named_by_the_digest_of_its_body() -> None:
    blob = Blob.of(b"abc", "text/plain")
    assert (blob.ref, blob.media, blob.body) == (OF_ABC, "text/plain", b"abc")
    assert blob.named == BlobRef(OF_ABC, 3, "text/plain")
    assert msgspec.json.encode(blob.named) == b'{"ref":"%s","size":3,"media":"text/plain"}' % OF_ABC.encode()


@pytest.mark.parametrize(
    ("media", "holds"),
    [
        ("application/json", True),
        ("image/svg+xml", True),
        ("application/vnd.ms-excel.sheet", True),
        ("Text/plain", False),
        ("text/plain; charset=utf-8", False),
        ("text", False),
        ("text/", False),
        ("/plain", False),
        ("text/plain\r\nX-More: 1", False),
        ("text/" + "x" * 64, False),
        ("", False),
    ],
)
def test_a_media_type_is_one_in_lower_case_without_parameters(media: str, holds: bool) -> None:
    assert is_media_type(media) is holds
    if not holds:
        with pytest.raises(ValueError, match="is not a media type"):
            Blob.of(b"", media)


@pytest.mark.parametrize(
    ("ref", "holds"), [(OF_ABC, True), (OF_ABC.upper(), False), (OF_ABC[1:], False), (OF_ABC + "0", False), ("", False)]
)
def test_a_ref_is_64_lower_case_hexadecimal_digits(ref: str, holds: bool) -> None:
    assert is_ref(ref) is holds


@pytest.mark.validation_point("blob.size")
def test_an_events_blobs_are_bounded_in_size_and_in_number() -> None:
    blob = Blob.of(b"12345", "text/plain")
    check_bounds([blob] * BLOBS_AN_EVENT, 5)
    with pytest.raises(LimitRefused, match="at most 4 bytes; this one has 5") as refusal:
        check_bounds([blob], 4)
    assert refusal.value.entry.id == "payload_too_large"
    with pytest.raises(ValueError, match="at most 8 blobs"):
        check_bounds([blob] * (BLOBS_AN_EVENT + 1), 5)


def test_a_chunk_counts_what_its_blobs_weigh_and_ends_where_they_would_be_too_much() -> None:
    run = a_run()
    half = Blob.of(b"x" * (MAX_CHUNK_BYTES // 2), "text/plain")
    first = history.append(run, b"{}", None, [half])
    assert first is not None
    assert first.weight == MAX_CHUNK_BYTES // 2 + 2 + 2 * FRAME_WEIGHT
    assert history.append(run, b"{}") is None
    second = history.append(run, b"{}", None, [half])
    assert second is not None
    assert (first.blobs, second.blobs, second.first) == ([half], [half], 3)
    assert history.append(run, b"{}", None, [Blob.of(b"", "text/plain")]) is None
    assert second.blobs is not None
    assert len(second.blobs) == 2


def test_a_chunk_without_blobs_has_no_list_of_them() -> None:
    chunk = history.append(a_run(), b"{}")
    assert chunk is not None
    assert chunk.blobs is None
