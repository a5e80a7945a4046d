"""The load generators count what they say they count, and a run that went wrong is no measurement."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.contestants import PEERS, peers
from benchmarks.generator import Held, run
from benchmarks.server import cpu_seconds, free_port, serving

pytestmark = pytest.mark.performance
FEW = {"replies": 60, "warmup": 0, "seconds": 120}
"""A load that ends by its replies, however slow the machine is."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, int]]:
    """Bare uvicorn, six constant frames a request; its process and its port."""
    port = free_port()
    with serving(
        [sys.executable, str(PEERS / "bare_uvicorn.py"), str(port)], port, tmp_path_factory.mktemp("log") / "log"
    ) as process:
        yield process.pid, port


@pytest.fixture(scope="module")
def port(server: tuple[int, int]) -> int:
    return server[1]


@pytest.fixture(scope="module")
def events_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A server of server-sent events, three a request."""
    directory = tmp_path_factory.mktemp("events")
    program = directory / "events.py"
    program.write_text(
        "import sys, uvicorn\n"
        "async def application(scope, receive, send):\n"
        "    await receive()\n"
        "    good = scope['path'] == '/run'\n"
        "    await send({'type': 'http.response.start', 'status': 200 if good else 500, 'headers': []})\n"
        "    for number in range(3):\n"
        "        await send({'type': 'http.response.body', 'body': b'data: {}\\n\\n', 'more_body': number < 2})\n"
        "uvicorn.run(application, port=int(sys.argv[1]), lifespan='off', log_level='warning')\n"
    )
    port = free_port()
    with serving([sys.executable, str(program), str(port)], port, directory / "log"):
        yield port


@pytest.mark.parametrize("mode", ["closed", "paced"])
def test_a_reply_is_six_frames_and_ends_with_the_named_one(port: int, mode: str) -> None:
    asking = peers()[0].asking
    measured = run("wsload", port=port, connections=3, mode=mode, rate=200, **FEW, **asking)
    assert measured["replies"] >= 60
    assert measured["reply"]["count"] == measured["replies"]
    assert sum(count for _, count in measured["reply"]["buckets"]) == measured["replies"]
    assert abs(measured["frames"] - 6 * measured["replies"]) <= 6 * measured["connections"]
    assert measured["first"]["p50_us"] <= measured["reply"]["p50_us"]


def test_a_refusal_is_no_measurement(port: int) -> None:
    asking = {**peers()[0].asking, "fail": '{"type":"agent_thinking"'}
    with pytest.raises(RuntimeError, match="refusals"):
        run("wsload", port=port, connections=1, **FEW, **asking)


def test_silence_is_no_measurement(port: int) -> None:
    with pytest.raises(RuntimeError, match="no replies"):
        run("wsload", port=port, connections=1, seconds=0.1, warmup=0, **{**peers()[0].asking, "end": "never"})


def test_a_server_that_is_not_there_is_a_fault() -> None:
    with pytest.raises(RuntimeError, match="failed"):
        run("wsload", port=free_port(), connections=1, patience=0.5, **FEW)


def test_the_processor_time_of_a_named_server_is_that_of_the_load(server: tuple[int, int]) -> None:
    pid, port = server
    measured = run("wsload", port=port, connections=10, server=pid, **{**FEW, "replies": 3000}, **peers()[0].asking)
    assert 0 < measured["server_cpu_s"] <= cpu_seconds(pid)


def test_the_processor_time_of_no_process_is_a_fault(port: int) -> None:
    with pytest.raises(RuntimeError, match="failed: load generator: /proc/999999999/stat"):
        run("wsload", port=port, connections=1, server=999_999_999, **FEW, **peers()[0].asking)


def test_clients_come_from_a_file_one_a_line(port: int, tmp_path: Path) -> None:
    clients = tmp_path / "clients"
    clients.write_text("/one\tX-Name: one\n/two\tX-Name: two\n")
    assert run("wsload", port=port, connections=4, clients=clients, **FEW, **peers()[0].asking)["replies"] > 0


def test_held_connections_are_cut_and_come_back(port: int) -> None:
    held = Held(port=port, connections=50)
    try:
        assert held.opened["opened"] == 50
        back = held.cut_and_return()
        assert back["returned"] == 50
        assert back["each"]["count"] == 50
    finally:
        held.close()


def test_events_over_http_are_counted_by_their_data_lines(events_port: int) -> None:
    measured = run("httpload", port=events_port, connections=2, path="/run", body="{}", **FEW)
    assert abs(measured["frames"] - 3 * measured["replies"]) <= 3 * measured["connections"]


def test_a_status_other_than_200_is_no_measurement(events_port: int) -> None:
    with pytest.raises(RuntimeError, match="refusals"):
        run("httpload", port=events_port, connections=1, path="/other", body="{}", **FEW)
