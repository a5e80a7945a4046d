"""What the event logs of SQLite, PostgreSQL and memory share.

- ``appending``: heads in memory, group commit, publishing; each store adds how it writes and reads
- ``batch_loader``: joins look-ups of one kind into one statement
- ``model_uses``: what model requests cost, as rows
- ``key_filter``: a Bloom filter, so that a new idempotency key costs no look-up
"""
