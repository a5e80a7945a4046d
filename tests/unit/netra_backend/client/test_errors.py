"""What a client raises."""

from __future__ import annotations

import pytest

from netra_backend.app.core.frames import ErrorFrame
from netra_backend.client.errors import ClientError, Closed, Refused, sentences


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


def test_a_message_without_a_full_stop_gets_one_before_its_hint() -> None:
    refused = Refused(
        ErrorFrame("invalid_answer", "'x' is not of type \"integer\"", "Answer as the schema says.", True)
    )
    assert str(refused) == "'x' is not of type \"integer\". Answer as the schema says."


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        (("Is it there?", "Look"), "Is it there? Look"),
        (("(See there.)", "Look"), "(See there.) Look"),
        (("no stop", "", None), "no stop"),
        ((None, "alone"), "alone"),
    ],
)
def test_sentences_keep_the_marks_that_they_end_with(parts: tuple[str | None, ...], text: str) -> None:
    assert sentences(*parts) == text
