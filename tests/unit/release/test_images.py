"""Base images by digest: what is rewritten, and what is told where no digest can be had."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
import yaml

from release.images import DEPLOY, FILES, main, pinned, references
from release.locks import ROOT

ONE, OTHER = f"sha256:{'1' * 64}", f"sha256:{'2' * 64}"


def test_every_image_of_others_is_found_and_nothing_else() -> None:
    found = {name: set(references((DEPLOY / name).read_text())) for name in FILES}
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    named = {each["image"].partition("@")[0] for each in compose["services"].values()}
    assert found["compose.yaml"] == named - {"netra"}
    bases = [line.split()[1] for line in (DEPLOY / "Dockerfile").read_text().splitlines() if line.startswith("FROM ")]
    assert found["Dockerfile"] == {each.partition("@")[0] for each in bases}


def test_a_digest_is_put_beside_the_tag_and_an_old_one_is_replaced() -> None:
    text = f"FROM python:3.11 AS build\nFROM python:3.11@{ONE}\n  image: valkey/valkey:9\n  image: netra\n  image: plain # x\n"
    assert pinned(text, lambda image: OTHER) == (
        f"FROM python:3.11@{OTHER} AS build\nFROM python:3.11@{OTHER}\n  image: valkey/valkey:9@{OTHER}\n  image: netra\n"
        f"  image: plain:latest@{OTHER} # x\n"
    )
    assert references(pinned(text, lambda image: OTHER)) == {
        "python:3.11": OTHER,
        "valkey/valkey:9": OTHER,
        "plain:latest": OTHER,
    }


@pytest.fixture
def deploy(tmp_path: Path) -> Path:
    for name in FILES:
        shutil.copy(DEPLOY / name, tmp_path)
    return tmp_path


def docker(place: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program of this name, which answers as the engine would: this machine has no registry of images."""
    program = place / "bin" / "docker"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent) + os.pathsep + "/usr/bin:/bin")


def test_every_image_is_pinned_with_what_its_registry_says(deploy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    docker(deploy, f'case "$*" in *valkey*) echo {OTHER};; *) echo {ONE};; esac', monkeypatch)
    assert main(deploy) == 0
    found = {image: digest for name in FILES for image, digest in references((deploy / name).read_text()).items()}
    assert len(found) == 3
    assert {digest for image, digest in found.items() if "valkey" in image} == {OTHER}
    assert {digest for image, digest in found.items() if "valkey" not in image} == {ONE}


@pytest.mark.parametrize(
    "script",
    ["echo no such host >&2; exit 1", "echo nonsense", f'case "$*" in *postgres*) exit 1;; *) echo {ONE};; esac'],
)
def test_without_a_digest_of_each_nothing_is_written(
    deploy: Path, script: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {name: (deploy / name).read_text() for name in FILES}
    docker(deploy, script, monkeypatch)
    with pytest.raises(SystemExit, match="did not tell the digest"):
        main(deploy)
    assert {name: (deploy / name).read_text() for name in FILES} == before


def test_without_docker_that_is_said(deploy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(SystemExit, match="not installed"):
        main(deploy)


def test_what_is_not_pinned_is_told_and_nothing_that_is() -> None:
    digests = [digest for name in FILES for digest in references((DEPLOY / name).read_text()).values()]
    told = "Base images are named by tag" in (ROOT / "docs/security.md").read_text()
    assert told is (None in digests)
