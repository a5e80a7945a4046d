"""The base of tests that check factories for SSOT compliance."""

from __future__ import annotations

from collections.abc import Sequence

from netra_backend.app.services.user_execution_context import UserExecutionContext

from .base_integration_test import BaseTestCase
from .ssot.fixtures import forge_user_execution_context
from .ssot.ssot_validation_helpers import SSotValidationTester


class BaseSSotValidationTest(BaseTestCase):
    """Judges factories and forges contexts. A plain class: inherit from it and write tests."""

    ssot_tester = SSotValidationTester()

    def assert_ssot_violation(self, factory: object, expected_violations: Sequence[str]) -> None:
        """Fail unless ``factory`` violates the contract in each of these ways; the failure names what was found."""
        result = self.ssot_tester.validate_factory_ssot_compliance(factory)
        name = factory.__name__ if isinstance(factory, type) else type(factory).__name__
        assert not result.is_valid, f"{name} complies, but {list(expected_violations)} were expected"
        missing = [violation for violation in expected_violations if violation not in result.violations]
        assert not missing, f"{name} does not show {missing}; it shows {result.violations}"

    def create_ssot_violating_user_context(self, violation_type: str) -> UserExecutionContext:
        """A forged context with the ids of this kind of violation; its other ids are valid."""
        return forge_user_execution_context(**self.ssot_tester.create_ssot_violating_context(violation_type))
