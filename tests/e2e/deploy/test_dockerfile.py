"""The image, as far as it can be had without an engine: each step of the Dockerfile is really taken, in a directory that
stands for the root, and what comes of it serves."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from urllib.request import urlopen

import pytest

from test_framework.reaper import in_child

ROOT = Path(__file__).resolve().parents[3]
DEPLOY = ROOT / "deploy"
PLACES = re.compile(r"(?<![\w.])/(opt|src|data)(?=[/\s\"':]|$)")
KEEPS_NO_CACHE = ("PIP_NO_CACHE_DIR", "UV_NO_CACHE")
"""What an image wants and a test does not: downloading everything anew."""

Instruction = tuple[str, str]


def instructions(text: str) -> list[Instruction]:
    """The instructions of a Dockerfile in their order."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in joined.splitlines() if line)]


@dataclass
class Taken:
    """The steps that were taken below ``root``, and what the image says of itself."""

    root: Path
    environment: dict[str, str] = field(default_factory=dict)
    told: dict[str, str] = field(default_factory=dict)
    here: str = "/"

    def placed(self, text: str) -> str:
        """The same with the root's directories below our root, and the image's user as ourselves."""
        ours = f"{os.getuid()}:{os.getgid()}"
        return PLACES.sub(lambda match: f"{self.root}/{match[1]}", text).replace("10001:10001", ours)

    def take(self, word: str, rest: str) -> None:
        if word == "FROM":
            self.environment, self.here = {}, "/"
        elif word == "ENV":
            self.environment |= dict(re.findall(r"(\w+)=(\S+)", rest))
        elif word == "WORKDIR":
            self.here = rest
            self._cwd().mkdir(exist_ok=True)
        elif word == "COPY":
            self._copy(rest.split())
        elif word == "RUN":
            self._run(rest)
        else:
            self.told[word] = rest

    def _copy(self, words: list[str]) -> None:
        if words[0].startswith("--from"):
            return  # both stages have one root here
        *sources, target = words
        for source in sources:
            to = self._cwd() / target / ("" if (ROOT / source).is_dir() else Path(source).name)
            to.parent.mkdir(parents=True, exist_ok=True)
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, self._cwd() / target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(ROOT / source, to)

    def _run(self, command: str) -> None:
        done = subprocess.run(
            ["sh", "-ec", self.placed(command)],
            cwd=self._cwd(),
            env=self.variables(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"RUN {command}\n{done.stderr}"

    def _cwd(self) -> Path:
        return Path(self.placed(self.here)) if self.here != "/" else self.root

    def variables(self) -> dict[str, str]:
        """The image's environment, with this machine's python for the base image's and its ways to an index."""
        passed = {
            name: value
            for name, value in os.environ.items()
            if name in ("HOME", "LANG", "SSL_CERT_FILE")
            or name.lower().endswith("_proxy")
            or name[:3] in ("UV_", "PIP")
        }
        own = {name: self.placed(value) for name, value in self.environment.items() if name not in KEEPS_NO_CACHE}
        path = f"{own.get('PATH', '')}:{Path(sys.executable).parent}:{os.environ['PATH']}".lstrip(":")
        return {"UV_SYSTEM_CERTS": "1", **passed, **own, "PATH": path}


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Taken:
    """Every instruction taken."""
    root = tmp_path_factory.mktemp("root")
    for place in ("opt", "src"):
        (root / place).mkdir()
    taken = Taken(root)
    for word, rest in instructions((DEPLOY / "Dockerfile").read_text()):
        taken.take(word, rest)
    return taken


@pytest.fixture
def server(image: Taken) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """What the image starts, on the loopback; the process and where it listens."""
    command = [*json.loads(image.told["ENTRYPOINT"]), *json.loads(image.told["CMD"])]
    program = shutil.which(command[0], path=image.variables()["PATH"])
    assert program == str(image.root / "opt/netra/bin/netra")
    chosen = {"NETRA_HOST": "127.0.0.1", "NETRA_PORT": "0", "NETRA_JWT_SECRET": "s" * 32}
    with subprocess.Popen(
        [program, *command[1:]],
        env={**image.variables(), **chosen},
        cwd=image.root / "data",
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        preexec_fn=in_child(),
    ) as process:
        assert process.stdout is not None
        yield process, json.loads(process.stdout.readline())["url"]
        process.kill()


def below(root: Path) -> dict[str, float]:
    return {str(path): path.lstat().st_mtime for path in sorted(root.rglob("*"))}


@pytest.mark.long
def test_the_image_serves_is_healthy_by_its_own_check_and_writes_only_its_data(
    image: Taken, server: tuple[subprocess.Popen[str], str]
) -> None:
    process, url = server
    before = below(image.root / "opt")
    check = json.loads(image.told["HEALTHCHECK"].partition("CMD ")[2])
    port = url.rpartition(":")[2]
    variables = {**image.variables(), "NETRA_PORT": port}
    asked = subprocess.run(check, env=variables, capture_output=True, text=True, check=False)
    assert asked.returncode == 0, asked.stderr
    with urlopen(f"{url}/readyz") as ready:
        assert json.load(ready)["status"] == "ready"
    process.terminate()
    assert process.wait(15) == 0
    assert below(image.root / "opt") == before
    assert (image.root / "data" / "netra" / "events.db").is_file()
    assert not (image.root / "data" / "netra" / "triage").exists(), "triage was trained again"
    stopped = subprocess.run(check, env=variables, capture_output=True, check=False)
    assert stopped.returncode != 0


@pytest.mark.long
def test_it_runs_as_nobody_in_particular_and_stops_by_a_drain(image: Taken) -> None:
    assert image.told["USER"] == "10001:10001"
    assert image.told["STOPSIGNAL"] == "SIGTERM"
    assert image.told["VOLUME"] == "/data"
    assert image.environment["NETRA_DATA_DIR"].startswith("/data/")


def test_everything_that_is_copied_is_let_into_the_build_and_nothing_else() -> None:
    lines = (DEPLOY / "Dockerfile.dockerignore").read_text().split()
    assert lines[0] == "*"
    let_in = {line[1:] for line in lines if line.startswith("!")}
    copied = {
        source
        for word, rest in instructions((DEPLOY / "Dockerfile").read_text())
        if word == "COPY" and not rest.startswith("--from")
        for source in rest.split()[:-1]
    }
    assert copied == let_in
    assert all((ROOT / each).exists() for each in let_in)
    assert not any(fnmatch(each, "**/__pycache__") for each in let_in)
