"""Version 0001: the first tables."""

from __future__ import annotations

from alembic import op

from netra_backend.app.adapters.migrations.history import run_statements

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables; on PostgreSQL also the policies and grants."""
    run_statements(op.get_bind(), revision)
