"""Pictures."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from netra_backend.app.usage.svg import Bar, columns, rows, waterfall

POISON = "</text><script>alert(1)</script>\"'&"


@pytest.mark.parametrize(
    "picture",
    [
        columns("Days", [Bar(POISON, "3", "2"), Bar("b", "0", "1", marked=True)]),
        rows(POISON, [Bar(POISON, "3"), Bar("b", "0")]),
        waterfall("Savings", Bar("Bill", "10"), [Bar(POISON, "4")], Bar("Remains", "6")),
        columns("None", []),
        rows("None", []),
    ],
)
def test_a_picture_is_well_formed_whatever_things_are_called(picture: str) -> None:
    root = ElementTree.fromstring(picture)
    assert root.tag == "svg"
    assert not [element for element in root.iter() if element.tag == "script"]


def test_heights_are_in_proportion() -> None:
    heights = [
        float(bar.get("height", ""))
        for bar in ElementTree.fromstring(columns("", [Bar("a", "4"), Bar("b", "1")])).iter("rect")
    ]
    assert heights[0] == 4 * heights[1]


def test_a_waterfall_ends_where_its_steps_lead() -> None:
    root = ElementTree.fromstring(waterfall("", Bar("Bill", "10"), [Bar("x", "4"), Bar("y", "1")], Bar("Remains", "5")))
    bars = [(float(bar.get("x", "")), float(bar.get("width", ""))) for bar in root.iter("rect")]
    (left, whole), (at_x, x), (at_y, y), (_, remains) = bars
    assert at_x + x == pytest.approx(left + whole, abs=0.2)
    assert at_y + y == pytest.approx(at_x, abs=0.2)
    assert left + remains == pytest.approx(at_y, abs=0.2)


def test_the_height_of_the_highest_bar_is_told() -> None:
    assert '<text class="scale" x="0" y="12">$4.00</text>' in columns("", [Bar("a", "4"), Bar("b", "1")])
