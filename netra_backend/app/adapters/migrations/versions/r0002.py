"""Version 0002: single sign-ins that are revoked."""

from __future__ import annotations

from alembic import op

from netra_backend.app.adapters.migrations.history import run_statements

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the table with its policies and grants on PostgreSQL; nothing on SQLite."""
    run_statements(op.get_bind(), revision)
