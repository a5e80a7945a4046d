"""The error catalogue and the one exception tree."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from netra_backend.app.core import errors, validation
from netra_backend.app.core.errors import CATALOGUE, FACTORY_REFUSAL_CODE, TOOL_CODES, ErrorKind, NetraError, Refusal


def descendants(kind: type[NetraError]) -> Iterator[type[NetraError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from descendants(below)


@pytest.mark.parametrize("entry", CATALOGUE.values(), ids=lambda entry: entry.id)
def test_every_kind_says_what_happened_and_what_to_do(entry: ErrorKind) -> None:
    assert entry.text.endswith(".")
    assert entry.hint.endswith(".")
    assert CATALOGUE[entry.id] is entry


@pytest.mark.parametrize("entry", CATALOGUE.values(), ids=lambda entry: entry.id)
def test_a_close_code_says_by_its_range_whether_to_reconnect(entry: ErrorKind) -> None:
    if entry.close_code is not None:
        assert 4400 <= entry.close_code <= 4599
        assert entry.retryable is (entry.close_code < 4500)


def test_no_close_code_is_1011() -> None:
    assert FACTORY_REFUSAL_CODE == 1011
    assert {entry.close_code for entry in CATALOGUE.values()} & {FACTORY_REFUSAL_CODE} == set()
    assert {entry.code for entry in CATALOGUE.values()} == {None, FACTORY_REFUSAL_CODE}


def test_close_codes_and_texts_are_told_apart() -> None:
    codes = [entry.close_code for entry in CATALOGUE.values() if entry.close_code is not None]
    assert len(codes) == len(set(codes))


@pytest.mark.parametrize("kind", list(descendants(NetraError)), ids=lambda kind: kind.__name__)
def test_every_class_of_error_names_a_row_of_the_catalogue(kind: type[NetraError]) -> None:
    assert kind.kind in CATALOGUE


@pytest.mark.parametrize(
    ("kind", "built_in"),
    [
        (errors.InvalidContextError, ValueError),
        (errors.FrameRefused, ValueError),
        (errors.FactoryRefused, RuntimeError),
        (errors.ExecutionEngineFactoryError, RuntimeError),
        (errors.FactoryInitializationError, RuntimeError),
        (errors.IsolationRefused, PermissionError),
        (errors.SSotIsolationError, PermissionError),
        (errors.AuthenticationRefused, PermissionError),
        (errors.ToolRefused, PermissionError),
        (errors.QueryRejected, ValueError),
        (errors.NotFound, LookupError),
        (errors.LimitRefused, RuntimeError),
        (errors.ConfigurationError, ValueError),
        (errors.Fault, RuntimeError),
    ],
)
def test_an_error_is_also_the_promised_built_in(kind: type[NetraError], built_in: type[Exception]) -> None:
    assert issubclass(kind, built_in)


def test_a_refusal_carries_its_point_kind_field_hint_and_delay() -> None:
    refusal = Refusal(
        "no", point=validation.ID_FORMAT, kind="rate_limited", field="user_id", hint="wait", retry_after_ms=7
    )
    assert (str(refusal), refusal.message, refusal.point) == ("no", "no", validation.ID_FORMAT)
    assert refusal.entry is CATALOGUE["rate_limited"]
    assert (refusal.field, refusal.hint, refusal.retry_after_ms) == ("user_id", "wait", 7)


def test_an_error_without_a_hint_of_its_own_has_the_catalogues() -> None:
    assert NetraError("oops").hint == CATALOGUE["internal"].hint
    assert errors.DependencyUnavailable("gone").entry is CATALOGUE["dependency_unavailable"]


def test_a_configuration_error_lists_all_faults_at_once() -> None:
    error = errors.ConfigurationError(["A is wrong", "B is wrong"], point=validation.ID_FORMAT)
    assert error.faults == ["A is wrong", "B is wrong"]
    assert str(error) == "A is wrong\nB is wrong"


@pytest.mark.parametrize("code", sorted(TOOL_CODES))
def test_a_tools_answer_has_a_code_of_the_closed_list(code: str) -> None:
    assert errors.ToolError(code, "m", hint="h", details={"a": 1}).details == {"a": 1}
    assert errors.ToolRefused("m", code=code, point=validation.ID_FORMAT, field="tool").code == code


def test_another_code_for_a_tools_answer_is_a_fault_of_ours() -> None:
    with pytest.raises(ValueError, match="'WHATEVER' is not a tool error code"):
        errors.ToolError("WHATEVER", "m", hint="h")
    with pytest.raises(ValueError, match="is not a tool error code"):
        errors.ToolRefused("m", code="", point=validation.ID_FORMAT)
