"""The catalogue of validation points, and that the code and the catalogue are one."""

from __future__ import annotations

import re

import pytest

from netra_backend.app.core import errors
from netra_backend.app.core.validation import CATALOGUE, Point
from test_framework import point_sites


def test_every_refusal_in_the_code_is_a_catalogued_point_raised_in_one_place() -> None:
    assert point_sites.faults(point_sites.all_sites(), point_sites.constants()) == []


def test_the_catalogue_holds_every_point_under_its_id() -> None:
    assert set(point_sites.constants().values()) == set(CATALOGUE.values())
    assert all(CATALOGUE[point.id] is point for point in CATALOGUE.values())


@pytest.mark.parametrize("point", CATALOGUE.values(), ids=lambda point: point.id)
def test_a_point_has_an_id_a_home_an_error_and_a_sentence(point: Point) -> None:
    assert re.fullmatch(r"[a-z_]+(\.[a-z_]+)+", point.id)
    assert (point_sites.SOURCES / f"{point.home.replace('.', '/')}.py").is_file()
    assert issubclass(getattr(errors, point.error), errors.Refusal)
    assert point.guards[0].islower() or point.guards[0].isupper()
    assert not point.guards.endswith(".")
    assert point.told_as in CATALOGUE
