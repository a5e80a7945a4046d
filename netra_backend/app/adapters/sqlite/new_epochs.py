"""Giving every thread of an embedded event log a new epoch: what has to be done after a backup was restored.

A client that saw events which are not in the backup holds positions that will be given out again. A new epoch tells it that
its positions are of another history.
"""

from __future__ import annotations

from pathlib import Path

from .schema import open_writer


def renew_epochs(path: Path) -> int:
    """New epochs in an embedded event log that no server uses; how many threads."""
    connection = open_writer(path)
    try:
        renewed = connection.execute("UPDATE thread SET epoch = lower(hex(randomblob(8))) WHERE owner <> ''")
        return renewed.rowcount
    finally:
        connection.close()
