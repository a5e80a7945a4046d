"""What alembic runs for every command: the versions, on the connection and in the transaction that ``schema_steps`` gave."""

from __future__ import annotations

from alembic import context

given = context.config.attributes
context.configure(
    connection=given["connection"],
    version_table_schema=given["version_schema"],
    on_version_apply=given["on_step"],
)
context.run_migrations()
