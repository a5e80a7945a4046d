"""What the audit trails of SQLite and PostgreSQL share.

- ``rows``: records as rows, with pseudonyms in the places of users
- ``subjects``: whose a pseudonym is, sealed
- ``numbering``: which numbers rows have, past those of other chains
- ``place``: key and anchor as the settings say; ``anchors``: a file, or lines of the log
- ``verification``: looks at a stored chain; ``watch``: what an adapter has found out about its own
"""
