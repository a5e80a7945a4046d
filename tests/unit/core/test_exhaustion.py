"""Errors of the system, in plain words."""

from __future__ import annotations

import errno

import pytest

from netra_backend.app.core.exhaustion import plain_fault


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE])
def test_that_no_file_can_be_opened_is_told_in_plain_words_however_deep_it_lies(number: int) -> None:
    error = RuntimeError("outer")
    error.__cause__ = ValueError("middle")
    error.__cause__.__context__ = OSError(number, "Too many open files")
    for each in (error, OSError(number, "Too many open files")):
        told = plain_fault(each)
        assert told is not None
        assert "too many open files" in told.message
        assert "ulimit" in told.hint


def test_another_error_is_none_of_these() -> None:
    loop = RuntimeError("a circle")
    loop.__context__ = ValueError("of errors")
    loop.__context__.__context__ = loop
    for each in (loop, OSError(errno.ENOENT, "no such file"), OSError("no number")):
        assert plain_fault(each) is None
