"""The agent that pays, in a process of a test, and the words about its call."""

from __future__ import annotations

from typing import Any

from netra_backend.app.core.events import ApprovalRequested
from netra_backend.app.core.frames import ResolveApproval
from test_framework.paying import let_pay, word

REQUESTED = ApprovalRequested("thr_1", "run_1", 3, 0, "apr_1", "call_1", "pay", {}, "hash", 1)


class Kept:
    """Keeps the tools and agents that it is given."""

    def __init__(self) -> None:
        self.tools: list[Any] = []
        self.agents: list[tuple[Any, ...]] = []

    def tool(self, tool: Any) -> None:
        self.tools.append(tool)

    def agent(self, *agent: Any) -> None:
        self.agents.append(agent)


def test_every_process_has_the_agent_and_its_tool_which_asks_and_counts_for_all_of_them() -> None:
    one, two = Kept(), Kept()
    counter = let_pay(one, two)
    for each in (one, two):
        (tool,), ((name, _, tools),) = each.tools, each.agents
        assert (tool.name, tool.call, tool.approval, tool.idempotent) == ("pay", counter, True, False)
        assert (name, tools) == ("golden", ["pay"])


def test_a_word_is_about_the_call_that_was_asked_about_unless_it_names_another() -> None:
    assert word(REQUESTED) == ResolveApproval("apr_1", "approve", "hash", "word")
    other = word(REQUESTED, "deny", approval_id="apr_2", arguments_hash="other")
    assert other == ResolveApproval("apr_2", "deny", "other", "word")
