"""The validation points of what is stored: usage rows, blobs and files. ``core.validation`` has them among all others."""

from __future__ import annotations

from typing import Final

from .points import catalogued as _point

__all__ = (
    "BLOB_OWNED",
    "BLOB_SIZE",
    "DATASETS_BUCKET",
    "EPOCHS_IN_USE",
    "FILE_CLAIMED",
    "FILE_OWNED",
    "FILE_ROOM",
    "FILE_SCAN",
    "FILE_SIZE",
    "FILE_TYPE",
    "LEDGER_CHILD_OWNER",
    "QUERY_FUNCTION",
    "QUERY_QUESTION",
    "QUERY_STATEMENT",
    "QUERY_STRUCTURE",
    "QUERY_TABLE",
    "QUERY_WALL",
    "SECRET_FORM",
    "SECRET_KEY",
    "SECRET_OWNED",
    "SECRET_ROOM",
)

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

# --- files ----------------------------------------------------------------------------------------------------------
_FILES: Final = "services.files"
FILE_OWNED = _point("file.owned", _FILES, "NotFound", "another's file is answered like one that does not exist")
FILE_SIZE = _point("file.size", _FILES, "FrameRefused", "the size of a file is limited")
FILE_TYPE = _point("file.type", _FILES, "FrameRefused", "a file is of a listed type, and begins as its type does")
FILE_SCAN = _point("file.scan", _FILES, "FrameRefused", "a file that the operator's scan refuses is not kept")
FILE_ROOM = _point("file.room", _FILES, "LimitRefused", "the files of a user are limited, in number and in bytes")
FILE_CLAIMED = _point("file.claimed", _FILES, "FrameRefused", "a file belongs to one message, and is deleted with it")

# --- secrets --------------------------------------------------------------------------------------------------------
_SECRETS: Final = "services.secrets"
SECRET_OWNED = _point("secret.owned", _SECRETS, "NotFound", "another's secret is answered like one that does not exist")
SECRET_FORM = _point("secret.form", _SECRETS, "FrameRefused", "names and values of secrets are of a form, and limited")
SECRET_KEY = _point("secret.key", _SECRETS, "FrameRefused", "without a key nothing is kept as a secret")
SECRET_ROOM = _point("secret.room", _SECRETS, "LimitRefused", "the secrets of a user are limited in number")
