"""Values of a query string are bounded."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest
from starlette.requests import Request

from netra_backend.app.core.errors import FrameRefused
from netra_backend.app.web.http.request_query import moment, name, number, text


def asked(**query: Any) -> Request:
    return Request({"type": "http", "query_string": urlencode(query).encode(), "headers": []})


def test_a_number_is_taken_or_left_at_its_default() -> None:
    assert number(asked(limit="7"), "limit", 50, 1, 200) == 7
    assert number(asked(), "limit", 50, 1, 200) == 50


@pytest.mark.validation_point("http.query_number")
@pytest.mark.parametrize("given", ["0", "201", "-1", "1.5", "1e3", "٣", "", " 1", "9" * 19, "0x10"])
def test_what_is_no_number_within_bounds_is_refused(given: str) -> None:
    with pytest.raises(FrameRefused, match="a whole number from 1 to 200") as refused:
        number(asked(limit=given), "limit", 50, 1, 200)
    assert refused.value.field == "limit"


def test_a_text_is_cut_at_its_bound() -> None:
    assert text(asked(search="abcdef"), "search", 3) == "abc"
    assert text(asked(), "search", 3) == ""


def test_a_name_is_taken_whole() -> None:
    assert name(asked(team="a & b, ümlaut"), "team", 13) == "a & b, ümlaut"
    assert name(asked(), "team", 13) is None


@pytest.mark.validation_point("http.query_name")
@pytest.mark.parametrize("given", ["", "x" * 14])
def test_a_name_that_would_have_to_be_cut_is_refused(given: str) -> None:
    with pytest.raises(FrameRefused, match="a text of 1 to 13 characters") as refused:
        name(asked(team=given), "team", 13)
    assert refused.value.field == "team"


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("2026-11-01", datetime(2026, 11, 1, tzinfo=UTC)),
        ("2026-11-01T12:30", datetime(2026, 11, 1, 12, 30, tzinfo=UTC)),
        ("2026-11-01T12:30Z", datetime(2026, 11, 1, 12, 30, tzinfo=UTC)),
        ("2026-11-01T12:30+02:00", datetime(2026, 11, 1, 10, 30, tzinfo=UTC)),
    ],
)
def test_a_time_is_taken_in_utc(given: str, meant: datetime) -> None:
    assert moment(asked(**{"from": given}), "from") == meant
    assert moment(asked(), "from") is None


@pytest.mark.validation_point("http.query_time")
@pytest.mark.parametrize(
    "given",
    [
        "",
        "yesterday",
        "2026-13-01",
        "2026-11-01T12:30 02:00",
        "1793620800000",
        "0001-01-01T00:00+14:00",
        "9999-12-31T23:59-14:00",
        "2026-11-01" + "0" * 9000,
    ],
)
def test_what_is_no_time_is_refused(given: str) -> None:
    with pytest.raises(FrameRefused, match="such as 2026-11-01") as refused:
        moment(asked(**{"from": given}), "from")
    assert refused.value.field == "from"
