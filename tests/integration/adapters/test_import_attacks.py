"""What the process stops where a file has taken over the child that imports it: code that runs in the place of a format."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from netra_backend.app.adapters.ledger import import_process
from netra_backend.app.adapters.ledger.ledger import DuckDBLedger
from netra_backend.app.adapters.process.sandbox import walls
from netra_backend.app.core.errors import ToolError
from netra_backend.app.core.limits import Limits
from test_framework.clock import ManualClock, SeededEntropy

NOBODY: Final = 65_534
USERS: Final = ["this user", *(["nobody"] if os.getuid() == 0 else [])]
LIMITS: Final = Limits(import_files=40, import_file_bytes=4 << 20)

TAKEN_OVER: Final = """
import ctypes, os, signal, threading
from netra_backend.app.usage.importers.format import Format
from netra_backend.app.core.errors import ToolError

def files():
    for n in range(10**9):
        open(f"made-{n}", "w").close()

def bytes_():
    for n in range(10**9):
        open(f"made-{n % 8}", "ab", buffering=0).write(bytes(1 << 16))

def hidden():
    kept = []
    for n in range(10**9):
        kept.append(open("hidden", "wb", buffering=0))
        os.unlink("hidden")
        kept[-1].write(bytes(1 << 16))

def nameless():
    os.open(".", os.O_TMPFILE | os.O_RDWR)

def directories():
    for n in range(10**9):
        os.mkdir("deeper")
        os.chdir("deeper")

def threads():
    wait = threading.Event()
    for n in range(10**9):
        threading.Thread(target=wait.wait, daemon=True).start()

def computing():
    signal.signal(signal.SIGXCPU, signal.SIG_IGN)
    while True:
        pass

def sleeping():
    threading.Event().wait()

def inotify():
    if ctypes.CDLL(None, use_errno=True).inotify_init() < 0:
        raise OSError(ctypes.get_errno(), "inotify")

def talking():
    # The pipe to the parent, which no honest format touches.
    for number in range(3, 64):
        try:
            message = b'{"progress":[1,2]}'
            while os.write(number, len(message).to_bytes(4, "big") + message):
                pass
        except OSError:
            pass

def breathing():
    wait = threading.Event()
    while True:
        for number in range(3, 64):
            try:
                message = b'{"progress":[1,2]}'
                os.write(number, len(message).to_bytes(4, "big") + message)
            except OSError:
                pass
        wait.wait(0.2)

def speaking_nonsense():
    for number in range(3, 64):
        try:
            message = b'{"progress":{"a":"b"}}'
            os.write(number, len(message).to_bytes(4, "big") + message)
        except OSError:
            pass
    sleeping()

def attack(head):
    if not head.has("attack"):
        return None
    name = head.records[0]["attack"]
    try:
        globals()[name]()
    except (OSError, RuntimeError) as error:
        raise ToolError("TOOL_FAILED", f"refused: {type(error).__name__}", hint="-")

ATTACK = Format("attack", "An attack", attack, None)
"""
AS_NOBODY: Final = f"""
import os
import duckdb, numpy, taken_over
from netra_backend.app.adapters.ledger.import_worker import serve
from netra_backend.app.adapters.process.child_runtime import Pipe

