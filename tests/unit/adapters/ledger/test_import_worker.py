import gc
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from netra_backend.app.adapters.datasets.fingerprint import Fingerprint
from netra_backend.app.adapters.ledger import import_worker
from netra_backend.app.adapters.ledger.import_worker import Job, fault_of, perform
from netra_backend.app.adapters.ledger.rows_writer import RowsWriter
from netra_backend.app.core.errors import ToolError
from netra_backend.app.usage.importers.registry import load_formats

ROW = {"timestamp": "2026-11-01T10:00:00Z", "model": "m", "input_tokens": 10, "output_tokens": 1, "session": "s"}
NOW_MS = 1_795_000_000_000


@pytest.fixture
def job(tmp_path: Path) -> Job:
    (tmp_path / "usage.jsonl").write_text(json.dumps(ROW) + "\n")
    (tmp_path / "staged").mkdir()
    return Job(str(tmp_path / "usage.jsonl"), str(tmp_path / "staged"), {}, NOW_MS, {})


def changed(job: Job, **change: Any) -> Job:
    return Job(**{**{name: getattr(job, name) for name in job.__struct_fields__}, **change})


class FakePipe:
    """A pipe whose parent asks for one job and keeps what it hears."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.heard: list[Any] = []

    def receive(self) -> dict[str, Any]:
        told: dict[str, Any] = msgspec.to_builtins(self.job)
        return told

    def send(self, encoded: bytes) -> None:
        self.heard.append(msgspec.json.decode(encoded))

    def end_with_parent(self) -> None:
        """The parent outlives the test."""


def silent(message: dict[str, Any]) -> None:
    """Nobody listens."""


def test_an_import_writes_the_staged_file_and_tells_what_it_holds(job: Job) -> None:
    answer = perform(job, silent)["answer"]
    assert (answer["accepted"], answer["rejected"], answer["format"]) == (1, 0, "table")
    assert answer["capabilities"] == ["per_request", "real_times", "sessions"]
    assert answer["first_ts_ms"] == answer["last_ts_ms"] == 1_793_527_200_000
    assert [path.name for path in Path(job.staged).iterdir()] == ["rows.duckdb"]


def test_the_same_bytes_read_in_the_same_way_are_the_same_dataset(job: Job) -> None:
    fingerprint = perform(job, silent)["answer"]["fingerprint"]
    known = {fingerprint: "data_1"}
    assert perform(changed(job, known=known, options={"name": "another name"}), silent) == {"already": "data_1"}
    Path(job.staged, "rows.duckdb").unlink()
    assert "answer" in perform(changed(job, known=known, options={"map": {"team": "model"}}), silent)


def test_a_file_that_is_there_already_is_told_so_even_where_its_rows_would_be_refused_now(job: Job) -> None:
    fingerprint = perform(job, silent)["answer"]["fingerprint"]
    Path(job.staged, "rows.duckdb").unlink()
    long_ago = changed(job, now_ms=NOW_MS - 10**10)
    with pytest.raises(ToolError, match="is in the future"):
        perform(long_ago, silent)
    Path(job.staged, "rows.duckdb").unlink()
    assert perform(changed(long_ago, known={fingerprint: "data_1"}), silent) == {"already": "data_1"}


def test_a_file_that_is_there_already_is_not_read_to_its_end(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    fingerprint = perform(job, silent)["answer"]["fingerprint"]
    Path(job.staged, "rows.duckdb").unlink()
    written: list[Any] = []
    monkeypatch.setattr(RowsWriter, "write", lambda writer, columns: written.append(columns))
    monkeypatch.setattr(Fingerprint, "known", lambda of: bool(of.value()))
    assert perform(changed(job, known={fingerprint: "data_1"}), silent) == {"already": "data_1"}
    assert written == []


def test_a_preview_writes_nothing(job: Job) -> None:
    answer = perform(changed(job, options={"preview": True}), silent)["answer"]
    assert answer["first_rows"][0]["model"] == "m"
    assert list(Path(job.staged).iterdir()) == []


def test_progress_is_told_in_at_most_two_hundred_steps() -> None:
    told: list[Any] = []
    progress = import_worker._Progress(told.append)
    for done in range(100_001):
        progress(done, 100_000)
    assert 100 <= len(told) <= 201
    assert told[-1] == {"progress": [100_000, 100_000]}


def test_faults_of_ours_are_told_without_the_place_or_the_data() -> None:
    try:
        raise KeyError("/secret/canary")
    except KeyError as error:
        told = fault_of(error)["fault"]
    assert told["code"] == "TOOL_FAILED"
    assert "KeyError at test_import_worker.py:" in told["message"]
    assert "secret" not in str(told)


def test_too_little_memory_is_told_as_such() -> None:
    assert "more memory" in fault_of(MemoryError())["fault"]["message"]
    assert fault_of(ToolError("BAD_ROWS", "m", hint="h"))["fault"]["code"] == "BAD_ROWS"


def test_whatever_goes_wrong_the_parent_hears_of_it(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_worker, "bound_memory", lambda more: False)
    monkeypatch.setattr(import_worker, "bound_lifetime", lambda seconds: None)
    monkeypatch.setattr(import_worker, "no_more_threads", lambda: None)
    monkeypatch.setattr(import_worker, "enter", lambda sandbox: None)
    monkeypatch.setattr(gc, "disable", lambda: None)
    pipe = FakePipe(changed(job, options={"nonsense": 1}))
    import_worker.serve(pipe)  # type: ignore[arg-type]  # a pipe as far as it is used
    assert [told["fault"]["code"] for told in pipe.heard] == ["INVALID_ARGUMENTS"]


def test_what_added_formats_load_is_loaded_before_the_bounds_of_the_file(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []

    def loading(importers: list[str]) -> Any:
        order.append(f"load {importers}")
        return load_formats()

    monkeypatch.setattr(import_worker, "load_formats", loading)
    monkeypatch.setattr(import_worker, "no_more_threads", lambda: None)
    monkeypatch.setattr(import_worker, "enter", lambda sandbox: order.append("walls"))
    monkeypatch.setattr(import_worker, "bound_memory", lambda more: order.append("bound"))
    monkeypatch.setattr(import_worker, "bound_lifetime", lambda seconds: None)
    monkeypatch.setattr(gc, "disable", lambda: None)
    pipe = FakePipe(changed(job, importers=["acme:ACME"]))
    import_worker.serve(pipe)  # type: ignore[arg-type]  # a pipe as far as it is used
    assert order[:3] == ["load ['acme:ACME']", "walls", "bound"]
    assert "answer" in pipe.heard[-1]


def test_an_added_format_that_cannot_be_loaded_is_told(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gc, "disable", lambda: None)
    pipe = FakePipe(changed(job, importers=["nowhere_at_all:ACME"]))
    import_worker.serve(pipe)  # type: ignore[arg-type]  # a pipe as far as it is used
    assert [told["fault"]["code"] for told in pipe.heard] == ["TOOL_FAILED"]
    assert "ModuleNotFoundError" in pipe.heard[0]["fault"]["message"]
