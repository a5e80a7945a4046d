"""The numbered versions of the schema, for PostgreSQL and for SQLite, run by alembic.

- ``history``: which versions there are, and the SQL of each
- ``steps``: takes a database from one version to another
- ``env``: what alembic itself loads; ``versions`` holds one short module a version
- ``NNNN.postgresql.sql``, ``NNNN.sqlite.sql``: what a version does; never edited after its release
"""
