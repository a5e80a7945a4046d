"""Memory by part: a block belongs to the innermost part on its stack, and nothing is left out of the sum."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.idle_parts import PARTS, REST, by_part, part_of
from benchmarks.machine import ROOT

LOOP = "/usr/lib/python3.11/asyncio/runners.py"
QUEUE = "/usr/lib/python3.11/asyncio/queues.py"
UVICORN = "/venv/site-packages/uvicorn/protocols/websockets/websockets_sansio_impl.py"
LIBRARY = "/venv/site-packages/websockets/http11.py"
OURS = "/src/netra_backend/app/web/sockets/uvicorn_websocket.py"


@pytest.mark.parametrize(
    ("stack", "part"),
    [
        ([LIBRARY, UVICORN, LOOP], "websockets: parser, request and answer"),
        ([QUEUE, UVICORN, OURS, LOOP], "uvicorn's protocol: scope, its queue and events"),
        ([OURS, LOOP], "our part of uvicorn's protocols"),
        ([LOOP, "/src/netra_backend/app/server/uvicorn_server.py"], "transport and callbacks (uvloop)"),
        (["/src/elsewhere.py"], REST),
        ([], REST),
    ],
)
def test_a_block_belongs_to_the_innermost_part_of_its_stack(stack: list[str], part: str) -> None:
    assert part_of(stack) == part


def test_every_block_is_in_the_sum() -> None:
    parts = by_part([([LIBRARY], 600, 3), ([LIBRARY, UVICORN], 200, 1), (["elsewhere"], 100, 1)], connections=10)
    assert parts["websockets: parser, request and answer"] == 80
    assert parts[REST] == 10
    assert sum(parts.values()) == 90
    assert list(parts) == [*PARTS, REST]


def test_every_file_of_ours_that_a_part_names_is_there() -> None:
    named = [name for names in PARTS.values() for name in names if name.startswith(("netra_backend", "benchmarks"))]
    assert [name for name in named if not list(Path(ROOT).glob(f"{name.rstrip('/')}*"))] == []
