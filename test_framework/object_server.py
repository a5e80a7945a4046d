"""A real S3-compatible server for tests, a program of its own: moto's, on loopback, in memory.

``python -m test_framework.object_server PORT``. Requests are served one at a time: an object store decides a conditional write as
one step, and moto's threads do not. Buckets are made by whoever needs one.

It misbehaves on demand: ``PUT /-/faults`` with ``[{"kind": …, "method": …, "key": …, "times": n}]`` makes the next requests of
that method whose path contains ``key`` go wrong. Kinds: ``500`` and ``403`` (refused before anything is done), ``lost`` (done,
and answered with 500), ``cut`` (half of the body, with the length of the whole), ``altered`` (another body of the same length),
``ignored`` (a conditional write is served as an unconditional one).
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Iterable
from typing import Any

FAULTS_PATH = "/-/faults"
READY = "ready to accept connections"
_CONDITIONS = ("HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH")

Start = Callable[..., Any]
Wsgi = Callable[[dict[str, Any], Start], Iterable[bytes]]


class Misbehaving:
    """A WSGI application that serves another one's answers, one request at a time, unless it was told not to."""

    def __init__(self, served: Wsgi) -> None:
        self._served = served
        self._one_at_a_time = threading.Lock()
        self._faults: list[dict[str, Any]] = []

    def __call__(self, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        with self._one_at_a_time:
            if environ["PATH_INFO"] == FAULTS_PATH:
                self._faults = json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
                return _answer(start, "200 OK", [], b"")
            kind = self._fault_of(environ)
            if kind in ("500", "403"):
                return _answer(start, f"{kind} Refused", [], b"")
            if kind == "ignored":
                for name in _CONDITIONS:
                    environ.pop(name, None)
            status, headers, body = _whole(self._served, environ)
            if kind == "lost":
                return _answer(start, "500 Lost", [], b"")
            if kind == "altered":
                body = body[:-1] + bytes([body[-1] ^ 1])
            if kind == "cut":
                body = body[: len(body) // 2]  # under the length of the whole, which the headers tell
            return _answer(start, status, headers, body)

    def _fault_of(self, environ: dict[str, Any]) -> str | None:
        for fault in self._faults:
            fits = (
                fault.get("method") in (None, environ["REQUEST_METHOD"])
                and fault.get("key", "") in environ["PATH_INFO"]
            )
            if fits and fault["times"] > 0:
                fault["times"] -= 1
                kind: str = fault["kind"]
                return kind
        return None


def _whole(served: Wsgi, environ: dict[str, Any]) -> tuple[str, list[tuple[str, str]], bytes]:
    told: list[Any] = []

    def start(status: str, headers: list[tuple[str, str]], *_: Any) -> None:
        told.extend((status, headers))

    body = b"".join(served(environ, start))
    return told[0], told[1], body


def _answer(start: Start, status: str, headers: list[tuple[str, str]], body: bytes) -> list[bytes]:
    start(status, headers or [("Content-Length", str(len(body)))])
    return [body]


def main() -> None:
    """Serve on loopback until somebody ends the process."""
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
    from werkzeug.serving import make_server

    served = Misbehaving(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", int(sys.argv[1]), served, threaded=True, request_handler=MotoRequestHandler)
    print(READY, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
