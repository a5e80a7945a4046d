"""``cost_optimizer`` with the model of each documented provider, against a server on loopback that speaks its protocol."""

from __future__ import annotations

import gc
import json
from pathlib import Path
from typing import Any

import pytest

from netra_backend.app.config import Settings
from netra_backend.app.wiring import open_runtime
from test_framework.local_runtime import connected_user
from tests.integration.adapters.provider_servers import INPUT, KEY, OUTPUT, PROTOCOLS, WORDS, Protocol, serving

pytestmark = pytest.mark.parametrize("protocol", PROTOCOLS.values(), ids=PROTOCOLS)

CSV = "timestamp,model,input_tokens,output_tokens\n2026-01-05T00:00:00Z,gpt-4o,2000000,0\n"
"""Two million tokens at $2.50 a million: the five dollars that the model says."""


async def asked(
    protocol: Protocol, place: Path, monkeypatch: pytest.MonkeyPatch, csv: str = CSV, **serves: Any
) -> tuple[dict[str, Any], list[Any]]:
    """How the run ends whose model looks at the bill and says what it was, and what the model was asked."""
    calls = [("cost_summary", {"group_by": ["model"]})]
    async with serving(protocol, calls=calls, **serves) as server:
        for name, value in protocol.settings(server.url).items():
            monkeypatch.setenv(name, value)
        async with open_runtime(Settings(data_dir=place / "data", model=protocol.model)) as runtime:
            (place / "usage.csv").write_text(csv)
            await runtime.ledger.import_usage("user_ada", place / "usage.csv", {}, lambda done, total: None)
            async with connected_user(runtime, "user_ada") as user:
                user.send(type="execute_agent", agent="cost_optimizer", message="What did we spend in total?")
                end = await user.ended_run()
        gc.collect()  # what was left open is reported here, and not in another test
        return end, server.bodies


@pytest.mark.filterwarnings("ignore:Failed to extract usage")  # the library says that it misses it
@pytest.mark.parametrize("usage", [True, False], ids=["usage", "no usage"])
async def test_its_model_chooses_a_tool_and_says_what_it_answered(
    protocol: Protocol, usage: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    end, bodies = await asked(protocol, tmp_path, monkeypatch, usage=usage)
    assert end["result"]["text"] == "".join(WORDS), end["result"]
    assert end["result"]["data"]["phrased_by_model"] is True
    assert end["result"]["data"]["summary"]["total_usd"] == "5"
    assert len(bodies) == 2
    assert '"total_usd' in json.dumps(bodies[1]).replace("\\", ""), "the tool's answer was given to the model"
    told = (end["usage"]["input_tokens"], end["usage"]["output_tokens"])
    assert told == ((INPUT, OUTPUT) if usage else (0, 0))


async def test_a_figure_that_no_tool_has_answered_is_not_said(
    protocol: Protocol, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    end, _ = await asked(protocol, tmp_path, monkeypatch, CSV.replace("2000000", "7000000"), usage=True)
    assert "$5" not in end["result"]["text"]
    assert "$17.50" in end["result"]["text"]
    assert end["result"]["data"]["phrased_by_model"] is False


@pytest.mark.parametrize("serves", [{"status": 500}, {"frames": 2}], ids=["refused", "cut short"])
async def test_a_provider_that_fails_leaves_the_answer_to_the_rules(
    protocol: Protocol, serves: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    end, _ = await asked(protocol, tmp_path, monkeypatch, **serves)
    assert "$5.00" in end["result"]["text"]
    assert end["result"]["text"].startswith("*This is answered without the language model. ")
    assert KEY not in json.dumps(end)
