"""The ledger of usage rows on DuckDB (``ports.Ledger``). Every import and every query runs in a child process with bounds.

- ``ledger``: the port; it starts children and never touches a row itself
- ``import_worker``: the child that reads one file and writes one database file; ``rows_writer`` does the writing
- ``import_process``: that child seen from the parent, which ends it at the bounds that no system call keeps
- ``query_workers``: the few children that answer questions, each bound to one owner
- ``query_worker``: one of them, from inside; ``rows_reader`` opens an owner's rows, read-only
- ``replies``: turns what a child said, or how it died, into an answer or an error
"""
