"""What a browser shows at the end of an authorization: words, and a link, whatever they are made of."""

from __future__ import annotations

from netra_backend.app.web.documents.authorization_page import POLICY, authorization_page

HOSTILE = '<img src=x onerror="alert(1)">'


def test_everything_is_shown_as_it_is_written() -> None:
    page = authorization_page(HOSTILE, [HOSTILE, "two"], (f'?a=1&b="{HOSTILE}', HOSTILE))
    assert "<img" not in page
    assert page.count("&lt;img") == 5
    assert "<p>two</p>" in page
    assert '<a href="?a=1&amp;b=&quot;' in page


def test_a_page_without_a_link_has_none() -> None:
    assert "<a" not in authorization_page("Done", ["It is done."])


def test_the_page_runs_loads_and_sends_nothing() -> None:
    assert POLICY == "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
