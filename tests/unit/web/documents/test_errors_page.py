"""The page of errors is made of the catalogue and runs nothing."""

from __future__ import annotations

import base64
import hashlib
import re

from netra_backend.app.core.error_catalogue import CATALOGUE, ErrorKind
from netra_backend.app.web.documents.errors_page import POLICY, errors_page


def test_every_error_has_a_row_with_its_texts_and_codes() -> None:
    page = errors_page(CATALOGUE)
    for kind in CATALOGUE.values():
        row = page.split(f'<tr id="{kind.id}">')[1].split("</tr>")[0]
        assert str(kind.status) in row
        assert kind.close_code is None or str(kind.close_code) in row
    assert page.count("<tr id=") == len(CATALOGUE)


def test_texts_are_shown_and_not_interpreted() -> None:
    page = errors_page({"x": ErrorKind("x", "<b>bold</b>", "a & b")})
    assert "&lt;b&gt;bold&lt;/b&gt;" in page
    assert "a &amp; b" in page


def test_the_policy_names_the_one_style_and_allows_nothing_else() -> None:
    (style,) = re.findall("<style>(.*?)</style>", errors_page({}), re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert POLICY.startswith(f"default-src 'none'; style-src 'sha256-{digest}';")
    assert "script" not in errors_page(CATALOGUE).replace("description", "")
