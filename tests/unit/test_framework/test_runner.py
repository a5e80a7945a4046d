"""The test runner: what it chooses, what it hands to pytest, what it prints, and its exit codes."""

from __future__ import annotations

from pathlib import Path

import pytest

from test_framework import runner

GOOD = "def test_it_holds():\n    assert True\n"
BAD = "def test_it_does_not_hold():\n    assert False\n"


@pytest.fixture
def tests(tmp_path: Path) -> Path:
    """A small tree of tests."""
    for room, name, text in [
        ("unit", "test_good.py", GOOD),
        ("unit/deep", "test_factory_ssot_fails.py", GOOD),
        ("e2e", "test_golden_path_ssot_e2e.py", GOOD),
        ("integration", "test_bad.py", BAD),
        ("unit", "helper.py", ""),
    ]:
        folder = tmp_path / "tests" / room
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return tmp_path / "tests"


def names(files: list[str]) -> list[str]:
    return [Path(file).name for file in files]


@pytest.mark.parametrize(
    ("category", "pattern", "chosen"),
    [
        ("unit", "*", ["test_factory_ssot_fails.py", "test_good.py"]),
        ("unit", "*ssot*fails*", ["test_factory_ssot_fails.py"]),
        ("unit", "*ssot*fails", ["test_factory_ssot_fails.py"]),
        ("all", "*ssot*", ["test_golden_path_ssot_e2e.py", "test_factory_ssot_fails.py"]),
        ("e2e", "*golden*path*ssot*", ["test_golden_path_ssot_e2e.py"]),
        ("e2e", "nothing*", []),
        ("performance", "*", []),
    ],
)
def test_files_are_chosen_by_category_and_name(tests: Path, category: str, pattern: str, chosen: list[str]) -> None:
    assert names(runner.select(tests, category, pattern)) == chosen


@pytest.mark.parametrize(
    ("argv", "given"),
    [
        ([], ["-n", "auto"]),
        (["--category", "unit"], []),
        (["--category", "unit", "--workers", "2"], ["-n", "2"]),
        (["--category", "e2e", "--env", "staging"], ["-m", "gcp_staging"]),
        (["--category", "unit", "-x", "--lf"], ["-x", "--lf"]),
    ],
)
def test_pytest_gets_what_was_asked_for(argv: list[str], given: list[str]) -> None:
    assert runner.pytest_arguments(runner.arguments(argv)) == given


def test_nothing_selected_exits_5_and_says_so(tests: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert runner.main(tests, ["--category", "unit", "--pattern", "nothing*"]) == 5
    assert "nothing selected: no file in unit matches 'nothing*'" in capsys.readouterr().err


def test_staging_without_its_variables_says_which(
    tests: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(runner.STAGING_URL, "ws://127.0.0.1:1")
    monkeypatch.delenv(runner.STAGING_TOKEN_COMMAND, raising=False)
    assert runner.main(tests, ["--env", "staging"]) == 2
    told = capsys.readouterr().err
    assert runner.STAGING_TOKEN_COMMAND in told
    assert runner.STAGING_URL not in told
    assert runner.missing_for_staging({runner.STAGING_URL: "x", runner.STAGING_TOKEN_COMMAND: "y"}) == ""


def test_a_run_prints_a_table_writes_junit_and_ends_with_pytests_code(
    tests: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = tmp_path / "out" / "report.xml"
    assert runner.main(tests, ["--workers", "0", "--junit", str(report)]) == 1
    lines = [line.split() for line in capsys.readouterr().out.splitlines() if line]
    assert ["category", "passed", "failed", "errors", "skipped", "seconds"] in lines
    counted = {line[0]: line[1:5] for line in lines if line[0] in {"unit", "e2e", "integration"}}
    assert counted == {
        "unit": ["2", "0", "0", "0"],
        "e2e": ["1", "0", "0", "0"],
        "integration": ["0", "1", "0", "0"],
    }
    assert report.is_file()


def test_junit_goes_to_the_build_folder_by_default(tests: Path, tmp_path: Path) -> None:
    assert runner.main(tests, ["--category", "unit", "--pattern", "test_good*"]) == 0
    assert (tmp_path / "build" / "junit.xml").is_file()


def test_the_table_counts_skips_and_errors(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text(
        "<testsuites><testsuite>"
        "<testcase classname='tests.unit.test_a' time='1.25'><skipped/></testcase>"
        "<testcase classname='tests.unit.test_a' time='0.5'><error/></testcase>"
        "<testcase classname='' time='0'/>"
        "</testsuite></testsuites>"
    )
    assert [line.split() for line in runner.summary(report).splitlines()[1:]] == [
        ["other", "1", "0", "0", "0", "0.0"],
        ["unit", "0", "0", "1", "1", "1.8"],
    ]
