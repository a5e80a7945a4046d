"""The history of the schema: one numbered version after another, for PostgreSQL and for SQLite."""
