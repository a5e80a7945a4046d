"""Version 0007: MCP servers of users."""

from __future__ import annotations

from alembic import op

from netra_backend.app.adapters.migrations.history import run_statements

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Make its tables; on PostgreSQL also the policies and grants."""
    run_statements(op.get_bind(), revision)
