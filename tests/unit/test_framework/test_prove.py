"""The proof itself: it tells tests that notice from tests that do not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from test_framework.prove import Verdict, foreign_modules, is_assertion, prove, table

TESTS = """
import pytest
from netra_backend.app.core.errors import InvalidContextError
from netra_backend.app.core.ids import check_id
from netra_backend.app.services.user_execution_context import validate_user_context

@pytest.mark.validation_point("id.format")
def test_that_notices():
    with pytest.raises(InvalidContextError):
        check_id("user_id", "not an id")

@pytest.mark.validation_point("id.placeholder")
def test_that_notices_nothing():
    with pytest.raises(InvalidContextError):
        check_id("user_id", "placeholder_1")  # refused as malformed all the same

@pytest.mark.validation_point("context.forged")
def test_that_breaks_instead_of_noticing():
    try:
        validate_user_context(None)
    except InvalidContextError:
        pass
"""
FALSE_WITNESS = """
import pytest

@pytest.mark.validation_point("context.metadata")
def test_that_always_fails():
    assert False
"""
PROGRAM = """
import sys
from pathlib import Path
from test_framework.prove import prove
sys.exit(prove(Path(sys.argv[1]), sys.argv[2], 2))
"""


def proved(tests: Path, points: str) -> tuple[int, dict[str, str]]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tests), points], capture_output=True, text=True, cwd=tests, check=False
    )
    return done.returncode, {line.split()[0]: line for line in done.stdout.splitlines() if "." in line.split()[0]}


@pytest.fixture
def tests(tmp_path: Path) -> Path:
    (tmp_path / "unit").mkdir()
    (tmp_path / "unit" / "test_claims.py").write_text(TESTS)
    (tmp_path / "e2e").mkdir()
    (tmp_path / "e2e" / "test_false.py").write_text(FALSE_WITNESS)
    return tmp_path


@pytest.mark.long
def test_the_proof_tells_what_noticed_what_survived_and_why(tests: Path) -> None:
    code, lines = proved(tests, "*")
    assert code == 1
    assert "caught    unit/test_claims.py::test_that_notices" in lines["id.format"]
    assert "SURVIVED  every test passes without it" in lines["id.placeholder"]
    assert "SURVIVED  not by an assertion: unit/test_claims.py::test_that_breaks" in lines["context.forged"]
    assert "SURVIVED  fails with nothing taken out: e2e/test_false.py" in lines["context.metadata"]
    assert "NO TEST" in lines["frame.json"]


@pytest.mark.long
def test_a_proof_in_which_every_point_is_caught_exits_0(tests: Path) -> None:
    code, lines = proved(tests, "id.format")
    assert code == 0
    assert set(lines) == {"id.format"}


@pytest.mark.long
def test_a_proof_of_no_point_exits_5(tests: Path) -> None:
    assert proved(tests, "no.such.*")[0] == 5


@pytest.mark.long
def test_a_claim_of_a_point_that_is_not_catalogued_ends_the_proof(tests: Path) -> None:
    (tests / "unit" / "test_claims.py").write_text(TESTS.replace("id.format", "id.formatt"))
    code, lines = proved(tests, "*")
    assert code == 1
    assert lines == {}


@pytest.mark.parametrize(
    ("error", "counts"),
    [
        (AssertionError(), True),
        (pytest.fail.Exception("DID NOT RAISE ValueError"), True),
        (pytest.fail.Exception("by hand"), False),
        (RuntimeError(), False),
        (TimeoutError(), False),
        (ExceptionGroup("both", [AssertionError(), AssertionError()]), True),
        (ExceptionGroup("one of them", [AssertionError(), KeyError()]), False),
    ],
)
def test_only_assertions_count_as_noticing(error: BaseException, counts: bool) -> None:
    assert is_assertion(error) is counts


def test_the_table_shows_the_first_witness_and_how_many_more() -> None:
    verdicts = [Verdict("a.b", ["test_x", "test_y"], 2), Verdict("c.d", [], 1, "why"), Verdict("e.f")]
    assert table(verdicts, 3.2).splitlines() == [
        "point  verdict   tests that caught it",
        "a.b    caught    test_x (+1 more)",
        "c.d    SURVIVED  why",
        "e.f    NO TEST   ",
        "1 of 3 validation points are noticed when they are taken out (3 s)",
    ]


def test_what_is_ours_is_not_loaded_beforehand() -> None:
    modules = foreign_modules()
    assert "pytest" in modules
    assert not any(name.startswith(("netra_backend", "test_framework", "tests")) for name in modules)
    assert callable(prove)
