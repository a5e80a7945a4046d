"""The embedded stores: SQLite files in the data directory, each written by one thread.

- ``event_log``: the port; ``writer`` commits in groups, ``reader`` answers questions, ``changes`` does the rest
- ``files``: files of users (``file_ports.FileStore``); ``gone_files``, ``gone_threads``: delete what is gone, a bit at a time
- ``state``: values that agents keep (``state_ports.StateStore``); ``secrets``: those of users
  (``secret_ports.SecretStore``); ``spending``: what model requests cost (``spend_ports.SpendStore``)
- ``api_keys``: those of users (``sign_in_ports.ApiKeyStore``)
- ``schema``: opens the file and creates its tables; ``migration`` brings an older file to this version
- ``new_epochs``: what ``netra db reset-epochs`` does after a backup was restored
- ``audit``: the audit trail in a file of its own (``ports.Audit``); ``audit_rows``: its tables
"""
