"""The plot: round ticks, decades at the same distance, every value and its noise where they belong, one file."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.figures import figure
from benchmarks.plot import Line, Row, decade_ticks, decades_scale, even_ticks, picture, short

SVG = "{http://www.w3.org/2000/svg}"


def drawn(rows: list[Row]) -> ElementTree.Element:
    columns = [f"column {number}" for number in range(len(rows[0].panels))]
    return ElementTree.fromstring(picture("A title", "A note", columns, rows))


def circles(svg: ElementTree.Element) -> list[tuple[float, float]]:
    return [(float(one.attrib["cx"]), float(one.attrib["cy"])) for one in svg.iter(f"{SVG}circle")]


def texts(svg: ElementTree.Element) -> list[str]:
    return ["".join(one.itertext()) for one in svg.iter(f"{SVG}text")]


def test_even_ticks_are_round_and_reach_over_the_top() -> None:
    assert even_ticks(6048) == [0, 2000, 4000, 6000, 8000]
    assert even_ticks(160) == [0, 50, 100, 150, 200]
    assert even_ticks(0.9) == pytest.approx([0, 0.25, 0.5, 0.75, 1.0])
    assert even_ticks(400) == [0, 100, 200, 300, 400]


@given(st.floats(1e-6, 1e9))
def test_even_ticks_are_few_and_hold_every_value(top: float) -> None:
    ticks = even_ticks(top)
    assert 3 <= len(ticks) <= 6
    assert ticks[-1] >= top * (1 - 1e-6)
    assert ticks[-2] < top


def test_decade_ticks_are_the_powers_of_ten_around() -> None:
    assert decade_ticks(0.9, 133) == [0.1, 1, 10, 100, 1000]
    assert decade_ticks(1, 1000) == [1, 10, 100, 1000]
    assert decade_ticks(10, 10) == [10, 100]


@given(st.floats(1e-3, 1e6), st.floats(1, 1e6))
def test_decade_ticks_hold_every_value(low: float, factor: float) -> None:
    ticks = decade_ticks(low, low * factor)
    assert ticks[0] <= low * (1 + 1e-6)
    assert ticks[-1] >= low * factor * (1 - 1e-6)


def test_each_decade_takes_the_same_room() -> None:
    place = decades_scale([1000, 1, 10], 0.0, 352.0)
    assert [place(value) for value in (1, 10, 100, 1000)] == pytest.approx([26, 126, 226, 326])


def test_one_size_alone_stands_in_the_middle() -> None:
    assert decades_scale([100], 0.0, 300.0)(100) == 150.0


def test_numbers_at_an_axis_are_short() -> None:
    assert [short(value) for value in (0.1, 1, 2.5, 100, 1000, 2500, 10_000, 1_000_000)] == [
        "0.1", "1", "2.5", "100", "1k", "2.5k", "10k", "1M",
    ]  # fmt: skip


def test_a_line_is_its_medians_with_a_bar_from_worst_to_best() -> None:
    svg = drawn([Row("runs", [[Line("", [(1, figure([50.0, 100.0, 200.0])), (10, figure([200.0]))])]])])
    (x, middle), (next_x, top) = circles(svg)
    assert next_x > x
    bars = [
        (float(one.attrib["y1"]), float(one.attrib["y2"]))
        for one in svg.iter(f"{SVG}line")
        if one.attrib["class"] == "noise a" and one.attrib["x1"] == one.attrib["x2"] == f"{x:.1f}"
    ]
    ((bottom, upper),) = bars
    assert bottom == pytest.approx(middle + (middle - top) / 2, abs=0.2)
    assert upper == top


def test_panels_of_a_row_share_one_scale_and_rows_have_one_each() -> None:
    low, high = figure([10.0]), figure([100.0])
    svg = drawn([Row("one", [[Line("", [(1, low)])], [Line("", [(1, high)])]]),
                 Row("two", [[Line("", [(1, low)])], [Line("", [(1, low)])]])])  # fmt: skip
    (_, first), (_, second), (_, third), (_, fourth) = circles(svg)
    assert first > second
    assert third == fourth


def test_by_decades_the_same_factor_is_the_same_height() -> None:
    line = Line("", [(1, figure([1.0])), (2, figure([10.0])), (3, figure([100.0]))])
    _, ys = zip(*circles(drawn([Row("wait", [[line]], by_decades=True)])), strict=True)
    assert ys[0] - ys[1] == pytest.approx(ys[1] - ys[2], abs=0.15)


def test_two_lines_are_named_in_their_colours_and_their_values_stand_apart() -> None:
    svg = drawn([Row("wait, ms", [[Line("p50", [(1, figure([2.0]))]), Line("p99", [(1, figure([2.0]))])]], digits=1)])
    assert [one.attrib["class"] for one in svg.iter(f"{SVG}tspan")] == ["a-fill", "b-fill"]
    below, above = (float(one.attrib["y"]) for one in svg.iter(f"{SVG}text") if one.text == "2.0")
    assert below > circles(svg)[0][1] > above


def test_all_words_and_values_are_there_and_escaped() -> None:
    said = texts(drawn([Row("a < b", [[Line("", [(1000, figure([1234.5]))])]])]))
    assert {"A title", "A note", "a < b", "column 0", "1k", "1,234"} <= set(said)


def test_the_file_needs_nothing_else_and_knows_dark_pages() -> None:
    svg = picture("T", "N", ["c"], [Row("r", [[Line("", [(1, figure([1.0]))])]])])
    assert re.findall(r"https?://[^\"]+", svg) == ["http://www.w3.org/2000/svg"]
    assert "prefers-color-scheme: dark" in svg
