import io
import json
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from test_framework.object_server import FAULTS_PATH, Misbehaving


def served(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    """Answers with the conditions that it was asked under."""
    body = ",".join(sorted(name for name in environ if name.startswith("HTTP_IF"))).encode() or b"unconditional"
    start("200 OK", [("Content-Length", str(len(body)))])
    return [body]


@pytest.fixture
def server() -> Misbehaving:
    return Misbehaving(served)


def asked(server: Misbehaving, method: str, path: str, body: bytes = b"", **more: str) -> tuple[str, int, bytes]:
    """Status, told length and body of an answer."""
    told: list[Any] = []
    environ = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
        **more,
    }
    answer = b"".join(server(environ, lambda status, headers: told.extend((status, dict(headers)))))
    return told[0], int(told[1]["Content-Length"]), answer


def tell(server: Misbehaving, kind: str, **fault: Any) -> None:
    told = json.dumps([{"kind": kind, "times": 1, **fault}]).encode()
    assert asked(server, "PUT", FAULTS_PATH, told)[0] == "200 OK"


def test_nothing_goes_wrong_untold(server: Misbehaving) -> None:
    assert asked(server, "GET", "/b/k") == ("200 OK", 13, b"unconditional")


@pytest.mark.parametrize(("kind", "status"), [("500", "500 Refused"), ("403", "403 Refused"), ("lost", "500 Lost")])
def test_a_request_is_refused_once_where_it_was_told(server: Misbehaving, kind: str, status: str) -> None:
    tell(server, kind, method="PUT", key="/k")
    assert asked(server, "GET", "/b/k")[0] == asked(server, "PUT", "/b/other")[0] == "200 OK"
    assert asked(server, "PUT", "/b/k") == (status, 0, b"")
    assert asked(server, "PUT", "/b/k")[0] == "200 OK"


def test_a_body_is_altered_or_cut_under_the_length_of_the_whole(server: Misbehaving) -> None:
    tell(server, "altered")
    assert asked(server, "GET", "/b/k") == ("200 OK", 13, b"unconditionam")
    tell(server, "cut")
    assert asked(server, "GET", "/b/k") == ("200 OK", 13, b"uncond")


def test_a_condition_is_ignored(server: Misbehaving) -> None:
    assert asked(server, "PUT", "/b/k", HTTP_IF_MATCH='"t"')[2] == b"HTTP_IF_MATCH"
    tell(server, "ignored")
    assert asked(server, "PUT", "/b/k", HTTP_IF_NONE_MATCH="*")[2] == b"unconditional"
