"""Run budgets on a real server that asks a real HTTP model: refused when they are used up, and also after ``kill -9``."""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from netra_backend.app.core.budgets import most_tokens
from test_framework.server_process import ServerProcess
from test_framework.waiting import until

pytestmark = pytest.mark.long

AGENT = """
class Asks:
    name, description, tools = "asks", "Asks the model.", frozenset()

    async def run(self, scope):
        from netra_server import AgentResult
        return AgentResult((await scope.ask_model(scope.message, max_tokens=10)).text)


AGENTS = [Asks]
"""
ESTIMATE = most_tokens("one") + 10
USED = 25
Serve = Callable[[int], ServerProcess]


class Model(ThreadingHTTPServer):
    """A language model that speaks the OpenAI protocol; ``hangs`` holds back its next answer for ever."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.asked: list[dict[str, Any]] = []
        self.hangs = threading.Event()


class _Answer(BaseHTTPRequestHandler):
    server: Model

    def do_POST(self) -> None:
        self.server.asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        if self.server.hangs.is_set():
            self.server.hangs.clear()
            self.rfile.read(1)  # until whoever asked is gone
            return
        usage = {"prompt_tokens": 20, "completion_tokens": 5, "total_tokens": USED}
        for more in (
            {"choices": [{"index": 0, "delta": {"role": "assistant", "content": "Yes."}, "finish_reason": None}]},
            {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
            {"choices": [], "usage": usage},
        ):
            chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o-mini", **more}
            self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())
        self.wfile.write(b"data: [DONE]\n\n")

    def log_message(self, format: str, *given: Any) -> None:
        """Nobody reads it."""


@pytest.fixture
def model() -> Iterator[Model]:
    with Model() as model:
        serving = threading.Thread(target=model.serve_forever)
        serving.start()
        yield model
        model.shutdown()
        serving.join()


@pytest.fixture
def serve(tmp_path: Path, model: Model) -> Iterator[Serve]:
    """``serve(tokens)``: a server whose users may spend so many tokens a day."""
    (tmp_path / "asking.py").write_text(AGENT)
    with ExitStack() as stack:

        def serve(tokens: int) -> ServerProcess:
            data_dir = tmp_path / "data"
            data_dir.mkdir(mode=0o700)
            (data_dir / "plans.toml").write_text(f"[plans.free.budget]\nday = {{ usd = 1, tokens = {tokens} }}\n")
            settings = {
                "NETRA_DEFAULT_PLAN": "free",
                "NETRA_MODEL": "openai-chat:gpt-4o-mini",
                "OPENAI_BASE_URL": f"http://127.0.0.1:{model.server_port}/v1",
                "OPENAI_API_KEY": "key-of-nobody",
            }
            server = ServerProcess(data_dir, settings, app="asking", workers=1, directory=tmp_path)
            stack.callback(server.close)
            return server.start()

        yield serve


def ask(server: ServerProcess, *more: str) -> dict[str, Any]:
    """The last event of a run that asks the model."""
    told = server.command("ask", "--agent", "asks", "one", "--json", *more)
    last: dict[str, Any] = json.loads(told.stdout.splitlines()[-1])
    return last


def spent(server: ServerProcess) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(server.command("budget", "--json").stdout)["day"]
    return told


def test_what_is_used_up_is_refused_and_told_to_user_and_report(serve: Serve, model: Model) -> None:
    server = serve(USED + ESTIMATE)
    assert [ask(server)["type"] for _ in range(2)] == ["agent_completed"] * 2
    refused = ask(server)
    assert (refused["type"], refused["error"]) == ("agent_failed", "budget_exceeded")
    assert "The next one begins on" in refused["message"]
    assert len(model.asked) == 2
    told = spent(server)
    assert (told["spent_tokens"], told["spent_usd"], told["most_usd"]) == (2 * USED, "0.000012", "1")
    report = json.loads(server.command("report", "--json").stdout)
    assert (report["summary"]["requests"], report["summary"]["total_usd"]) == (2, "0.000012")


async def test_an_attempt_that_a_kill_cut_off_counts_as_its_estimate(serve: Serve, model: Model) -> None:
    server = serve(2 * ESTIMATE)
    model.hangs.set()
    words = ("from netra_backend.app.cli import main; main()", "ask", "--agent", "asks", "one")
    asking = await asyncio.create_subprocess_exec(sys.executable, "-c", *words, env=server.environment())
    try:
        await until(lambda: len(model.asked) == 1)
        server.kill()
    finally:
        asking.kill()
        await asking.wait()
    server.start()
    await until(lambda: len(model.asked) == 2)
    await until(lambda: spent(server)["spent_tokens"] == ESTIMATE + USED)
    assert ask(server)["error"] == "budget_exceeded"
    assert len(model.asked) == 2
