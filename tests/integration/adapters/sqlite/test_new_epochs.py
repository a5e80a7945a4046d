"""After a restore of an embedded event log: every thread that lives has another epoch."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from netra_backend.app.adapters.sqlite.new_epochs import renew_epochs
from netra_backend.app.adapters.sqlite.schema import open_reader, open_writer


def test_an_embedded_log_gets_new_epochs_and_deleted_threads_none(tmp_path: Path) -> None:
    path = tmp_path / "events.db"
    with closing(open_writer(path)) as writer:
        for key, owner in enumerate(("ann", "ben", "")):
            writer.execute(
                "INSERT INTO thread (key, thread_id, owner, epoch, title, created) VALUES (?, ?, ?, ?, '', 0)",
                (key + 1, f"thread_{key}", owner, "old" if owner else ""),
            )
    assert renew_epochs(path) == 2
    with closing(open_reader(path)) as reader:
        epochs = [epoch for (epoch,) in reader.execute("SELECT epoch FROM thread ORDER BY key")]
    assert [len(epoch) for epoch in epochs] == [16, 16, 0]
    assert epochs[0] != epochs[1]
