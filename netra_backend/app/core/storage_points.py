"""The validation points of what is stored: usage rows, blobs and files. ``core.validation`` has them among all others."""

from __future__ import annotations

from .points import catalogued as _point

# --- usage rows -----------------------------------------------------------------------------------------------------
LEDGER_CHILD_OWNER = _point(
    "ledger.child_owner",
    "adapters.ledger.query_worker",
    "SSotIsolationError",
    "a child process serves the rows of one owner",
)
DATASETS_BUCKET = _point(
    "datasets.bucket",
    "adapters.datasets.bucket",
    "ConfigurationError",
    "datasets are stored only where conditional writes are enforced",
)
QUERY_WALL = _point(
    "query.wall",
    "adapters.ledger.query_worker",
    "QueryRejected",
    "raw SQL runs only on systems that enforce a memory limit per process",
)
QUERY_QUESTION = _point(
    "query.question", "adapters.ledger.ledger", "QueryRejected", "raw SQL is accepted only if the operator allows it"
)
QUERY_STRUCTURE = _point(
    "query.structure", "usage.query", "QueryRejected", "a structured query uses only listed metrics and dimensions"
)
QUERY_STATEMENT = _point("query.statement", "usage.raw_sql", "QueryRejected", "raw SQL is one read-only statement")
QUERY_TABLE = _point("query.table", "usage.raw_sql", "QueryRejected", "raw SQL reads only the usage tables")
QUERY_FUNCTION = _point("query.function", "usage.raw_sql", "QueryRejected", "raw SQL calls only the listed functions")

EPOCHS_IN_USE = _point(
    "epochs.in_use",
    "adapters.postgres.new_epochs",
    "ConfigurationError",
    "no history gets new epochs while a server uses it",
)

# --- blobs ----------------------------------------------------------------------------------------------------------
BLOB_SIZE = _point("blob.size", "core.blobs", "LimitRefused", "the size of an event's blob is limited")
BLOB_OWNED = _point(
    "blob.owned", "services.blobs", "NotFound", "another's blob is answered like one that does not exist"
)
