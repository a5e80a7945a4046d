"""The table of validation points."""

from __future__ import annotations

import pytest

from netra_backend.app.core import points, validation


def test_a_point_cannot_be_catalogued_twice() -> None:
    with pytest.raises(ValueError, match=r"'id\.format' is catalogued twice"):
        points.catalogued("id.format", "core.ids", "InvalidContextError", "again")
    assert points.CATALOGUE["id.format"] is validation.ID_FORMAT
