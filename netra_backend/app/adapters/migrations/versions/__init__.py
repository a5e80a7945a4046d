"""The versions as alembic runs them; what each one does is in the SQL files beside this package.

- ``r0001``: the first tables
- ``r0002``: a chained audit trail, revocations that only come on top, single sign-ins that are revoked
- ``r0003``: pseudonyms that are sealed, and a list of who else may reach the rows
- ``r0004``: blobs of events, and files of users
- ``r0005``: values that agents keep, and secrets of users
- ``r0006``: what requests to language models cost
- ``r0007``: MCP servers of users
- ``r0008``: API keys of users
"""
