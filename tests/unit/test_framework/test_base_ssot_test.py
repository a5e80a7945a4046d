"""The base of SSOT tests finds violations by name and forges contexts."""

from __future__ import annotations

import pytest

from netra_backend.app.agents.tools.unified_tool_dispatcher_factory import UnifiedToolDispatcherFactory
from test_framework.base_ssot_test import BaseSSotValidationTest


class Careless:
    def configure(self) -> None:
        pass


class TestBaseSSotValidation(BaseSSotValidationTest):
    def test_expected_violations_are_found(self) -> None:
        expected = ["Missing SSOT-required method: cleanup", "Missing SSOT validation flag"]
        self.assert_ssot_violation(Careless(), expected)
        self.assert_ssot_violation(Careless, expected)

    def test_a_violation_that_is_not_there_fails_with_what_was_found(self) -> None:
        with pytest.raises(AssertionError, match=r"Careless does not show .*configure.*it shows .*cleanup"):
            self.assert_ssot_violation(Careless(), ["Missing SSOT-required method: configure"])

    def test_a_factory_that_complies_fails_where_violations_are_expected(self) -> None:
        with pytest.raises(AssertionError, match="UnifiedToolDispatcherFactory complies"):
            self.assert_ssot_violation(UnifiedToolDispatcherFactory(), ["Missing SSOT validation flag"])

    def test_a_violating_context_is_forged_with_just_that_violation(self) -> None:
        context = self.create_ssot_violating_user_context("registry_thread_id")
        assert context.thread_id == "registry_thread_456"
        assert context.user_id.startswith("user_")
        empty = self.create_ssot_violating_user_context("empty_values")
        assert [empty.user_id, empty.thread_id] == ["", None]
