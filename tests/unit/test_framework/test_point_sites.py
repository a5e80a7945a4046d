"""The map from refusals in the syntax tree to validation points finds each kind of disagreement."""

from __future__ import annotations

from pathlib import Path

import pytest

from netra_backend.app.core.validation import ID_FORMAT, ID_PLACEHOLDER
from test_framework.point_sites import Site, all_sites, constants, faults, refusal_names, sites_in

CATALOGUE = {"ID_FORMAT": ID_FORMAT}
GOOD = "def f(x):\n    raise InvalidContextError('no', point=validation.ID_FORMAT, field='x')\n"


def test_a_refusal_raised_with_its_point_at_its_home_is_no_fault() -> None:
    assert sites_in(GOOD, "core.ids") == [Site("core.ids", 2, "InvalidContextError", "ID_FORMAT")]
    assert faults(sites_in(GOOD, "core.ids"), CATALOGUE) == []


@pytest.mark.parametrize(
    ("source", "home", "fault"),
    [
        ("raise InvalidContextError('no')", "core.ids", "names no point in a raise"),
        ("raise InvalidContextError('no', point=point)", "core.ids", "names no point in a raise"),
        ("raise errors.NotFound('no', point=found.point)", "core.ids", "NotFound: a refusal that names no point"),
        ("error = InvalidContextError('no', point=validation.ID_FORMAT)", "core.ids", "names no point in a raise"),
        ("", "core.ids", "id.format: 0 raises, must be one"),
        (GOOD + GOOD, "core.ids", "id.format: 2 raises, must be one"),
        (GOOD, "core.frames", "core.frames:2 InvalidContextError: the home of id.format is core.ids"),
        ("raise NotFound('no', point=validation.ID_FORMAT)", "core.ids", "is catalogued as InvalidContextError"),
        (GOOD + "raise NotFound('no', point=validation.OTHER)", "core.ids", "validation.OTHER is not catalogued"),
    ],
)
def test_a_disagreement_is_told(source: str, home: str, fault: str) -> None:
    assert any(fault in told for told in faults(sites_in(source, home), CATALOGUE))


def test_the_constants_are_those_of_the_catalogue() -> None:
    assert constants()["ID_PLACEHOLDER"] is ID_PLACEHOLDER
    assert {"Refusal", "InvalidContextError", "SSotIsolationError", "LimitRefused"} <= refusal_names()


def test_sites_are_found_in_every_folder(tmp_path: Path) -> None:
    (tmp_path / "core").mkdir()
    (tmp_path / "core" / "ids.py").write_text(GOOD)
    (tmp_path / "turn.py").write_text(GOOD)
    assert [site.home for site in all_sites(tmp_path)] == ["core.ids", "turn"]
    assert len(all_sites()) >= len(constants()) // 2
