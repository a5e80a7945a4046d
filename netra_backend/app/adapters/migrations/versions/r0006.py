"""Version 0006: what requests to language models cost."""

from __future__ import annotations

from alembic import op

from netra_backend.app.adapters.migrations.history import run_statements

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Make its tables; on PostgreSQL also the policies and grants."""
    run_statements(op.get_bind(), revision)
