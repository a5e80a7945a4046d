"""The stores that several processes share: one PostgreSQL, with a role for each job and a fence on every append.

- ``event_log``: the port; ``heads``: its threads in memory; ``writer`` appends, ``batch`` is one append; ``reader`` answers
  questions, ``changes`` does the rest
- ``files``: files of users (``file_ports.FileStore``); ``state``: values that agents keep (``state_ports.StateStore``);
  ``secrets``: those of users (``secret_ports.SecretStore``); ``spending``: what model requests cost
  (``spend_ports.SpendStore``)
- ``ownership``: which process may append to which thread; ``lease`` is its right to hold any
- ``peers``: the other processes of the server; ``mailbox`` carries the messages
- ``audit``, ``revocations``, ``tickets``, ``api_keys``: the ports of these names; ``audit_rows``: the audit trail's tables
- ``connection``: one connection as one role; ``pool`` shares a few of them between queries
- ``new_epochs``: what ``netra db reset-epochs`` does after a backup was restored
- ``gate``: refuses a database that would not keep users apart: by its ``rights`` and ``structure``, by what may ``reach`` rows
  from elsewhere, and by trying its ``walls``; ``repairs`` says in SQL what mends the first two
- ``migration`` makes one that does
"""
