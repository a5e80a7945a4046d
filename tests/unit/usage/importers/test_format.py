import pytest

from netra_backend.app.core.errors import ToolError
from netra_backend.app.usage.importers.format import ImportOptions, column_mapping


def test_options_come_from_plain_json() -> None:
    options = ImportOptions.of({"model": "gpt-4o", "map": {"ts": "when"}, "preview": True})
    assert (options.model, options.map, options.preview, options.generated) == ("gpt-4o", {"ts": "when"}, True, False)


@pytest.mark.parametrize("wrong", [{"mdoel": "x"}, {"map": ["a"]}, {"preview": "yes"}, {"model": 5}])
def test_options_that_do_not_fit_are_refused_with_those_that_do(wrong: dict[str, object]) -> None:
    with pytest.raises(ToolError) as caught:
        ImportOptions.of(wrong)
    assert caught.value.code == "INVALID_ARGUMENTS"
    assert "model" in caught.value.hint


def test_a_mapping_is_read_from_pairs_and_a_columns_name_may_hold_the_sign() -> None:
    assert column_mapping(["ts=when", "model=a=b"]) == {"ts": "when", "model": "a=b"}


@pytest.mark.parametrize("pair", ["ts", "ts=", "=when", ""])
def test_a_pair_that_does_not_name_two_columns_is_refused_with_an_example(pair: str) -> None:
    with pytest.raises(ToolError, match="does not name two columns") as caught:
        column_mapping(["model=m", pair])
    assert "ts=created_at" in caught.value.hint
