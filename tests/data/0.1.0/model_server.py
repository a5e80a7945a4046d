"""A language model for a server that is written to, or read from, in a test: an OpenAI-compatible server on a loopback address.

It knows nothing of Netra, so that both releases can be given the same one.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Final, Self

MODEL: Final = "gpt-4o-mini"
STOPS_AT: Final = "The kill meets"
FIRST_WORDS: Final = ("The bill ", "was ")
"""All that a model says that is not to end."""
LAST_WORDS: Final = ("$5", " in", " all.")
PAUSE_S: Final = 0.2
"""So long that each of the first words mostly becomes an event of its own."""


class ModelServer:
    """Answers every prompt with the same words. With ``ends=False`` it stops after the first few, and says nothing more, where
    ``STOPS_AT`` is in the prompt."""

    def __init__(self, *, ends: bool) -> None:
        self._ends = ends
        self._closing = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def settings(self) -> Mapping[str, str]:
        """The environment of a server that asks this model."""
        return {
            "NETRA_MODEL": f"openai-chat:{MODEL}",
            "OPENAI_BASE_URL": f"http://127.0.0.1:{self._server.server_port}/v1",
            "OPENAI_API_KEY": "key-of-nobody",
        }

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        model = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                prompt = self.rfile.read(int(self.headers["Content-Length"]))
                ends = model._ends or STOPS_AT.encode() not in prompt
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.send_header("Connection", "close")
                self.end_headers()
                for text in (*FIRST_WORDS, *LAST_WORDS) if ends else FIRST_WORDS:
                    self._chunk([{"index": 0, "finish_reason": None, "delta": {"role": "assistant", "content": text}}])
                    if not ends:
                        model._closing.wait(PAUSE_S)
                if not ends:
                    model._closing.wait()
                    return
                self._chunk([{"index": 0, "finish_reason": "stop", "delta": {}}])
                self._chunk([], usage={"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100})
                self.wfile.write(b"data: [DONE]\n\n")

            def _chunk(self, choices: list[dict[str, Any]], **more: Any) -> None:
                chunk = {
                    "id": "c1",
                    "object": "chat.completion.chunk",
                    "created": 1,
                    "model": MODEL,
                    "choices": choices,
                }
                self.wfile.write(f"data: {json.dumps(chunk | more)}\n\n".encode())
                self.wfile.flush()

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing."""

        return Handler

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
