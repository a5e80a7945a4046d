"""Alembic's way through the versions."""

from __future__ import annotations

import pytest
from alembic.util import CommandError
from sqlalchemy import create_engine, inspect

from netra_backend.app.adapters.migrations.history import NEWEST, VERSIONS
from netra_backend.app.adapters.migrations.steps import upgrade


def test_an_empty_database_goes_through_every_version_and_keeps_the_last() -> None:
    with create_engine("sqlite://").begin() as connection:
        assert upgrade(connection, version_schema="main") == list(VERSIONS)
        assert connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalars().all() == [NEWEST]
        assert "thread" in inspect(connection).get_table_names()
        assert upgrade(connection, version_schema="main") == []


def test_a_version_that_is_not_known_is_refused() -> None:
    with create_engine("sqlite://").begin() as connection:
        upgrade(connection, version_schema="main")
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
        with pytest.raises(CommandError, match="9999"):
            upgrade(connection, version_schema="main")
