"""The kit for tests of what you wrote: a whole server in the test's own process, a model that answers by a script, a server
that is killed at every event of a run, contexts that were forged, real services, and the audit of factories.

::

    async def test_each_user_finds_their_own_notes(tmp_path):
        async with running(tmp_path / "data", agents=AGENTS, tools=TOOLS) as runtime:
            async with connected_user(runtime, "ada") as user:
                user.send(type="execute_agent", agent="notes", message="milk")
                assert (await user.ended_run())["result"]["text"] == "- buy milk"


    async def test_nothing_is_bought_twice_wherever_the_server_is_killed(tmp_path):
        walk = await walk_boundaries(tmp_path, "my_agents", "shopper", "milk", answers={"How much?": "Two."})
        walk.check()
"""

from __future__ import annotations

from test_framework.crashes.report import Boundary, Walk
from test_framework.crashes.request_follower import approve
from test_framework.crashes.walk import walk_boundaries
from test_framework.determinism import Determinism, check_determinism
from test_framework.effects import note_effect
from test_framework.local_runtime import ConnectedUser, connected_user, running
from test_framework.scripted_model import ModelAnswer, ModelRequest, ScriptedModel, scripted_model
from test_framework.services import NotInstalled, Service, ServiceError, object_store, postgres, redis
from test_framework.ssot.audit import AuditReport, Violation, audit_factory, audit_named_factory
from test_framework.ssot.fixtures import create_valid_user_execution_context, forge_user_execution_context

__all__ = [
    "AuditReport",
    "Boundary",
    "ConnectedUser",
    "Determinism",
    "ModelAnswer",
    "ModelRequest",
    "NotInstalled",
    "ScriptedModel",
    "Service",
    "ServiceError",
    "Violation",
    "Walk",
    "approve",
    "audit_factory",
    "audit_named_factory",
    "check_determinism",
    "connected_user",
    "create_valid_user_execution_context",
    "forge_user_execution_context",
    "note_effect",
    "object_store",
    "postgres",
    "redis",
    "running",
    "scripted_model",
    "walk_boundaries",
]
