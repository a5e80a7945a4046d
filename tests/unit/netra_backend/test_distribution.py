"""The distribution: its name, its version, and what a message says about an extra."""

from __future__ import annotations

import tomllib
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import get_args

import pytest

from netra_backend import distribution
from netra_backend.distribution import Extra, install_hint, missing_packages

PROJECT = tomllib.loads((Path(__file__).resolve().parents[3] / "pyproject.toml").read_text())["project"]


def test_the_name_and_the_extras_are_those_of_the_project() -> None:
    assert PROJECT["name"] == distribution.NAME
    assert set(get_args(Extra)) == set(PROJECT["optional-dependencies"])


def test_the_version_is_that_of_what_is_installed() -> None:
    assert distribution.version() == metadata.version("netra-server") == PROJECT["version"]


def test_an_extra_is_installed_from_a_checkout_until_an_index_has_the_distribution(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert distribution.INSTALLED_FROM in (".", distribution.NAME)
    assert install_hint("scale") == f"pip install '{distribution.INSTALLED_FROM}[scale]'"
    monkeypatch.setattr(distribution, "INSTALLED_FROM", distribution.NAME)
    assert install_hint("models") == f"pip install '{distribution.NAME}[models]'"


def test_packages_that_are_installed_are_no_fault() -> None:
    assert missing_packages("NETRA_REDIS_URL", "scale", "asyncio", "json") == []


def test_every_package_that_is_missing_is_named_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(distribution, "find_spec", lambda name: None if name in ("one", "two") else find_spec(name))
    hint = install_hint("scale")
    assert missing_packages("It", "scale", "one", "json") == [f"It needs one, which is not installed: {hint}"]
    assert missing_packages("It", "scale", "one", "two") == [f"It needs one, two, which are not installed: {hint}"]
