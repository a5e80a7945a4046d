"""Values of a query string are bounded."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest
from starlette.requests import Request

from netra_backend.app.core.errors import FrameRefused
from netra_backend.app.web.http.request_query import number, text


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