pipe = Pipe()
os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})
serve(pipe)
"""


@pytest.fixture(params=USERS)
def folder(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    place = Path(tempfile.mkdtemp(prefix="netra-attacks-"))  # where nobody may go
    place.chmod(0o755)
    code = place / "code"
    code.mkdir()
    (code / "taken_over.py").write_text(TAKEN_OVER)
    (code / "as_nobody.py").write_text(AS_NOBODY)
    monkeypatch.setenv("PYTHONPATH", str(code))
    monkeypatch.setattr(import_process, "LOOK_S", 0.01)
    if request.param == "nobody":
        monkeypatch.setattr(import_process, "MODULE", "as_nobody")
        perform = import_process.perform

        async def for_nobody(job: Any, staged: Path, *more: Any) -> Any:
            os.chown(staged, NOBODY, NOBODY)
            for above in staged.parents:
                if above != place and above.is_relative_to(place):
                    above.chmod(0o755)
            return await perform(job, staged, *more)

        monkeypatch.setattr(import_process, "perform", for_nobody)
    yield place
    shutil.rmtree(place)


@pytest.fixture
async def attacked(folder: Path) -> AsyncIterator[Attacked]:
    attacked = Attacked(folder)
    yield attacked
    await attacked.close()


class Attacked:
    """A ledger whose import child runs an attack, with a neighbour who imports an honest file beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ledgers: list[DuckDBLedger] = []

    async def by(self, attack: str, limits: Limits = LIMITS) -> ToolError:
        """How the attack ended. Nothing of it is left, and the neighbour is served."""
        ledger = DuckDBLedger(
            self.folder / "usage",
            ManualClock(),
            SeededEntropy(1),
            limits,
            questions={},
            importers=["taken_over:ATTACK"],
        )
        self._ledgers.append(ledger)
        await ledger.start()
        neighbour = {"timestamp": "2026-11-01", "model": "m", "input_tokens": 1, "output_tokens": 1}
        hostile, told = await asyncio.gather(
            self._imports(ledger, "mallory", {"attack": attack}),
            self._imports(ledger, "neighbour", neighbour),
        )
        assert isinstance(told, dict)
        assert told["accepted"] == 1
        assert isinstance(hostile, ToolError)
        left = {
            path.name for path in (self.folder / "usage").rglob("*") if path.is_file() and ".locks" not in path.parts
        }
        assert left == {"rows.duckdb", "dataset.json"}
        return hostile

    async def _imports(self, ledger: DuckDBLedger, owner: str, row: dict[str, Any]) -> dict[str, Any] | ToolError:
        path = self.folder / f"{owner}.jsonl"
        path.write_text(json.dumps(row) + "\n")
        try:
            return await ledger.import_usage(owner, path, {}, lambda done, total: None)
        except ToolError as error:
            return error

    async def close(self) -> None:
        for ledger in self._ledgers:
            await ledger.close()


@pytest.mark.parametrize("attack", ["files", "bytes_"])
async def test_a_child_that_makes_files_or_fills_them_is_ended_at_its_bound(attacked: Attacked, attack: str) -> None:
    ended = await attacked.by(attack)
    assert (ended.code, "larger than an import is allowed to keep" in ended.message) == ("BAD_ROWS", True)


async def test_files_without_a_name_end_at_the_number_of_open_ones(attacked: Attacked) -> None:
    assert (await attacked.by("hidden")).message == "refused: OSError"


@pytest.mark.skipif(not walls().system_calls, reason="seccomp is missing from this system")
@pytest.mark.parametrize(
    ("attack", "refused"),
    [("nameless", "PermissionError"), ("threads", "RuntimeError"), ("inotify", "PermissionError")],
)
async def test_what_is_the_kernels_or_other_processes_is_not_taken(
    attacked: Attacked, attack: str, refused: str
) -> None:
    assert (await attacked.by(attack)).message == f"refused: {refused}"


@pytest.mark.skipif(walls().landlock == 0, reason="Landlock is missing from this kernel")
async def test_no_directory_is_made(attacked: Attacked) -> None:
    assert (await attacked.by("directories")).message == "refused: PermissionError"


async def test_a_child_that_computes_for_ever_is_killed(attacked: Attacked) -> None:
    assert (await attacked.by("computing", replace(LIMITS, import_cpu_s=1))).code == "RESULT_TOO_LARGE"


async def test_a_child_that_lives_for_ever_is_killed(attacked: Attacked) -> None:
    assert (await attacked.by("sleeping", replace(LIMITS, import_silence_s=5.0))).code == "QUERY_TIMEOUT"


async def test_a_child_that_gives_signs_of_life_for_ever_is_killed(attacked: Attacked) -> None:
    limits = replace(LIMITS, import_silence_s=4.0, import_s=8.0)
    assert (await attacked.by("breathing", limits)).code == "QUERY_TIMEOUT"


@pytest.mark.parametrize("attack", ["talking", "speaking_nonsense"])
async def test_a_child_that_talks_for_ever_or_nonsense_is_killed(attacked: Attacked, attack: str) -> None:
    assert (await attacked.by(attack)).code == "RESULT_TOO_LARGE"
