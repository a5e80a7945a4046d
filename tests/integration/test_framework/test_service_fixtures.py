"""The fixtures with real services, and the context factories on them."""

from __future__ import annotations

from typing import Any

import pytest

from netra_backend.app.services.user_execution_context import validate_user_context
from test_framework.base_integration_test import BaseIntegrationTest
from test_framework.service_fixtures import _needed
from test_framework.services import NotInstalled
from test_framework.ssot.fixtures import create_real_user_execution_context


class TestRealServices(BaseIntegrationTest):
    @pytest.mark.real_services
    async def test_db_and_redis_are_real(self, real_services_fixture: dict[str, Any]) -> None:
        assert str(await real_services_fixture["db"].fetchval("SELECT version()")).startswith("PostgreSQL")
        assert await real_services_fixture["redis"].ping()
        assert set(real_services_fixture) == {"db", "redis", "database_url", "redis_url"}

    @pytest.mark.real_services
    async def test_a_real_contexts_thread_is_owned_in_the_database(self, real_services_fixture: dict[str, Any]) -> None:
        db = real_services_fixture["db"]
        context = await create_real_user_execution_context(db=db)
        assert validate_user_context(context) is context
        assert await create_real_user_execution_context(db=db, user_id=context.user_id, thread_id=context.thread_id)
        with pytest.raises(PermissionError, match="belongs to another user"):
            await create_real_user_execution_context(db=db, thread_id=context.thread_id)


def test_a_missing_service_is_a_skip_on_a_users_machine_and_a_failure_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> Any:
        raise NotInstalled("pip install something")

    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="pip install something"):
        _needed(missing)
    monkeypatch.setenv("CI", "true")
    with pytest.raises(NotInstalled):
        _needed(missing)
