import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netra_backend.app.core.errors import ToolError
from netra_backend.app.usage.importers.reading import json_stream
from netra_backend.app.usage.importers.reading.json_stream import elements

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


def cut(text: str, size: int) -> Iterator[bytes]:
    encoded = text.encode()
    return (encoded[at : at + size] for at in range(0, len(encoded), size))


@given(values=st.lists(JSON), size=st.integers(1, 9), indent=st.sampled_from([None, 1]))
def test_an_array_gives_its_elements_wherever_its_bytes_are_cut(
    values: list[Any], size: int, indent: int | None
) -> None:
    assert list(elements(cut(json.dumps(values, indent=indent, ensure_ascii=False), size))) == values


@pytest.mark.parametrize("container", sorted(json_stream.CONTAINERS))
def test_a_page_gives_the_elements_of_its_container(container: str) -> None:
    page = json.dumps({"object": "page", container: [{"a": 1}, {"a": 2}], "has_more": False})
    assert list(elements(cut(page, 7))) == [{"a": 1}, {"a": 2}]


def test_pages_may_follow_one_another() -> None:
    pages = json.dumps({"data": [1], "x": 2}) + "\n" + json.dumps({"data": [3]})
    assert list(elements(cut(pages, 5))) == [1, 3]


def test_an_object_without_a_container_is_one_record() -> None:
    assert list(elements(cut('{"model": "m", "data": {"x": 1}}', 4))) == [{"model": "m", "data": {"x": 1}}]


@pytest.mark.parametrize("text", ['[{"a": 1}, {"a"', '[{"a": 1},', "[1, 2", '{"data": [1', '{"a"', '["half'])
def test_a_document_that_ends_in_the_middle_is_said_to(text: str) -> None:
    with pytest.raises(ToolError) as caught:
        list(elements(cut(text, 3)))
    assert caught.value.code == "BAD_ROWS"
    assert "ends unexpectedly" in caught.value.message or "is damaged" in caught.value.message


@pytest.mark.parametrize("text", ["[1 2]", "[1}", '{"a" 1}', '{"a": 1 "b": 2}', "[nonsense]", "[,]"])
def test_a_damaged_document_is_said_to_be_damaged(text: str) -> None:
    with pytest.raises(ToolError, match="damaged"):
        list(elements(cut(text, 3)))


def test_a_number_of_more_digits_than_the_interpreter_reads_is_refused() -> None:
    with pytest.raises(ToolError, match="more digits"):
        list(elements(cut('[{"n": ' + "9" * 5_000 + "}]", 1 << 16)))


def test_nesting_without_end_is_refused() -> None:
    with pytest.raises(ToolError, match="nested too deeply"):
        list(elements(cut("[" + "[" * 200_000, 1 << 16)))


def test_one_value_without_end_is_refused_before_it_fills_the_memory() -> None:
    def endless() -> Iterator[bytes]:
        yield b'["'
        while True:
            yield b"x" * 100

    with pytest.raises(ToolError, match="One JSON value is larger"):
        list(elements(endless(), 1000))


def test_an_outer_object_without_end_is_refused() -> None:
    with pytest.raises(ToolError, match="more than 10,000 members"):
        list(elements(cut("{" + ",".join(f'"k{n}": {n}' for n in range(10_002)) + "}", 1 << 16)))
