"""What a factory must offer, ids that no factory may accept, and a decorator for tests that expect a refusal."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar, cast

from netra_backend.app.core.errors import NetraError
from netra_backend.app.core.ids import PLACEHOLDER_WORDS

_Test = TypeVar("_Test", bound=Callable[..., Any])

REQUIRED_METHODS: Final = ("configure", "get_factory_metrics", "cleanup")
VALIDATION_FLAG: Final = "_ssot_validation_enabled"

_VIOLATING_CONTEXTS: Final[dict[str, dict[str, str | None]]] = {
    "placeholder_user_id": {"user_id": "placeholder_user_123"},
    "registry_thread_id": {"thread_id": "registry_thread_456"},
    "default_run_id": {"run_id": "default_run_789"},
    "temp_request_id": {"request_id": "temp_request_101112"},
    "empty_values": {"user_id": "", "thread_id": None},
    "invalid_format": {"user_id": "user@invalid#format"},
}


@dataclass(frozen=True, slots=True)
class SSotValidationResult:
    """What an audit found; ``violations`` is empty where ``is_valid``."""

    is_valid: bool
    violations: list[str] = field(default_factory=list)
    error_details: str | None = None


class SSotValidationTester:
    """Makes violating ids and judges factories. All methods are static; there is nothing to hold."""

    FORBIDDEN_PLACEHOLDER_PATTERNS: Final = tuple(f"{word}_" for word in PLACEHOLDER_WORDS[:10])

    @staticmethod
    def create_ssot_violating_context(violation_type: str) -> dict[str, str | None]:
        """The ids of one kind of violation, new on each call. Raises ``ValueError`` for a kind that is not known."""
        try:
            return dict(_VIOLATING_CONTEXTS[violation_type])
        except KeyError:
            known = ", ".join(_VIOLATING_CONTEXTS)
            raise ValueError(f"unknown violation type {violation_type!r}; known are {known}") from None

    @staticmethod
    def validate_factory_ssot_compliance(factory: object) -> SSotValidationResult:
        """Whether ``factory`` has what every factory must have: its three methods and a validation that is on."""
        violations = [
            f"Missing SSOT-required method: {method}"
            for method in REQUIRED_METHODS
            if not callable(getattr(factory, method, None))
        ]
        if getattr(factory, VALIDATION_FLAG, None) is not True:
            violations.append("Missing SSOT validation flag")
        details = f"{_name_of(factory)}: {len(violations)} violations" if violations else None
        return SSotValidationResult(not violations, violations, details)


def assert_ssot_validation_failure(expected_error_pattern: str) -> Callable[[_Test], _Test]:
    """Decorate a test, sync or async, that must end in a Netra error whose message matches the pattern.

    The test keeps its signature, so fixtures and parameters work. It fails by assertion where nothing is raised or where
    the message does not match; any other exception passes through.
    """

    def decorate(test: _Test) -> _Test:
        if inspect.iscoroutinefunction(test):

            @functools.wraps(test)
            async def expecting_async(*args: Any, **kwargs: Any) -> None:
                try:
                    await test(*args, **kwargs)
                except NetraError as error:
                    _assert_matches(error, expected_error_pattern)
                    return
                _fail_unraised(test, expected_error_pattern)

            return cast(_Test, expecting_async)

        @functools.wraps(test)
        def expecting(*args: Any, **kwargs: Any) -> None:
            try:
                test(*args, **kwargs)
            except NetraError as error:
                _assert_matches(error, expected_error_pattern)
                return
            _fail_unraised(test, expected_error_pattern)

        return cast(_Test, expecting)

    return decorate


def _assert_matches(error: NetraError, pattern: str) -> None:
    if re.search(pattern, str(error)) is None:
        raise AssertionError(f"{type(error).__name__} says {str(error)!r}, which does not match {pattern!r}") from error


def _fail_unraised(test: Callable[..., Any], pattern: str) -> None:
    raise AssertionError(f"{test.__name__} raised nothing; expected an SSOT refusal that matches {pattern!r}")


def _name_of(factory: object) -> str:
    return factory.__name__ if isinstance(factory, type) else type(factory).__name__
