"""The pytest plugin of the kit: markers, real services, and ``--netra-audit``.

Loaded in every pytest run of an environment that has the package, so it imports nothing of Netra until a test or an option
asks for it: other projects are not slowed, and coverage counts every line of the application.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

MARKERS = (
    "unit: needs nothing but the code",
    "integration: several parts together, with real services",
    "e2e: a real server process and a real socket",
    "real_services: needs PostgreSQL and Valkey, started by the kit or named by environment",
    "gcp_staging: can run against a server that is named by NETRA_STAGING_URL",
    "performance: measures; asserts no time",
    "validation_point(*ids): the catalogued validation points that this test claims to notice",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--netra-audit``."""
    parser.getgroup("netra").addoption(
        "--netra-audit",
        action="append",
        default=[],
        metavar="MODULE:FACTORY",
        help="audit this factory for SSOT compliance: a class, a factory, or a function that makes one; repeatable",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers and, where pytest-asyncio is present, the fixtures."""
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)
    if config.pluginmanager.hasplugin("asyncio"):
        config.pluginmanager.import_plugin("test_framework.service_fixtures")
        config.pluginmanager.import_plugin("test_framework.server_fixtures")


def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Add one test for each factory that is to be audited."""
    items.extend(
        AuditItem.from_parent(session, name=f"netra-audit[{spec}]", spec=spec)
        for spec in config.getoption("--netra-audit")
    )


class AuditItem(pytest.Item):
    """The audit of one factory."""

    def __init__(self, *, spec: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.spec = spec

    def runtest(self) -> None:
        """Audit; fail with the violations and what to do about each."""
        from test_framework.ssot.audit import audit_named_factory

        try:
            report = audit_named_factory(self.spec)
        except ValueError as fault:
            raise AuditFailed([str(fault)]) from fault
        for line in report.unjudged:
            self.add_report_section("call", "netra-audit", f"not judged: {line}")
        if not report.passed:
            raise AuditFailed(report.lines())

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The audit's own words instead of a traceback."""
        if isinstance(excinfo.value, AuditFailed):
            return "\n".join(excinfo.value.lines)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Any, int | None, str]:
        """Where the item stands in reports."""
        return self.path, None, self.name


class AuditFailed(AssertionError):
    """A factory violates the contract, or cannot be audited."""

    def __init__(self, lines: Iterable[str]) -> None:
        self.lines = list(lines)
        super().__init__("\n".join(self.lines))
