"""The imports that the README of 0.1.0 showed: for one release they work, and say what to write instead."""

from __future__ import annotations

import importlib
import re

import pytest

FORMER = {
    "netra_backend.app.agents.agent.AgentResult": "netra_server.AgentResult",
    "netra_backend.app.agents.agent.RunScope": "netra_server.RunScope",
    "netra_backend.app.agents.tools.tool.Arguments": "netra_server.ToolArguments",
    "netra_backend.app.agents.tools.tool.Tool": "netra_server.Tool",
    "netra_backend.app.core.errors.ToolFault": "netra_server.ToolError",
    "netra_backend.app.wiring.build": "netra_server.create_app",
    "netra_backend.client.NetraClient": "netra_server.client.NetraClient",
    "test_framework.in_process.running": "netra_server.testing.running",
    "test_framework.in_process.user_at_desk": "netra_server.testing.connected_user",
}
STAY = {
    "netra_backend.app.services.user_execution_context.UserExecutionContext": "netra_server.UserExecutionContext",
    "netra_backend.app.services.user_execution_context.InvalidContextError": "netra_server.InvalidContextError",
    "test_framework.ssot.fixtures.forge_user_execution_context": "netra_server.testing.forge_user_execution_context",
}
"""Names whose places the specification fixes: no warning."""


def named(path: str) -> object:
    module, _, name = path.rpartition(".")
    scope: dict[str, object] = {}
    exec(f"from {module} import {name} as found", scope)
    return scope["found"]


@pytest.mark.parametrize("former", FORMER)
def test_an_import_of_0_1_0_works_and_warns_with_its_successor(former: str) -> None:
    with pytest.warns(DeprecationWarning, match=f"^{re.escape(former)} is now {re.escape(FORMER[former])};"):
        found = named(former)
    assert found is named(FORMER[former])


@pytest.mark.parametrize("stays", STAY)
def test_an_import_from_a_fixed_place_is_as_good_as_the_public_one(stays: str) -> None:
    assert named(stays) is named(STAY[stays])


@pytest.mark.parametrize("module", sorted({former.rpartition(".")[0] for former in FORMER}))
def test_what_a_module_never_had_is_still_missing(module: str) -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = importlib.import_module(module).no_such_name
