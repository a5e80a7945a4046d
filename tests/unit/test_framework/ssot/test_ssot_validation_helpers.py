"""The kit's SSOT helpers: violating ids, compliance, and the decorator that expects a refusal."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from netra_backend.app.core import validation
from netra_backend.app.core.errors import DependencyUnavailable, InvalidContextError
from netra_backend.app.core.ids import is_valid_id
from test_framework.ssot.ssot_validation_helpers import (
    SSotValidationResult,
    SSotValidationTester,
    assert_ssot_validation_failure,
)


@pytest.mark.parametrize(
    ("kind", "ids"),
    [
        ("placeholder_user_id", {"user_id": "placeholder_user_123"}),
        ("registry_thread_id", {"thread_id": "registry_thread_456"}),
        ("default_run_id", {"run_id": "default_run_789"}),
        ("temp_request_id", {"request_id": "temp_request_101112"}),
        ("empty_values", {"user_id": "", "thread_id": None}),
        ("invalid_format", {"user_id": "user@invalid#format"}),
    ],
)
def test_violating_ids_are_made_by_kind_and_none_of_them_is_valid(kind: str, ids: dict[str, Any]) -> None:
    made = SSotValidationTester.create_ssot_violating_context(kind)
    assert made == ids
    made["user_id"] = "changed"
    assert SSotValidationTester.create_ssot_violating_context(kind) == ids
    assert not any(map(is_valid_id, ids.values()))


def test_an_unknown_kind_of_violation_is_told_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="unknown violation type 'nonsense'; known are placeholder_user_id, "):
        SSotValidationTester.create_ssot_violating_context("nonsense")


def test_the_forbidden_prefixes_come_from_the_one_list() -> None:
    patterns = SSotValidationTester.FORBIDDEN_PLACEHOLDER_PATTERNS
    assert len(patterns) == 10
    assert {"placeholder_", "registry_", "default_", "temp_"} <= set(patterns)
    assert not any(is_valid_id(f"{pattern}1") for pattern in patterns)


class Whole:
    _ssot_validation_enabled = True

    def configure(self) -> None: ...

    def get_factory_metrics(self) -> None: ...

    def cleanup(self) -> None: ...


def test_a_factory_with_methods_and_flag_complies() -> None:
    assert SSotValidationTester.validate_factory_ssot_compliance(Whole()) == SSotValidationResult(True, [])
    assert SSotValidationTester.validate_factory_ssot_compliance(Whole).is_valid


@pytest.mark.parametrize("method", ["configure", "get_factory_metrics", "cleanup"])
@pytest.mark.parametrize("instead", [None, 7])
def test_a_missing_method_is_named(method: str, instead: object) -> None:
    lacking = type("Lacking", (Whole,), {method: instead})
    result = SSotValidationTester.validate_factory_ssot_compliance(lacking())
    assert not result.is_valid
    assert result.violations == [f"Missing SSOT-required method: {method}"]
    assert result.error_details == "Lacking: 1 violations"


@pytest.mark.parametrize("flag", [False, None, 1, "yes"])
def test_a_flag_that_is_not_true_is_a_violation(flag: object) -> None:
    switched = type("Switched", (Whole,), {"_ssot_validation_enabled": flag})
    result = SSotValidationTester.validate_factory_ssot_compliance(switched)
    assert result.violations == ["Missing SSOT validation flag"]
    assert result.error_details == "Switched: 1 violations"


def refuse(message: str = "SSOT said no") -> None:
    raise InvalidContextError(message, point=validation.ID_FORMAT)


def test_the_decorator_passes_a_test_that_ends_in_a_matching_refusal() -> None:
    assert_ssot_validation_failure("SSOT.*no")(refuse)()


async def test_the_decorator_works_on_async_tests() -> None:
    @assert_ssot_validation_failure("gone")
    async def refused() -> None:
        raise DependencyUnavailable("gone")

    await refused()


def test_the_decorator_fails_by_assertion_where_nothing_is_raised() -> None:
    def quiet() -> None: ...

    with pytest.raises(AssertionError, match="quiet raised nothing; expected an SSOT refusal that matches 'x'"):
        assert_ssot_validation_failure("x")(quiet)()


async def test_the_decorator_fails_by_assertion_where_an_async_test_raises_nothing() -> None:
    async def quiet() -> None: ...

    with pytest.raises(AssertionError, match="quiet raised nothing"):
        await assert_ssot_validation_failure("x")(quiet)()


def test_the_decorator_fails_by_assertion_where_the_message_does_not_match() -> None:
    with pytest.raises(AssertionError, match="InvalidContextError says 'SSOT said no', which does not match 'other'"):
        assert_ssot_validation_failure("other")(refuse)()


def test_the_decorator_lets_other_errors_through() -> None:
    def broken() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        assert_ssot_validation_failure("x")(broken)()


def test_the_decorator_keeps_name_and_signature() -> None:
    decorated = assert_ssot_validation_failure("x")(refuse)
    assert decorated.__name__ == "refuse"
    assert list(inspect.signature(decorated).parameters) == ["message"]


class TestDecoratedMethods:
    @pytest.mark.parametrize("message", ["SSOT one", "SSOT two"])
    @assert_ssot_validation_failure("SSOT (one|two)")
    def test_parameters_reach_a_decorated_method(self, message: str) -> None:
        refuse(message)
