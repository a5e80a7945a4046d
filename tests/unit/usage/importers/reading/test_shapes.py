import re

from hypothesis import given
from hypothesis import strategies as st

from netra_backend.app.usage.importers.reading.shapes import AMOUNTS, is_amount, shapes_of


def test_digits_are_all_the_same_and_nothing_else_is() -> None:
    assert shapes_of(["2026-11-01", "1.5e9", "é\u0661"]) == [b"0000-00-00", b"0.0e0", "é\u0661".encode()]


def test_what_is_no_text_of_one_line_has_no_shape() -> None:
    assert shapes_of(["1", 2]) is None
    assert shapes_of(["1\n2", "3"]) is None


@given(st.from_regex(r"\A[0-9]{1,9}(\.[0-9]{1,12})?\Z") | st.text("01.-", max_size=16) | st.text(max_size=4))
def test_plain_amounts_have_a_shape_of_amounts_and_nothing_else_has(written: str) -> None:
    plain = re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,12})?", written) is not None
    shapes = shapes_of([written])
    assert (shapes is not None and AMOUNTS.issuperset(shapes)) is plain
    assert is_amount(written) is plain
