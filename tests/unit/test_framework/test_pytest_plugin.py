"""The pytest plugin: it audits factories by name, and costs other projects nothing."""

from __future__ import annotations

import pytest

SHOP = """
class Good:
    _ssot_validation_enabled = True
    def configure(self): ...
    def get_factory_metrics(self): ...
    def cleanup(self): ...

class Bad(Good):
    _ssot_validation_enabled = False
    cleanup = None
"""


def test_a_good_factory_passes_its_audit(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(shop=SHOP)
    result = pytester.runpytest_subprocess("--netra-audit", "shop:Good", "-v")
    result.stdout.fnmatch_lines(["*netra-audit?shop:Good?*PASSED*"])
    assert result.ret == 0


def test_a_bad_factory_fails_its_audit_with_violations_and_what_to_do(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(shop=SHOP)
    result = pytester.runpytest_subprocess("--netra-audit", "shop:Bad", "--netra-audit", "shop:Good")
    result.stdout.fnmatch_lines(
        [
            "Bad: 2 SSOT violations",
            "  Missing SSOT-required method: cleanup",
            "    → add an async cleanup*",
            "  Missing SSOT validation flag",
            "    → set _ssot_validation_enabled = True*",
        ]
    )
    result.assert_outcomes(passed=1, failed=1)


def test_a_name_that_leads_nowhere_fails_in_words(pytester: pytest.Pytester) -> None:
    result = pytester.runpytest_subprocess("--netra-audit", "nowhere:Factory")
    result.stdout.fnmatch_lines(["*There is no module 'nowhere': it is neither in * nor installed.*"])
    result.assert_outcomes(failed=1)


def test_what_could_not_be_judged_stands_in_the_report(pytester: pytest.Pytester) -> None:
    spec = "netra_backend.app.services.websocket_bridge_factory:WebSocketBridgeFactory"
    result = pytester.runpytest_subprocess("--netra-audit", spec, "-rP")
    result.stdout.fnmatch_lines(["*not judged: WebSocketBridgeFactory.create_user_emitter*"])
    assert result.ret == 0


def test_another_project_loads_nothing_of_the_application(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import sys

        import pytest

        @pytest.mark.validation_point("a.b")
        @pytest.mark.real_services
        def test_nothing_is_loaded():
            assert [name for name in sys.modules if name.startswith("netra_backend")] == []
        """
    )
    result = pytester.runpytest_subprocess("--strict-markers")
    result.assert_outcomes(passed=1)


def test_a_project_without_pytest_asyncio_can_audit_too(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(shop=SHOP)
    result = pytester.runpytest_subprocess("-p", "no:asyncio", "--netra-audit", "shop:Good")
    result.assert_outcomes(passed=1)
