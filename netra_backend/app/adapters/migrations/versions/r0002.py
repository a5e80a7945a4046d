"""Version 0002: a chained audit trail, revocations that only come on top, single sign-ins that are revoked."""

from __future__ import annotations

from alembic import op

from netra_backend.app.adapters.migrations.history import run_statements

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make its tables anew beside the rows that are there; on PostgreSQL alone."""
    run_statements(op.get_bind(), revision)
