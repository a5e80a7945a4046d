"""The kit for tests of what you wrote: a whole server in the test's own process, contexts that were forged, real services, and
the audit of factories.

::

    async def test_each_user_finds_their_own_notes(tmp_path):
        async with running(tmp_path / "data", agents=AGENTS, tools=TOOLS) as runtime:
            async with connected_user(runtime, "ada") as user:
                user.send(type="execute_agent", agent="notes", message="milk")
                assert (await user.ended_run())["result"]["text"] == "- buy milk"
"""

from __future__ import annotations

from test_framework.local_runtime import ConnectedUser, connected_user, running
from test_framework.services import NotInstalled, Service, ServiceError, object_store, postgres, redis
from test_framework.ssot.audit import AuditReport, Violation, audit_factory, audit_named_factory
from test_framework.ssot.fixtures import create_valid_user_execution_context, forge_user_execution_context

__all__ = [
    "AuditReport",
    "ConnectedUser",
    "NotInstalled",
    "Service",
    "ServiceError",
    "Violation",
    "audit_factory",
    "audit_named_factory",
    "connected_user",
    "create_valid_user_execution_context",
    "forge_user_execution_context",
    "object_store",
    "postgres",
    "redis",
    "running",
]
