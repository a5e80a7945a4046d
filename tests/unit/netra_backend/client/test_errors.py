"""What a client raises."""

from __future__ import annotations

from netra_backend.app.core.frames import ErrorFrame
from netra_backend.client.errors import ClientError, Closed, Refused


def test_a_refusal_reads_as_what_happened_and_what_to_do() -> None:
    refused = Refused(ErrorFrame("run_limit", "Too many runs at once.", "Wait until one ends.", True))
    assert str(refused) == "Too many runs at once. Wait until one ends."
    assert isinstance(refused, ClientError)


def test_an_end_names_its_close_code() -> None:
    closed = Closed(4503, "revoked", "Sign in again.")
    assert str(closed) == "revoked (close code 4503). Sign in again."
    assert (closed.code, closed.reason) == (4503, "revoked")
