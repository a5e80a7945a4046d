"""Everything that is shipped is under a licence that was looked at."""

from __future__ import annotations

from pathlib import Path

import pytest

from release.licences import ALLOWED, STATED, is_allowed, licence_of, refused
from release.locks import LOCKS, Locked, read_lock


def package(name: str) -> Locked:
    return Locked(name, "1.0", "", ("a" * 64,), ())


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def installed(place: Path, name: str, *headers: str) -> Locked:
    about = place / f"{name}-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("\n".join(("Metadata-Version: 2.4", f"Name: {name}", "Version: 1.0", *headers, "")))
    return package(name)


@pytest.mark.parametrize("lock", ["runtime.lock", "image.lock"])
def test_every_package_that_is_shipped_is_under_an_accepted_licence(lock: str) -> None:
    assert refused(read_lock(LOCKS / lock)) == []


@pytest.mark.parametrize(
    "expression", [*sorted(ALLOWED), "MIT AND Zlib", "GPL-3.0-only OR MIT", "MIT AND (ISC OR GPL-2.0-only)"]
)
def test_an_expression_is_accepted_if_it_can_be_met(expression: str) -> None:
    assert is_allowed(expression)


@pytest.mark.parametrize(
    "expression",
    [
        "GPL-3.0-only",
        "MIT AND GPL-3.0-only",
        "AGPL-3.0-only OR SSPL-1.0",
        "GPL-2.0-only WITH Classpath-exception-2.0",
        "LicenseRef-Proprietary",
        "Not a licence",
        "",
    ],
)
def test_any_other_expression_is_not(expression: str) -> None:
    assert not is_allowed(expression)


@pytest.mark.parametrize(
    ("headers", "licence"),
    [
        (["License-Expression: GPL-3.0-only"], "GPL-3.0-only"),
        (["License: AGPL-3.0-only"], "AGPL-3.0-only"),
        (["License-Expression: MIT AND BUSL-1.1"], "MIT AND BUSL-1.1"),
    ],
)
def test_a_new_package_under_another_licence_is_named_with_it(install: Path, headers: list[str], licence: str) -> None:
    new = installed(install, "newcomer", *headers)
    assert refused([package("rich"), new]) == [f"newcomer 1.0 is under {licence}, which is not accepted."]


@pytest.mark.parametrize(
    "headers",
    [
        [],
        ["License: see the file"],
        ["Classifier: License :: OSI Approved :: BSD License"],
        ["Classifier: License :: OSI Approved :: GNU General Public License v3 (GPLv3)"],
        ["Classifier: License :: OSI Approved :: MIT License", "Classifier: License :: Other/Proprietary License"],
    ],
)
def test_a_package_that_does_not_say_its_licence_is_refused_until_somebody_states_it(
    install: Path, headers: list[str]
) -> None:
    (sentence,) = refused([installed(install, "newcomer", *headers)])
    assert "newcomer 1.0 does not say its licence" in sentence


def test_what_metadata_says_clearly_counts_before_what_was_stated(
    install: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(STATED, "newcomer", "MIT")
    assert licence_of("newcomer") == "MIT"
    assert refused([installed(install, "newcomer", "License-Expression: GPL-3.0-only")])


def test_a_restrictive_classifier_is_not_stated_away(install: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(STATED, "newcomer", "MIT")
    new = installed(install, "newcomer", "Classifier: License :: OSI Approved :: GNU General Public License v3 (GPLv3)")
    assert refused([new])


def test_nothing_is_stated_that_is_not_locked() -> None:
    assert set(STATED) <= {each.name for each in read_lock(LOCKS / "image.lock")}
