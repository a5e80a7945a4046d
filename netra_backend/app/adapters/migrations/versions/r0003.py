"""Version 0003: pseudonyms that are sealed, and a list of who else may reach the rows."""

from __future__ import annotations

from alembic import op

from netra_backend.app.adapters.migrations.history import run_statements

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Give pseudonyms a chain and a seal, and make the list; on PostgreSQL alone."""
    run_statements(op.get_bind(), revision)
