"""Plans that name what a server does not have fail its start."""

from __future__ import annotations

import pytest

from netra_backend.app.core.errors import ConfigurationError
from netra_backend.app.core.limits import USUAL
from netra_backend.app.core.plans import Plan, Plans
from netra_backend.app.services.plan_names import check_default_agent, check_plan_names

PLANS = Plans({"free": Plan("free", USUAL, None, frozenset({"one"}), frozenset({"two"}))}, Plan("", USUAL))


def test_a_server_that_has_what_its_plans_name_starts() -> None:
    check_plan_names(PLANS, ["one", "more"], ["two"])
    check_plan_names(None, [], [])


@pytest.mark.validation_point("plan.names")
def test_a_name_that_the_server_does_not_have_fails_the_start() -> None:
    with pytest.raises(ConfigurationError) as refused:
        check_plan_names(PLANS, ["ones"], ["two"])
    assert refused.value.faults == ["plans.free.agents: there is no agent named 'one'. Did you mean ones?"]


def test_the_default_agent_is_one_that_the_server_has() -> None:
    check_default_agent("supervisor", ["supervisor", "poet"])


@pytest.mark.validation_point("run.default_agent")
@pytest.mark.parametrize(
    ("name", "hint"), [("supervizor", "Did you mean supervisor?"), ("x", "It has poet, supervisor.")]
)
def test_a_default_agent_that_the_server_does_not_have_fails_the_start(name: str, hint: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        check_default_agent(name, ["supervisor", "poet"])
    assert refused.value.faults == [f"NETRA_DEFAULT_AGENT: there is no agent named {name!r}. {hint}"]
