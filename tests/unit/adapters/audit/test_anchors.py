"""Anchors in a file and in the log."""

from __future__ import annotations

import io
import logging
import threading
from pathlib import Path

import pytest

from netra_backend.app.adapters.audit import anchors
from netra_backend.app.adapters.audit.anchors import FileAnchor, LogAnchor, anchors_in
from netra_backend.app.adapters.process.json_logs import JsonHandler
from netra_backend.app.core.audit_chain import ChainKeys, Statement

KEYS, OTHERS = ChainKeys.of(b"k" * 32), ChainKeys.of(b"o" * 32)


def at(id: int, keys: ChainKeys = KEYS) -> Statement:
    return keys.state("anchor", id, b"seal of %d" % id, 0, id * 10)


def test_a_file_holds_the_newest_anchor_of_each_chain_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "some.anchor"
    file = FileAnchor(path)
    assert file.read() == []
    for statement in (at(1), at(5), at(3), at(2, OTHERS)):
        file.write(statement)
    assert file.read() == [at(5), at(2, OTHERS)]
    assert all(KEYS.holds(each, "anchor") for each in file.read() if each.chain == KEYS.chain)
    assert path.stat().st_mode & 0o777 == 0o600


def test_of_several_who_write_at_once_the_newest_stays(tmp_path: Path) -> None:
    path = tmp_path / "some.anchor"

    def write(first: int) -> None:
        for id in range(first, 40, 4):
            FileAnchor(path).write(at(id))

    threads = [threading.Thread(target=write, args=(first,)) for first in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert FileAnchor(path).read() == [at(39)]


def test_a_log_holds_anchors_among_other_lines_and_none_of_them_is_read_back_by_a_server(tmp_path: Path) -> None:
    stream = io.StringIO()
    handler = JsonHandler(stream)
    log = logging.getLogger("netra.audit")
    log.addHandler(handler)
    level = log.level
    log.setLevel(logging.INFO)
    try:
        LogAnchor().write(at(1))
        log.info('a "mac" of something else, "mac":"00", "audit_anchor":{"mac":1}')
        for name in ("mac", "audit_anchor", '"mac":'):
            log.info(name, extra={"user_id": name})
        LogAnchor().write(at(7))
    finally:
        log.removeHandler(handler)
        log.setLevel(level)
    path = tmp_path / "server.log"
    path.write_text(stream.getvalue())
    assert anchors_in(path) == [at(1), at(7)]
    assert LogAnchor().read() == []


@pytest.mark.parametrize(
    "line",
    [
        '{"mac":""}',
        '{"audit_anchor":{"mac":1}}',
        '{"chain":"c","id":1,"seal":"zz","rows":0,"at":1,"mac":"00"}',
    ],
)
def test_a_damaged_anchor_is_none(tmp_path: Path, line: str) -> None:
    path = tmp_path / "some.anchor"
    path.write_text(f"{line}\n")
    with pytest.raises(ValueError, match=r"some\.anchor, line 1 is not an anchor"):
        anchors_in(path)


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(anchors, "_MAX_BYTES", 10)
    path = tmp_path / "some.anchor"
    path.write_text("x" * 11)
    with pytest.raises(ValueError, match="is larger than"):
        anchors_in(path)
