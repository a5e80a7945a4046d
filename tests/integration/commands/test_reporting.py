"""Where ``netra report`` reads."""

from __future__ import annotations

from pathlib import Path

from netra_backend.app.commands.reporting import read_report
from netra_backend.app.config import Settings
from test_framework.served import serve

CSV = b"timestamp,model,input_tokens,output_tokens\n2026-01-05T00:00:00Z,gpt-4o,1000,100\n"


async def test_a_server_that_holds_the_data_directory_is_asked_for_its_report_and_none_of_its_agents(
    tmp_path: Path,
) -> None:
    async with serve(tmp_path / "data") as served:
        served.runtime.announce(served.url)
        user = served.user()
        async with served.http(user) as http:
            assert (await http.post("/api/usage/datasets", content=CSV)).status_code == 200
            report = await read_report(Settings(data_dir=tmp_path / "data"), user.id)
            assert (await http.get("/api/threads")).json() == {"threads": []}
        assert report["summary"]["requests"] == 1
        assert served.http_side.requests["readReport", 200] == 1
