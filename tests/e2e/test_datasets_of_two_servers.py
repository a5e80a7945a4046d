"""Two servers on two machines (two data directories) over one object store: either answers for any user."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from netra_backend.app.commands.common import local_token
from netra_backend.app.config import Settings
from test_framework.object_bucket import ObjectBucket
from test_framework.server_process import ServerProcess

ROWS = "ts,model,input_tokens,output_tokens\n" + "".join(
    f"2026-10-{day:02d}T12:00:00Z,gpt-4o,1000,100\n" for day in range(1, 21)
)
DATASETS = "/api/usage/datasets"


@pytest.fixture
def spend(tmp_path: Path) -> Path:
    path = tmp_path / "spend.csv"
    path.write_text(ROWS)
    return path


@pytest.fixture
def servers(object_bucket: ObjectBucket, tmp_path: Path) -> Iterator[tuple[ServerProcess, ServerProcess]]:
    settings = {"NETRA_DATASETS_URL": object_bucket.url}
    one, other = (ServerProcess(tmp_path / name, settings, workers=1) for name in ("one", "other"))
    try:
        yield one.start(), other.start()
        for server in (one, other):
            assert object_bucket.environment["AWS_SECRET_ACCESS_KEY"] not in server.log()
    finally:
        one.close()
        other.close()


def asked(server: ServerProcess, method: str, path: str) -> httpx.Response:
    """Over HTTP, as ann."""
    token = local_token(Settings(data_dir=server.data_dir), "ann")
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.request(method, server.url + path, headers=headers, trust_env=False, timeout=60)


def test_what_is_imported_at_one_is_reported_and_deleted_at_the_other(
    servers: tuple[ServerProcess, ServerProcess], spend: Path
) -> None:
    one, other = servers
    imported = one.command("import", str(spend), "--user", "ann", "--json")
    assert imported.returncode == 0, imported.stderr
    again = other.command("import", str(spend), "--user", "ann", "--json")
    assert json.loads(again.stdout)["already_imported"] is True
    report = other.command("report", "--user", "ann", "--json")
    assert report.returncode == 0, report.stderr
    assert asked(other, "DELETE", f"{DATASETS}/{json.loads(imported.stdout)['dataset_id']}").status_code == 200
    assert asked(one, "GET", DATASETS).json() == {"datasets": []}
    gone = one.command("report", "--user", "ann", "--json")
    assert gone.returncode == 1
    assert "no usage" in gone.stderr.lower()


def test_a_user_who_is_deleted_at_one_is_deleted_at_the_other(
    servers: tuple[ServerProcess, ServerProcess], spend: Path, object_bucket: ObjectBucket
) -> None:
    one, other = servers
    assert one.command("import", str(spend), "--user", "ann").returncode == 0
    assert asked(other, "DELETE", "/api/me").status_code == 200
    token = local_token(Settings(data_dir=one.data_dir), "ann")
    listed = httpx.get(one.url + DATASETS, headers={"Authorization": f"Bearer {token}"}, trust_env=False)
    assert listed.json() == {"datasets": []}
    assert [key for key in object_bucket.listed() if key.endswith(".duckdb")] == []


def test_while_the_store_is_away_that_is_said_and_afterwards_all_is_there(
    servers: tuple[ServerProcess, ServerProcess], spend: Path, object_bucket: ObjectBucket
) -> None:
    one, other = servers
    assert one.command("import", str(spend), "--user", "ann").returncode == 0
    object_bucket.go_wrong({"kind": "500", "times": 10_000})
    for server in servers:
        refused = asked(server, "GET", DATASETS)
        assert refused.status_code == 503
        assert refused.json()["error"] == "dependency_unavailable"
        assert int(refused.headers["Retry-After"]) >= 1
    asking = other.command("ask", "How much did we spend?", "--json")
    assert asking.returncode == 0, asking.stderr
    assert "DEPENDENCY_UNAVAILABLE" in asking.stdout
    object_bucket.go_wrong()
    assert len(asked(one, "GET", DATASETS).json()["datasets"]) == 1
    assert other.command("report", "--user", "ann", "--json").returncode == 0
