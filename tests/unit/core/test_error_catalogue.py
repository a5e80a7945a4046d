"""What clients may receive: every row says what happened and what to do."""

from __future__ import annotations

import pytest

from netra_backend.app.core.error_catalogue import CATALOGUE, FACTORY_REFUSAL_CODE, ErrorKind


@pytest.mark.parametrize("entry", CATALOGUE.values(), ids=lambda entry: entry.id)
def test_every_kind_says_what_happened_and_what_to_do(entry: ErrorKind) -> None:
    assert entry.text.endswith(".")
    assert entry.hint.endswith(".")
    assert CATALOGUE[entry.id] is entry


@pytest.mark.parametrize("entry", CATALOGUE.values(), ids=lambda entry: entry.id)
def test_a_close_code_says_by_its_range_whether_to_reconnect(entry: ErrorKind) -> None:
    if entry.close_code is not None:
        assert 4400 <= entry.close_code <= 4599
        assert entry.retryable is (entry.close_code < 4500)


def test_no_close_code_is_1011() -> None:
    assert FACTORY_REFUSAL_CODE == 1011
    assert {entry.close_code for entry in CATALOGUE.values()} & {FACTORY_REFUSAL_CODE} == set()
    assert {entry.code for entry in CATALOGUE.values()} == {None, FACTORY_REFUSAL_CODE}


def test_close_codes_and_texts_are_told_apart() -> None:
    codes = [entry.close_code for entry in CATALOGUE.values() if entry.close_code is not None]
    assert len(codes) == len(set(codes))
