"""``netra db reset-epochs``."""

from __future__ import annotations

from pathlib import Path

from test_framework.server_process import ServerProcess
from test_framework.users import LocalUsers
from test_framework.websocket_client import websocket_client


async def test_a_client_learns_that_history_went_back_and_reads_the_thread_anew(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path / "data", app="test_framework.echo").start()
    try:
        user = LocalUsers(server.data_dir).make("ann@example.org")
        async with websocket_client(server.websocket_url, user.token) as client:
            accepted, *events = await client.run_agent("echo", "hello")
        refused = server.command("db", "reset-epochs")
        assert refused.returncode == 1
        assert "use" in refused.stderr
        server.stop()
        done = server.command("db", "reset-epochs")
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith("✓ 1 thread got a new epoch")
        server.start()
        position = {"epoch": accepted["epoch"], "seq": events[-1]["seq"]}
        async with websocket_client(server.websocket_url, user.token) as client:
            await client.send_json({"type": "resume", "positions": {accepted["thread_id"]: position}})
            told = await client.receive_json()
            assert told["type"] == "reset"
            assert told["epoch"] != accepted["epoch"]
    finally:
        server.close()


def test_the_name_of_the_earlier_release_works_and_warns(tmp_path: Path) -> None:
    alone = ServerProcess(tmp_path / "data")
    done = alone.command("restored")
    alone.close()
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("✓ 0 threads got a new epoch")
    assert "deprecated" in done.stderr
    assert "netra db reset-epochs" in done.stderr
