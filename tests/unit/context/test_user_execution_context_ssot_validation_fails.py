"""A context refuses placeholders, malformed ids and missing metadata, and says which field and why."""

from __future__ import annotations

import pytest

from netra_backend.app.core.ids import PLACEHOLDER_WORDS
from netra_backend.app.services.user_execution_context import (
    InvalidContextError,
    UserExecutionContext,
    validate_user_context,
)
from test_framework.base_ssot_test import BaseSSotValidationTest
from test_framework.ssot.ssot_validation_helpers import assert_ssot_validation_failure

FIELDS = ("user_id", "thread_id", "run_id", "request_id", "connection_id")
PLACEHOLDERS = [*(f"{word}_value" for word in PLACEHOLDER_WORDS), "{user_id}", "$USER", "<user>", "0" * 32]
MALFORMED = ["user@invalid", "user@invalid#format", "", " ", "a b", "a\x00b", "usеr", "_x", "x" * 129, 7, b"user_1", []]


def context_with(**ids: object) -> UserExecutionContext:
    values: dict[str, object] = {"user_id": "user_123", "thread_id": "thread_456", "run_id": "run_789"}
    return UserExecutionContext(**(values | {"request_id": "req_101112"} | ids))  # type: ignore[arg-type]  # wrong on purpose


class TestUserExecutionContextSSotValidation(BaseSSotValidationTest):
    @pytest.mark.validation_point("id.placeholder")
    @pytest.mark.parametrize("field", FIELDS)
    @pytest.mark.parametrize("value", PLACEHOLDERS)
    def test_every_placeholder_is_refused_in_every_field(self, field: str, value: str) -> None:
        with pytest.raises(InvalidContextError, match="Forbidden placeholder values") as refused:
            context_with(**{field: value})
        assert refused.value.field == field
        assert field in str(refused.value)
        assert value in str(refused.value)

    @pytest.mark.validation_point("id.format")
    @pytest.mark.parametrize("field", FIELDS)
    @pytest.mark.parametrize("value", MALFORMED)
    def test_every_format_fault_is_refused_in_every_field(self, field: str, value: object) -> None:
        with pytest.raises(InvalidContextError, match=f"Invalid id: {field}=") as refused:
            context_with(**{field: value})
        assert refused.value.field == field

    @pytest.mark.validation_point("id.format")
    @pytest.mark.parametrize("field", [field for field in FIELDS if field != "connection_id"])
    def test_none_is_refused_in_every_field_that_must_be_there(self, field: str) -> None:
        with pytest.raises(InvalidContextError, match=field):
            context_with(**{field: None})

    @pytest.mark.validation_point("context.metadata")
    def test_missing_audit_metadata_constructs_but_is_refused_by_its_validation(self) -> None:
        context = context_with(audit_metadata=None)
        with pytest.raises(InvalidContextError, match=r"audit_metadata.*required"):
            context._validate_metadata_isolation()
        with pytest.raises(InvalidContextError, match=r"audit_metadata.*required"):
            validate_user_context(context)

    @pytest.mark.validation_point("id.placeholder", "id.format")
    @pytest.mark.parametrize(
        "violation",
        ["placeholder_user_id", "registry_thread_id", "default_run_id", "temp_request_id", "empty_values"],
    )
    @assert_ssot_validation_failure("Forbidden placeholder values|Invalid id")
    def test_the_kits_violations_are_refused_by_the_constructor(self, violation: str) -> None:
        context_with(**self.ssot_tester.create_ssot_violating_context(violation))

    @pytest.mark.validation_point("id.placeholder")
    @pytest.mark.parametrize("pattern", BaseSSotValidationTest.ssot_tester.FORBIDDEN_PLACEHOLDER_PATTERNS)
    @assert_ssot_validation_failure("Forbidden placeholder values")
    async def test_the_kits_patterns_are_refused_where_a_loop_runs_too(self, pattern: str) -> None:
        context_with(user_id=f"{pattern}123")

    @pytest.mark.validation_point("id.placeholder")
    @assert_ssot_validation_failure("Forbidden placeholder values: user_id='placeholder_user_123'")
    def test_a_forged_context_with_a_placeholder_is_refused(self) -> None:
        validate_user_context(self.create_ssot_violating_user_context("placeholder_user_id"))
