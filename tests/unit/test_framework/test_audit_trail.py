"""Key and anchor of an audit trail for tests."""

from __future__ import annotations

from pathlib import Path

from test_framework.audit_trail import place_in


def test_a_place_is_the_same_for_the_same_directory_and_key(tmp_path: Path) -> None:
    place, other = place_in(tmp_path), place_in(tmp_path, key="another key of thirty-two bytes or more")
    assert place.keys == place_in(tmp_path).keys != other.keys
    place.anchor.write(place.keys.state("anchor", 1, b"s", 0, 1))
    assert [each.chain for each in other.anchor.read()] == [place.keys.chain]
    assert place_in(tmp_path, every_s=5).anchor.every_s == 5
