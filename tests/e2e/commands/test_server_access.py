"""A command's HTTP requests."""

from __future__ import annotations

from pathlib import Path

import pytest

from netra_backend.app.commands.server_access import ServerAccess, ServerRefused
from netra_backend.client.errors import Closed
from test_framework.server_process import ServerProcess


async def test_a_problem_is_raised_as_it_was_told(server: ServerProcess) -> None:
    token = server.command("token", "ann").stdout.strip()
    async with ServerAccess(server.url, token) as access:
        assert (await access.get("/api/me"))["user_id"] == "ann"
        with pytest.raises(ServerRefused) as refused:
            await access.get("/api/runs/run_of_nobody")
    assert refused.value.problem["error"] == "not_found"


async def test_an_upload_tells_how_far_it_is(server: ServerProcess, tmp_path: Path) -> None:
    path = tmp_path / "spend.csv"
    path.write_text("ts,model,input_tokens,output_tokens\n2026-10-01T12:00:00Z,gpt-4o,1000,100\n")
    token = server.command("token", "ann").stdout.strip()
    stages: list[str] = []
    async with ServerAccess(server.url, token) as access:
        answer = await access.upload(path, {"name": "mine"}, lambda stage, done, total: stages.append(stage))
    assert answer["accepted"] == 1
    assert answer["name"] == "mine"
    assert stages[0] == "sending"


async def test_a_server_that_is_not_there_is_told(server: ServerProcess) -> None:
    async with ServerAccess("http://127.0.0.1:9", "token") as access:
        with pytest.raises(Closed, match="cannot be reached"):
            await access.get("/api/me")
