"""Plans in the settings: where they lie, and that a start with a file that does not hold fails with what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from netra_backend.app.config import Settings
from netra_backend.app.core.errors import ConfigurationError

GOOD = "[plans.free]\nlimits = { runs = 3 }\n[plans.free.budget]\nday = { usd = 0.1 }\ntimezone = 'Europe/Berlin'\n"


def loaded(directory: Path, **environ: str) -> Settings:
    return Settings.load({"HOME": "/nowhere", **environ}, data_dir=directory)


def faults_of(directory: Path, **environ: str) -> list[str]:
    with pytest.raises(ConfigurationError) as refused:
        loaded(directory, **environ)
    return refused.value.faults


def test_without_a_file_there_are_no_plans(tmp_path: Path) -> None:
    settings = loaded(tmp_path)
    assert (settings.plans, settings.plan_claim) == (None, "plan")


@pytest.mark.parametrize("named", [True, False])
def test_plans_lie_in_the_data_directory_or_where_the_setting_says(tmp_path: Path, named: bool) -> None:
    path = tmp_path / ("mine.toml" if named else "plans.toml")
    path.write_text(GOOD)
    environ = {"NETRA_PLANS_FILE": str(path)} if named else {}
    settings = loaded(tmp_path, NETRA_DEFAULT_PLAN="free", NETRA_PLAN_CLAIM="https://example.org/plan", **environ)
    assert settings.plans is not None
    assert settings.plans.of("").name == "free"
    assert settings.plans.of("free").limits.runs == 3
    assert settings.plan_claim == "https://example.org/plan"


def test_limits_that_a_plan_does_not_set_are_the_servers(tmp_path: Path) -> None:
    (tmp_path / "plans.toml").write_text(GOOD)
    plans = loaded(tmp_path, NETRA_LIMIT_CONNECTIONS="7").plans
    assert plans is not None
    assert plans.of("free").limits.connections == plans.usual.limits.connections == 7


def test_a_file_that_is_named_and_not_there_fails_the_start(tmp_path: Path) -> None:
    (fault,) = faults_of(tmp_path, NETRA_PLANS_FILE=str(tmp_path / "none.toml"))
    assert fault.startswith(f"{tmp_path / 'none.toml'} cannot be read")


def test_a_default_plan_without_plans_fails_the_start(tmp_path: Path) -> None:
    (fault,) = faults_of(tmp_path, NETRA_DEFAULT_PLAN="free")
    assert fault == f"NETRA_DEFAULT_PLAN=free needs plans. Write them into {tmp_path / 'plans.toml'}."


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[plans", "is not valid TOML"),
        ("a" * 70_000, "cannot be read: it is larger"),
        (
            "[plans.free.budget]\nday = { tokens = 1 }\ntimezone = 'Mars/Base'",
            "plans.free.budget.timezone: use an IANA",
        ),
        ("[plans.free.budget]\nday = { tokens = 1 }\ntimezone = '../etc'", "plans.free.budget.timezone: use an IANA"),
        ("[plans.free]\nlimits = { runs = 0 }", "plans.free.limits.runs: use a whole number from 1 to 10000"),
    ],
)
def test_every_fault_names_the_file_and_what_is_wrong(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "plans.toml"
    path.write_text(text)
    (fault,) = faults_of(tmp_path)
    assert fault.startswith(str(path))
    assert told in fault
