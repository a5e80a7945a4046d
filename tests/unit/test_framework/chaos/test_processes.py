"""Several processes: which of them is hurt, and what they said."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from random import Random
from typing import Any

import pytest

from test_framework.chaos.processes import ISSUER, Process, Processes


class Stores:
    database_url = "postgresql://somebody@127.0.0.1/netra"

    def redis_url(self, number: int) -> str:
        return f"redis://127.0.0.1:{7000 + number}"


@pytest.fixture
def processes(tmp_path: Path) -> Processes:
    return Processes(tmp_path, 3, Stores(), tmp_path / "effects", Random(1))  # type: ignore[arg-type]  # what is needed


def test_each_has_its_own_data_and_its_own_way_to_the_bus_and_all_share_the_database(processes: Processes) -> None:
    environments = [each.environment() for each in processes.all]
    assert len({each["NETRA_DATA_DIR"] for each in environments}) == 3
    assert [each["NETRA_REDIS_URL"] for each in environments] == [f"redis://127.0.0.1:{7000 + n}" for n in range(3)]
    assert {each["NETRA_DATABASE_URL"] for each in environments} == {Stores.database_url}
    assert len({each["NETRA_JWT_SECRET"] for each in environments}) == 1


def test_so_many_are_left_well_as_is_asked(processes: Processes) -> None:
    first, second = processes.pick(1), processes.pick(1)
    assert isinstance(first, Process)
    assert isinstance(second, Process)
    assert first is not second
    assert processes.pick(1) is None
    second.troubled = False
    assert processes.pick(1) not in (None, first)


def test_a_token_names_its_user_and_its_issuer(processes: Processes) -> None:
    payload = processes.token("user_ada").split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    assert (claims["sub"], claims["iss"]) == ("user_ada", ISSUER)


def test_what_was_logged_as_an_error_is_counted_by_what_it_says(
    processes: Processes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def logged(level: str, **more: Any) -> str:
        return json.dumps({"level": level, "event": "it broke", **more}, separators=(",", ":"))

    lines = [
        logged("info"),
        logged("error", exception="Traceback\n  File x\nValueError: no"),
        logged("error", exception="ValueError: no"),
        logged("error"),
        "no json",
    ]
    monkeypatch.setattr(Process, "log", lambda self: "\n".join(lines) if self.number == 1 else "")
    assert processes.faults_logged() == {"it broke ValueError: no": 2, "it broke": 1}
    processes.keep_logs(tmp_path / "kept")
    assert (tmp_path / "kept" / "server-1.log").read_text().splitlines() == lines
