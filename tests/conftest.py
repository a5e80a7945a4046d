"""What holds for every test: its room's marker, a seed that is printed, and an environment without settings of ours."""

from __future__ import annotations

import gc
import json
import os
import random
import secrets
import sys
import tempfile
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ("pytester",)

LONG_ROOMS = ("browser",)
ROOMS = ("unit", "contract", "integration", "e2e", "simulation", "browser", "performance")
SEED_VARIABLE = "NETRA_TEST_SEED"
_HERE = Path(__file__).parent

# Compiling and rewriting assertions is two thirds of collecting, and hundreds of processes import the same modules: what
# was compiled is kept, here and in whatever the tests start, also if the environment says otherwise.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# What tests write need not survive the machine. In memory it costs a tenth: a copy of a database is hundreds of small files,
# and each commit of a server waits for the disk.
_MEMORY = Path("/dev/shm")
_ENOUGH_BYTES = 4 * 2**30
if "TMPDIR" not in os.environ and _MEMORY.is_dir() and os.access(_MEMORY, os.W_OK):
    _space = os.statvfs(_MEMORY)
    if _space.f_bavail * _space.f_frsize > _ENOUGH_BYTES and not _space.f_flag & os.ST_NOEXEC:
        os.environ["TMPDIR"] = tempfile.tempdir = str(_MEMORY)

# Profiles say how many examples a property is tried with: plain pytest takes Hypothesis's own number, `make test` fewer,
# `make test-all` more. The clock fails none of them.
settings.register_profile(
    "netra", settings.get_profile("default"), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("quick", settings.get_profile("netra"), max_examples=25)
settings.register_profile("thorough", settings.get_profile("netra"), max_examples=400)
settings.load_profile("netra")


def pytest_configure(config: pytest.Config) -> None:
    for room in ROOMS:
        config.addinivalue_line("markers", f"{room}: the tests below tests/{room}")
    for name in list(os.environ):
        if name.startswith("NETRA_") and not name.startswith(("NETRA_TEST_", "NETRA_STAGING_")):
            del os.environ[name]  # settings of whoever runs the tests are none of the tests'
    seed = os.environ.setdefault(SEED_VARIABLE, str(secrets.randbelow(2**32)))  # workers inherit it
    if getattr(config.option, "hypothesis_seed", None) is None:
        config.option.hypothesis_seed = seed


def pytest_report_header() -> str:
    return f"netra seed: {os.environ[SEED_VARIABLE]} (to repeat: {SEED_VARIABLE}=…)"


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What collecting makes stays to the end, so the garbage collector does not search it, now or later."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_unconfigure() -> None:
    gc.unfreeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    rooms = {path: _room(path) for path in {item.path for item in items}}
    for item in items:
        if (room := rooms[item.path]) in ROOMS:
            item.add_marker(room)
        if room in LONG_ROOMS:
            item.add_marker("long")


def _room(path: Path) -> str:
    return path.relative_to(_HERE).parts[0] if path.is_relative_to(_HERE) else ""


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI nothing is skipped: a test that did not run there has failed."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") and reporter is not None and reporter.stats.get("skipped"):
        reporter.write_line(
            "Tests were skipped, and in CI nothing may be: install what is missing in .ci/run.", red=True
        )
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session")
def messages_of_0_1_0() -> dict[str, dict[str, bytes]]:
    """What processes of release 0.1.0 sent each other: ``commands``, ``answers``, and of ``bus`` a message with its key."""
    recorded = json.loads((_HERE / "data" / "0.1.0" / "messages.json").read_text(encoding="utf-8"))
    return {kind: {name: bytes.fromhex(text) for name, text in messages.items()} for kind, messages in recorded.items()}


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> str:
    """A seed of this test's own: the run's, and the test's name."""
    return f"{os.environ[SEED_VARIABLE]}:{request.node.nodeid}"


@pytest.fixture
def rng(seed: str) -> random.Random:
    """Randomness that the printed seed repeats."""
    return random.Random(seed)


@pytest.fixture
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment names no proxy, so that whoever heeds one asks this machine all the same."""
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
