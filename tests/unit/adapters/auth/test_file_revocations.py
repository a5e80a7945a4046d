"""Revocations in a file of the data directory."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from netra_backend.app.adapters.auth.file_revocations import FILE_NAME, TOKENS_FILE_NAME, FileRevocations
from netra_backend.app.core.errors import DependencyUnavailable
from netra_backend.app.core.identity import RevokedToken


async def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    await FileRevocations(tmp_path).add("user_ada", 5)
    assert (tmp_path / FILE_NAME).stat().st_mode & 0o777 == 0o600


async def test_a_start_leaves_one_row_a_user(tmp_path: Path) -> None:
    store = FileRevocations(tmp_path)
    for moment in range(20):
        await store.add("user_ada", moment)
    await store.load()
    assert (tmp_path / FILE_NAME).read_bytes().count(b"\n") == 1


async def test_a_line_that_a_crash_cut_off_does_not_spoil_the_next(tmp_path: Path) -> None:
    store = FileRevocations(tmp_path)
    await store.add("user_ada", 5)
    with (tmp_path / FILE_NAME).open("ab") as file:
        file.write(b'{"user_id":"user_b')
    assert await store.load() == {"user_ada": 5}
    await store.add("user_bob", 6)
    assert await store.load() == {"user_ada": 5, "user_bob": 6}


async def test_other_damage_is_refused_and_nothing_is_overwritten(tmp_path: Path) -> None:
    damaged = b'{"user_id":"user_ada","until_ms":5}\nnonsense\n'
    (tmp_path / FILE_NAME).write_bytes(damaged)
    with pytest.raises(DependencyUnavailable, match="line 2 is not a revocation"):
        await FileRevocations(tmp_path).load()
    assert (tmp_path / FILE_NAME).read_bytes() == damaged


async def test_single_sign_ins_lie_apart_so_that_an_older_release_does_not_take_one_for_all(tmp_path: Path) -> None:
    await FileRevocations(tmp_path).add_token(RevokedToken("user_ada", "t1", 5), 1)
    assert not (tmp_path / FILE_NAME).exists()
    assert (tmp_path / TOKENS_FILE_NAME).stat().st_mode & 0o777 == 0o600
    (tmp_path / TOKENS_FILE_NAME).write_bytes(b"nonsense\n")
    with pytest.raises(DependencyUnavailable, match="line 1 is not a revocation"):
        await FileRevocations(tmp_path).load_tokens()


async def test_they_wait_for_nothing_that_users_have_brought_to_the_loops_own_threads(tmp_path: Path) -> None:
    loop, gate, store = asyncio.get_running_loop(), threading.Event(), FileRevocations(tmp_path)
    loop.set_default_executor(ThreadPoolExecutor(1))
    theirs = loop.run_in_executor(None, gate.wait, 60)
    try:
        async with asyncio.timeout(20):
            await store.add("user_ada", 5)
            await store.add_token(RevokedToken("user_bob", "t1", 5), 1)
            assert await store.load() == {"user_ada": 5}
            assert len(await store.load_tokens()) == 1
    finally:
        gate.set()
        await theirs
