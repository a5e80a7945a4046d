"""What a client raises."""

from __future__ import annotations

from netra_backend.app.core.frames import ErrorFrame
from netra_backend.client.errors import ClientError, Closed, Refused


def test_a_refusal_reads_as_what_happened_and_what_to_do() -> None:
    refused = Refused(ErrorFrame("run_limit", "Too many runs at once.", "Wait until one ends.", True))
    assert str(refused) == "Too many runs at once. Wait until one ends."
    assert isinstance(refused, ClientError)


def test_an_end_reads_as_the_catalogue_says_it() -> None:
    closed = Closed(4503, "revoked")
    assert str(closed) == "This sign-in was revoked. Sign in again."
    assert (closed.code, closed.reason) == (4503, "revoked")


def test_an_end_without_a_known_reason_reads_as_what_was_found_out() -> None:
    closed = Closed(1006, "No server answers.", "Start one.")
    assert (str(closed), closed.message, closed.hint) == (
        "No server answers. Start one.",
        "No server answers.",
        "Start one.",
    )
