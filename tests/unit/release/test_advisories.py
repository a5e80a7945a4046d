"""``make audit``: real auditors ask an index on this machine; what was not asked about is never called clean."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from release.advisories import CONTROL, Verdict, exit_code, layers, main, node_verdict, python_verdict
from release.locks import LOCKS, ROOT, Locked, read_lock


def package(name: str, version: str = "1.0", marker: str = "") -> Locked:
    return Locked(name, version, marker, ("a" * 64,), ())


class Index:
    """An index of advisories that speaks OSV's API and npm's; ``known`` is the advisories by name and version."""

    def __init__(self) -> None:
        self.known: dict[tuple[str, str], str] = {(CONTROL.name, CONTROL.version): "GHSA-known-since-2019"}
        self.node: dict[str, Any] = {}
        self.status = 200
        self.asked: list[tuple[str, str]] = []
        index = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                answer = index.node if self.path.startswith("/-/npm/") else index.advisories(body)
                self.answer(answer, index.status)

            def do_GET(self) -> None:
                name = self.path.strip("/")
                version = json.loads((ROOT / "package-lock.json").read_text())["packages"][f"node_modules/{name}"][
                    "version"
                ]
                versions = {version: {"name": name, "version": version}}
                self.answer({"name": name, "versions": versions, "dist-tags": {"latest": version}}, index.status)

            def answer(self, answer: dict[str, Any], status: int) -> None:
                data = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def advisories(self, body: bytes) -> dict[str, Any]:
        if body.startswith(b"\x1f\x8b"):
            body = gzip.decompress(body)
        query = json.loads(body)
        name, version = query["package"]["name"], query["version"]
        self.asked.append((name, version))
        if (name, version) not in self.known:
            return {}
        ranges = [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "9.9"}]}]
        affected = [{"package": {"name": name, "ecosystem": "PyPI"}, "ranges": ranges}]
        return {"vulns": [{"id": self.known[name, version], "summary": "bad", "affected": affected}]}


@pytest.fixture
def index() -> Iterator[Index]:
    index = Index()
    thread = Thread(target=index.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield index
    index.server.shutdown()
    index.server.server_close()
    thread.join()


@pytest.mark.long
def test_every_locked_version_is_asked_about_on_whatever_machine(index: Index) -> None:
    packages = [each for lock in LOCKS.glob("*.lock") for each in read_lock(lock)]
    locked = {(each.name, each.version) for each in packages}
    verdict = python_verdict(packages, index.url)
    assert set(index.asked) == locked | {(CONTROL.name, CONTROL.version)}
    assert verdict == Verdict("Python", len(locked))


def test_an_advisory_is_told_with_the_version_that_mends_it(index: Index) -> None:
    index.known["second", "2.0"] = "GHSA-new"
    verdict = python_verdict([package("first"), package("second"), package("second", "2.0", "x")], index.url)
    assert verdict.found == ("second 2.0: GHSA-new, mended in 9.9",)
    assert verdict.unknown == ""
    assert exit_code([verdict], required=False) == 1


def test_an_index_that_knows_nothing_about_a_bad_release_counts_as_none(index: Index) -> None:
    index.known.clear()
    verdict = python_verdict([package("first")], index.url)
    assert "knows no advisory about" in verdict.unknown
    assert ("first", "1.0") not in index.asked


@pytest.mark.parametrize("status", [404, 405, 500])
def test_an_index_that_refuses_counts_as_none(index: Index, status: int) -> None:
    index.status = status
    verdict = python_verdict([package("first")], index.url)
    assert "No index of advisories answered" in verdict.unknown


def test_without_an_index_a_person_is_told_and_whoever_requires_it_fails(
    unused_tcp_port: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nothing = f"http://127.0.0.1:{unused_tcp_port}"
    (tmp_path / "one.lock").write_text(f"first==1.0 \\\n    --hash=sha256:{'a' * 64}\n    # via netra-server\n")
    node = Verdict("Node", 7)
    assert main(["--osv-url", nothing], node=lambda: node, locks=tmp_path) == 0
    told = capsys.readouterr().out
    assert "! Python: NOT AUDITED." in told
    assert "✓ Node: no advisory is known about 7 packages." in told
    assert "✓ Python" not in told
    assert "This is no clean result." in told
    assert main(["--osv-url", nothing, "--required"], node=lambda: node, locks=tmp_path) == 3


def test_what_is_found_weighs_more_than_what_is_not_known() -> None:
    found, unknown, clean = Verdict("a", 2, ("x",)), Verdict("b", 0, unknown="y"), Verdict("c", 3)
    assert exit_code([clean, unknown], required=False) == 0
    assert exit_code([clean], required=True) == 0
    assert exit_code([clean, unknown], required=True) == 3
    assert exit_code([unknown, found], required=True) == exit_code([unknown, found], required=False) == 1
    assert Verdict("a", 1, ("x",), "y").lines() == ["✗ a: x", "! a: NOT AUDITED. y"]


def test_no_list_names_a_package_twice_and_no_version_is_left_out() -> None:
    packages = [package("a"), package("b"), package("a", "2.0"), package("a"), package("a", "3.0"), package("b", "2.0")]
    found = layers(packages)
    assert [[(each.name, each.version) for each in layer] for layer in found] == [
        [("a", "1.0"), ("b", "1.0")],
        [("a", "2.0"), ("b", "2.0")],
        [("a", "3.0")],
    ]


def test_the_tools_of_the_page_are_asked_about(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("npm_config_registry", index.url)
    clean = node_verdict()
    assert (clean.found, clean.unknown) == ((), "")
    assert clean.asked > 50
    index.node = {
        "eslint": [{"id": 1, "url": "x", "title": "bad", "severity": "high", "vulnerable_versions": "<99", "cwe": []}]
    }
    assert any(each.startswith("eslint") and each.endswith("high") for each in node_verdict().found)


def test_an_index_of_npm_that_does_not_answer_is_told(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("npm_config_registry", index.url)
    index.status = 405
    assert "did not answer" in node_verdict().unknown
    monkeypatch.setenv("PATH", "")
    assert node_verdict().unknown == "npm is not installed."
