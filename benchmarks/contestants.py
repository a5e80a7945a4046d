"""Who is measured, and how each is asked. Every one does the same: a request in, five or six events out, no model."""

from __future__ import annotations

import json
import subprocess
import sys
import venv
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .machine import ROOT, WORKSHOP
from .server import free_port, serving

PEERS = Path(__file__).parent / "peers"
PEER_PYTHON = ROOT / "var" / "bench-venv" / "bin" / "python"
LANGGRAPH_HOME = WORKSHOP / "langgraph"
QUESTION = "What is up?"


@dataclass(frozen=True, slots=True)
class Peer:
    """One peer: the command that serves on a port, and the words of the generator that asks it."""

    name: str
    guarantees: str
    command: Callable[[int], list[str]]
    generator: str
    asking: Mapping[str, str]
    cwd: Path = ROOT
    env: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_agent_server(self) -> bool:
        return self.generator == "httpload"

    @contextmanager
    def serving(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Serve until the block ends; the id of the process, and the words that the generator needs."""
        self.cwd.mkdir(parents=True, exist_ok=True)
        port = free_port()
        log = WORKSHOP / "logs" / f"{self.name.replace(' ', '-')}.log"
        with serving(self.command(port), port, log, cwd=self.cwd, env=self.env) as process:
            yield process.pid, {"port": port, **self.asking}


def peers() -> list[Peer]:
    """All peers, first the yardsticks: bare uvicorn as it ships with us, then with the uvloop that joins writes."""
    request = json.dumps({"type": "execute_agent", "id": "{client}-{serial}", "agent": "golden", "message": QUESTION})
    return [
        Peer(
            "bare uvicorn, no work",
            "none",
            lambda port: [sys.executable, str(PEERS / "bare_uvicorn.py"), str(port)],
            "wsload",
            {"message": request, "end": '{"type":"agent_completed"'},
        ),
        Peer(
            "bare uvicorn, joined writes",
            "none",
            _script("bare_uvicorn.py"),
            "wsload",
            {"message": request, "end": '{"type":"agent_completed"'},
        ),
        Peer(
            "python-socketio, bare handler",
            "none",
            _script("socketio_bare.py"),
            "wsload",
            {
                "path": "/socket.io/?EIO=4&transport=websocket",
                "greet": "40",
                "ready": "40",
                "message": f'42["execute_agent",{request}]',
                "end": '42["event",{"type":"agent_completed"',
            },
        ),
        Peer(
            "Django Channels, bare consumer",
            "none",
            _script("channels_bare.py"),
            "wsload",
            {"path": "/ws", "message": request, "end": '{"type": "agent_completed"'},
        ),
        Peer(
            "Agno AgentOS",
            "none",
            _script("agno_server.py"),
            "httpload",
            {
                "path": "/agents/golden/runs",
                "type": "application/x-www-form-urlencoded",
                "body": "message=What+is+up%3F&stream=true&user_id=user-{client}&session_id=s-{client}-{serial}",
            },
        ),
        Peer(
            "Google ADK api server",
            "sessions in memory",
            lambda port: [*_script("adk_server.py")(port), str(WORKSHOP)],
            "httpload",
            {
                "path": "/run_sse",
                "body": json.dumps(
                    {
                        "app_name": "golden",
                        "user_id": "user-{client}",
                        "session_id": "s-{client}-{serial}",
                        "new_message": {"role": "user", "parts": [{"text": QUESTION}]},
                    }
                ),
            },
        ),
        Peer(
            "LangGraph dev server",
            "runs in memory",
            _langgraph,
            "httpload",
            {
                "path": "/runs/stream",
                "body": json.dumps(
                    {"assistant_id": "golden", "input": {"question": QUESTION}, "stream_mode": ["custom"]}
                ),
            },
            cwd=LANGGRAPH_HOME,
            env={
                "PYTHONPATH": str(PEERS),
                "LANGGRAPH_CLI_NO_ANALYTICS": "1",
                "LANGSMITH_TRACING": "false",
                "LOG_LEVEL": "error",
            },
        ),
    ]


def install_peers() -> None:
    """Make the peers' environment, from its lock, where it is not there yet."""
    lock = ROOT / "requirements" / "bench.lock"
    home = PEER_PYTHON.parent.parent
    stamp = home / ".installed"
    if stamp.exists() and stamp.read_text() == lock.read_text():
        return
    print(f"Installing the peers into {home.relative_to(ROOT)}", flush=True)
    venv.create(home, with_pip=True, clear=True)
    uv = Path(sys.executable).with_name("uv")
    attempts = [[str(uv), "pip", "install", "--python", str(PEER_PYTHON)], [str(PEER_PYTHON), "-m", "pip", "install"]]
    for attempt in attempts:
        if Path(attempt[0]).exists():
            done = subprocess.run([*attempt, "--quiet", "--require-hashes", "-r", str(lock)], cwd=ROOT, check=False)
            if done.returncode == 0:
                stamp.write_text(lock.read_text())
                return
    raise SystemExit("The peers cannot be installed; `--without-peers` measures without them.")


def _script(name: str) -> Callable[[int], list[str]]:
    return lambda port: [str(PEER_PYTHON), str(PEERS / name), str(port)]


def _langgraph(port: int) -> list[str]:
    """Its configuration names the graph by path, relative to where it runs, and it keeps files there: so, a place apart."""
    graph = f"{PEERS / 'langgraph_graph.py'}:graph"
    (LANGGRAPH_HOME / "langgraph.json").write_text(json.dumps({"dependencies": ["."], "graphs": {"golden": graph}}))
    program = str(PEER_PYTHON.with_name("langgraph"))
    return [program, "dev", "--no-browser", "--no-reload", "--server-log-level", "error", "--port", str(port)]
