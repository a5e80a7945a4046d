"""What the audit trails of SQLite and PostgreSQL share.

- ``rows``: a row of the trail, and how many one owner may have
"""
