"""How many connections the open files of a process allow."""

from __future__ import annotations

import errno
import logging

import pytest

from netra_backend.app.core.limits import Limits
from netra_backend.app.server.open_files import OpenFilesWatch, most_connections, open_files


@pytest.mark.parametrize(("files", "most"), [(200, 100), (1024, 768), (100_000, 50_000), (50_256, 50_000), (1, 1)])
def test_connections_leave_open_files_for_the_rest(files: int, most: int) -> None:
    assert most_connections(Limits(), files) == most


def test_the_operator_is_told_that_open_files_are_the_bound(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        most_connections(Limits(), 200)
    assert caplog.records[0].__dict__["connections"] == 100
    caplog.clear()
    most_connections(Limits(process_connections=10), 200)
    assert caplog.records == []


def test_this_process_may_have_some_open() -> None:
    assert open_files() > 10


def test_the_want_of_open_files_is_told_once_and_counted_until_it_is_over(caplog: pytest.LogCaptureFixture) -> None:
    codes = [0, errno.EMFILE, errno.ENFILE, errno.EMFILE, 0, 0, errno.EIO, errno.EMFILE]

    def attempt() -> None:
        if code := codes.pop(0):
            raise OSError(code, "no")

    watch = OpenFilesWatch(attempt)
    told = []
    while codes:
        caplog.clear()
        watch.tick()
        told.append([record.levelname for record in caplog.records])
    assert told == [[], ["ERROR"], [], [], ["WARNING"], [], [], ["ERROR"]]
    assert watch.counts() == {"exhausted_s": 4}
