import subprocess
import sys
from collections.abc import Callable
from textwrap import dedent

import pytest

from netra_backend.app.adapters.process import child_runtime


@pytest.fixture
def in_child() -> Callable[[str], subprocess.CompletedProcess[bytes]]:
    """Runs code in a process of its own, since what is tested cannot be undone."""

    def run(code: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        heading = "from netra_backend.app.adapters.process.child_runtime import *\n"
        return subprocess.run(
            [sys.executable, "-c", heading + dedent(code)], input=stdin, capture_output=True, check=False
        )

    return run


def framed(message: bytes) -> bytes:
    return len(message).to_bytes(4, "big") + message


def test_messages_go_in_and_out_and_nothing_else_does(
    in_child: Callable[..., subprocess.CompletedProcess[bytes]],
) -> None:
    code = """
        pipe = Pipe()
        print("lost")
        assert input is not None and not sys.stdin.read()
        while (message := pipe.receive()) is not None:
            pipe.send(msgspec.json.encode(message))
    """
    done = in_child(code, framed(b'{"a":1}') + framed(b'{"b":[2]}'))
    assert done.stdout == framed(b'{"a":1}') + framed(b'{"b":[2]}')


def test_a_message_that_has_come_is_known_to_wait(in_child: Callable[..., subprocess.CompletedProcess[bytes]]) -> None:
    code = """
        pipe = Pipe()
        before = pipe.waiting()
        pipe.receive()
        pipe.send(b"1" if before else b"0")
    """
    assert in_child(code, framed(b"{}")).stdout == framed(b"1")


def test_an_input_that_ends_in_the_middle_of_a_message_is_an_end(
    in_child: Callable[..., subprocess.CompletedProcess[bytes]],
) -> None:
    done = in_child("pipe = Pipe(); pipe.send(b'none' if pipe.receive() is None else b'some')", framed(b'{"a":1}')[:-2])
    assert done.stdout == framed(b"none")


def test_a_message_out_of_bounds_is_not_sent() -> None:
    pipe = object.__new__(child_runtime.Pipe)
    with pytest.raises(ValueError, match="a message of"):
        pipe.send(bytes(child_runtime.MAX_MESSAGE + 1))


def test_a_child_ends_with_its_parent_in_whatever_it_is_doing() -> None:
    code = "from netra_backend.app.adapters.process.child_runtime import *\n"
    code += "pipe = Pipe()\npipe.end_with_parent()\npipe.send(b'{}')\nwhile True: pass"
    child = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdin is not None
    assert child.stdout is not None
    assert child.stdout.read(6) == framed(b"{}")
    child.stdin.close()
    assert child.wait(timeout=30) == 0
    child.stdout.close()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux holds a process to its address space")
def test_memory_beyond_the_bound_is_refused(in_child: Callable[..., subprocess.CompletedProcess[bytes]]) -> None:
    code = """
        held = bound_memory(64 << 20)
        try:
            bytes(128 << 20)
        except MemoryError:
            os.write(1, b"refused" if held else b"")
    """
    assert in_child(code).stdout == b"refused"


def test_processor_time_beyond_the_bound_ends_the_process(
    in_child: Callable[..., subprocess.CompletedProcess[bytes]],
) -> None:
    import signal

    assert in_child("bound_cpu(1)\nwhile True: pass").returncode == -signal.SIGXCPU


def test_a_process_that_does_not_mind_the_signal_is_killed_at_the_end_of_its_lifetime(
    in_child: Callable[..., subprocess.CompletedProcess[bytes]],
) -> None:
    code = """
        import signal
        signal.signal(signal.SIGXCPU, signal.SIG_IGN)
        bound_lifetime(1)
        bound_cpu(100)
        while resource.getrusage(resource.RUSAGE_SELF).ru_utime < 8: pass
    """
    assert in_child(code).returncode == -9


def test_what_is_left_of_a_lifetime_is_told(in_child: Callable[..., subprocess.CompletedProcess[bytes]]) -> None:
    code = """
        before = bound_cpu(5)
        bound_lifetime(100)
        os.write(1, f"{before} {bound_cpu(5)} {bound_cpu(60)} {resource.getrlimit(resource.RLIMIT_CPU)}".encode())
    """
    assert in_child(code).stdout.rpartition(b" (")[0] == b"True True False"


def test_where_the_system_does_not_hold_it_that_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert child_runtime.bound_memory(1 << 30) is False
