"""Version 0008: API keys of users."""

from __future__ import annotations

from alembic import op

from netra_backend.app.adapters.migrations.history import run_statements

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Make its tables; on PostgreSQL also the policies and grants."""
    run_statements(op.get_bind(), revision)
