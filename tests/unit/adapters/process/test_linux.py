import errno
import platform
import sys

import pytest

from netra_backend.app.adapters.process.linux import call, machine


def test_only_linux_of_64_bits_has_a_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(sys, "platform", "linux")
    assert machine() == "x86_64"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert machine() is None


@pytest.mark.skipif(sys.platform != "linux", reason="the call is of Linux")
def test_a_call_that_fails_is_an_error_with_its_number() -> None:
    with pytest.raises(OSError, match="not implemented") as caught:
        call(100_000)
    assert caught.value.errno == errno.ENOSYS
