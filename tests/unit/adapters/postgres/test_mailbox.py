"""What a notice says."""

from __future__ import annotations

import pytest

from netra_backend.app.adapters.postgres.mailbox import addressed


@pytest.mark.parametrize(
    ("notice", "number"),
    [
        ("prc_one 7", 7),
        ("* 8", 8),
        ("prc_two 9", None),
        ("prc_one", None),
        ("prc_one x", None),
        ("", None),
        ("prc_one -1", None),
    ],
)
def test_a_notice_is_of_a_letter_to_this_process_or_to_everybody_or_of_none(notice: str, number: int | None) -> None:
    assert addressed(notice, "prc_one") == number
