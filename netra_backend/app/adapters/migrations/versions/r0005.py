"""Version 0005: values that agents keep, and secrets of users."""

from __future__ import annotations

from alembic import op

from netra_backend.app.adapters.migrations.history import run_statements

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make its tables; on PostgreSQL also the policies and grants."""
    run_statements(op.get_bind(), revision)
