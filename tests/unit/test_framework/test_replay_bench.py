"""A run is replayed over its whole journal: nothing is done again, and every approval is given."""

from __future__ import annotations

from typing import Any

import pytest

from netra_backend.app.agents.interface import AgentResult
from netra_backend.app.core.events import AgentCompleted
from test_framework.counted_tool import Counter, adding, kinds
from test_framework.replay_bench import ReplayBench


class Adding:
    name = "adding"
    description = "of a test"
    tools = frozenset({"add"})

    async def run(self, scope: Any) -> AgentResult:
        outcome = await scope.use_tool("add", amount=3)
        if scope.message == "fail":
            raise RuntimeError("as planned")
        return AgentResult("done", {"outcome": outcome.result})


async def test_nothing_is_done_again() -> None:
    counter = Counter()
    bench = ReplayBench([Adding], [adding(counter, idempotent=False, approval=True)], None)
    events = await bench.run("adding", "go")
    assert isinstance(events[-1], AgentCompleted)
    assert "ApprovalResolved" in kinds(events)
    await bench.replay(events)
    assert counter.calls == [3]


async def test_a_run_that_fails_by_itself_is_no_reference() -> None:
    with pytest.raises(AssertionError, match="does not end well"):
        await ReplayBench([Adding], [adding(Counter())], None).run("adding", "fail")
