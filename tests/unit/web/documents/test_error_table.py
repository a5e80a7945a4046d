"""The page's table is the catalogue's."""

from __future__ import annotations

import pytest

from netra_backend.app.core.error_catalogue import CATALOGUE, ErrorKind
from netra_backend.app.web.documents.error_table import FILE, error_table


def test_the_module_of_the_page_is_what_the_catalogue_says_now() -> None:
    assert FILE.read_text() == error_table(), "write it anew: python -m netra_backend.app.web.documents.error_table"


def test_every_close_code_of_the_catalogue_is_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CATALOGUE, "odd", ErrorKind("odd", "Odd.", "Mend it.", close_code=4588, status=400))
    assert '4588: {"error": "odd", "status": 400, "text": "Odd.", "next": "stop"},' in error_table()
