"""The audit of factories by name, and that a broken copy of each guard class is caught by its name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from netra_backend.app.agents.supervisor.execution_engine_factory import ExecutionEngineFactory
from netra_backend.app.agents.tools.unified_tool_dispatcher_factory import UnifiedToolDispatcherFactory
from netra_backend.app.services.websocket_bridge_factory import WebSocketBridgeFactory
from netra_backend.app.websocket_core.websocket_manager_factory import WebSocketManagerFactory
from test_framework.ssot.audit import audit_factory, audit_named_factory
from test_framework.ssot.fixtures import MockAgentRegistry, MockConnectionPool, MockWebSocketBridge


def bridge(kind: type[WebSocketBridgeFactory] = WebSocketBridgeFactory) -> WebSocketBridgeFactory:
    class Connection:
        user_id = "user_123"
        is_live = True

    factory = kind()
    factory.configure(MockConnectionPool(websocket=Connection()), MockAgentRegistry(), None)
    return factory


class BrokenBridgeFactory(WebSocketBridgeFactory):
    async def create_user_emitter(self, user_id: str, thread_id: str, connection_id: str | None) -> Any:
        return object()


class BrokenEngineFactory(ExecutionEngineFactory):
    async def create_for_user(self, context: Any, **_: Any) -> Any:
        return object()


class BrokenDispatcherFactory(UnifiedToolDispatcherFactory):
    def create_for_request(self, context: Any, **_: Any) -> Any:
        return object()


class BrokenManagerFactory(WebSocketManagerFactory):
    async def create_websocket_manager(self, user_id: str, thread_id: str, websocket_id: str) -> Any:
        return object()


WHOLE = [
    bridge(),
    ExecutionEngineFactory(websocket_bridge=MockWebSocketBridge()),
    UnifiedToolDispatcherFactory(),
    WebSocketManagerFactory(),
]
BROKEN = [
    (bridge(BrokenBridgeFactory), "create_user_emitter"),
    (BrokenEngineFactory(websocket_bridge=MockWebSocketBridge()), "create_for_user"),
    (BrokenDispatcherFactory(), "create_for_request"),
    (BrokenManagerFactory(), "create_websocket_manager"),
]


def name_of(value: object) -> str | None:
    return type(value).__name__ if isinstance(value, object) and not isinstance(value, str) else None


@pytest.mark.parametrize("factory", WHOLE, ids=name_of)
async def test_each_factory_of_ours_complies_and_is_judged_at_every_door(factory: object) -> None:
    report = await audit_factory(factory)
    assert report.passed, report.lines()
    assert report.unjudged == ()
    assert report.lines() == [f"{type(factory).__name__}: complies"]


@pytest.mark.parametrize(("factory", "method"), BROKEN, ids=name_of)
async def test_a_broken_copy_of_each_factory_is_caught_by_name(factory: object, method: str) -> None:
    report = await audit_factory(factory)
    assert not report.passed
    said = {violation.what for violation in report.violations}
    assert f"{type(factory).__name__}.{method} accepts user_id='placeholder_user_123'" in said
    assert f"{type(factory).__name__}.{method} accepts thread_id='registry_thread_456'" in said
    assert f"{type(factory).__name__}.{method} accepts thread_id=None" in said


async def test_a_switch_and_a_missing_method_are_violations_with_what_to_do() -> None:
    factory = type("Switched", (UnifiedToolDispatcherFactory,), {"_ssot_validation_enabled": False, "cleanup": None})()
    assert (await audit_factory(factory)).lines() == [
        "Switched: 2 SSOT violations",
        "  Missing SSOT-required method: cleanup",
        "    → add an async cleanup(): it closes what the factory made, in reverse order",
        "  Missing SSOT validation flag",
        "    → set _ssot_validation_enabled = True on the class; validation must have no switch",
    ]


async def test_a_factory_that_breaks_instead_of_refusing_is_caught() -> None:
    class Breaking(UnifiedToolDispatcherFactory):
        def create_for_request(self, context: Any, **_: Any) -> Any:
            return context.user_id.no_such_thing

    report = await audit_factory(Breaking())
    assert report.violations[0].what.startswith(
        "Breaking.create_for_request breaks on user_id='placeholder_user_123' with AttributeError"
    )


async def test_a_factory_that_refuses_everything_is_not_judged_and_that_is_said() -> None:
    report = await audit_factory(WebSocketBridgeFactory())
    assert report.passed
    assert report.lines() == [
        "WebSocketBridgeFactory: complies",
        "  not judged: WebSocketBridgeFactory.create_user_emitter, which refuses everything: "
        "Factory not configured - call configure() first",
    ]


async def test_a_class_that_needs_arguments_is_judged_by_its_shape_alone() -> None:
    report = await audit_factory(ExecutionEngineFactory)
    assert report.passed
    assert "name a function that makes a factory instead" in report.unjudged[0]


SHOP = """
class Good:
    _ssot_validation_enabled = True
    def configure(self): ...
    def get_factory_metrics(self): ...
    def cleanup(self): ...

class Bad: ...

class Demanding(Good):
    def __init__(self, needed): ...

def make(): return Good()

class Shelf:
    good = Good()
"""


@pytest.mark.parametrize(
    ("name", "passed"), [("Good", True), ("Bad", False), ("Demanding", True), ("make", True), ("Shelf.good", True)]
)
def test_a_factory_is_found_by_name_in_the_current_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, passed: bool
) -> None:
    (tmp_path / "my_shop.py").write_text(SHOP)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    assert audit_named_factory(f"my_shop:{name}").passed is passed


@pytest.mark.parametrize("spec", ["", "my.module", ":Name", "my.module:"])
def test_a_name_of_another_shape_is_told(spec: str) -> None:
    with pytest.raises(ValueError, match="is not MODULE"):
        audit_named_factory(spec)


@pytest.mark.parametrize(
    ("spec", "fault"),
    [
        ("no_such_module:Factory", "There is no module 'no_such_module'"),
        ("test_framework.ids:NoSuchName", "test_framework.ids has no NoSuchName"),
    ],
)
def test_a_name_that_leads_nowhere_is_told(spec: str, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        audit_named_factory(spec)
