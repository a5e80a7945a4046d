"""What release 0.1.0 left is opened by today's server and goes on, as if the server had only been started again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from test_framework.server_process import ServerProcess
from test_framework.service_clients import Prepared
from test_framework.websocket_client import TERMINAL_EVENTS, Frame, WebSocketTestClient, websocket_client

from .conftest import EMBEDDED, PATIENCE_S, Left, Opened, opened

KINDS = frozenset(
    {
        *TERMINAL_EVENTS,
        "user_message",
        "run_queued",
        "agent_started",
        "agent_thinking",
        "tool_executing",
        "tool_completed",
        "agent_delta",
        "approval_requested",
        "approval_resolved",
    }
)
"""The events of 0.1.0. What is told now besides them it did not have."""
LATER_MS = 40 * 24 * 3600 * 1000
NOT_COMPARED = frozenset({"ts", "elapsed_ms", "seq", "message", "hint"})
"""When, how long, in which place beside newer events, and words for people."""


@pytest.fixture(scope="module")
def server(
    left: Left, postgres: Prepared | None, model: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Opened]:
    """A server that was started at once."""
    with opened(left, tmp_path_factory.mktemp("opened") / "data", postgres, model) as server:
        server.process.start()
        yield server


async def accepted(client: WebSocketTestClient, frame: Mapping[str, Any]) -> Frame:
    """Send a request; what accepts it, of all that comes meanwhile."""
    await client.send_json({"type": "execute_agent", **frame})
    while (answer := await client.receive_json())["type"] != "accepted":
        assert answer["type"] != "error", answer
    return answer


async def end_of(client: WebSocketTestClient, run_id: str) -> list[Frame]:
    """The events of a run that come, to its last."""
    events: list[Frame] = []
    while not events or events[-1]["type"] not in TERMINAL_EVENTS:
        frame = await client.receive_json()
        assert frame["type"] != "error", frame
        if frame.get("run_id") == run_id and frame["type"] in KINDS:
            events.append(frame)
    return events


async def rest_of(server: Opened, run: Mapping[str, Any]) -> list[Frame]:
    """What followed on what 0.1.0 had told of a run, to its end."""
    known = server.left.frames(run["thread_id"])
    epoch = next(each["epoch"] for each in server.left.record["threads"] if each["thread_id"] == run["thread_id"])
    async with server.device(run["user"]) as client:
        position = {"epoch": epoch, "seq": len(known)}
        await client.send_json({"type": "resume", "positions": {run["thread_id"]: position}})
        return await end_of(client, run["run_id"])


def comparable(value: Any) -> Any:
    """Without what differs between two runs of the same."""
    if isinstance(value, dict):
        return {name: comparable(each) for name, each in value.items() if name not in NOT_COMPARED}
    return [comparable(each) for each in value] if isinstance(value, list) else value


def told(events: Iterable[Frame]) -> list[Frame]:
    """Events to be compared: parts of one text, which are cut by time, are one, and its end has an event of its own since. Calls
    are numbered in their order: a run that had not begun names them in another way."""
    joined: list[Frame] = []
    calls: dict[str, int] = {}
    for event in map(comparable, events):
        if "call_id" in event:
            event["call_id"] = calls.setdefault(event["call_id"], len(calls))
        if event["type"] == "agent_delta":
            for name in ("done", "usage"):
                event.pop(name, None)
        last = joined[-1] if joined else {}
        if event["type"] == "agent_delta" and all(
            last.get(name) == event[name] for name in ("type", "call_id", "attempt")
        ):
            joined[-1] = {**event, "text": last["text"] + event["text"]}
        else:
            joined.append(event)
    return joined


def holds(recorded: Any, now: Any) -> bool:
    """Whether everything that 0.1.0 told is told now; there may be more fields."""
    if isinstance(recorded, dict) and isinstance(now, dict):
        return all(name in now and holds(value, now[name]) for name, value in recorded.items())
    if isinstance(recorded, list) and isinstance(now, list):
        return len(recorded) == len(now) and all(map(holds, recorded, now))
    return bool(recorded == now)


async def test_every_event_is_told_byte_by_byte_as_it_was(server: Opened) -> None:
    for thread in server.left.record["threads"]:
        user, thread_id, frames = thread["user"], thread["thread_id"], thread["frames"]
        assert (await server.frames(user, thread_id))[: len(frames)] == frames
        async with server.device(user) as client:
            await client.send_json({"type": "resume", "positions": {thread_id: {"epoch": thread["epoch"], "seq": 0}}})
            replayed: list[str] = []
            while len(replayed) < len(frames):
                frame = await client.receive_json()
                assert frame["type"] not in ("error", "reset"), frame
                if frame.get("thread_id") == thread_id and frame["type"] in KINDS:
                    replayed.append(client.received[-1])
            assert replayed == frames


async def test_threads_and_datasets_are_listed_as_they_were(server: Opened) -> None:
    for user, recorded in server.left.record["lists"].items():
        async with server.http(user) as http:
            listed = {each["thread_id"]: each for each in (await http.get("/api/threads")).json()["threads"]}
        assert len(listed) >= len(recorded)
        for thread in recorded:
            kept = {name: value for name, value in thread.items() if name not in ("top", "updated_ms")}
            assert holds(kept, listed[thread["thread_id"]])
    async with server.http("ada") as http:
        datasets = (await http.get("/api/usage/datasets")).json()["datasets"]
    assert holds(server.left.record["datasets"], datasets)


async def test_a_request_in_an_old_thread_goes_on_from_what_was_said(server: Opened) -> None:
    old = server.left.record["threads"][0]
    before = [json.loads(frame) for frame in old["frames"]]
    async with server.device(old["user"]) as client:
        frame = {"agent": "teller", "message": "And now?", "thread_id": old["thread_id"]}
        answer = await accepted(client, frame)
        events = await end_of(client, answer["run_id"])
    assert answer["epoch"] == old["epoch"]
    assert [event["seq"] for event in events] == list(range(answer["seq"], answer["seq"] + len(events)))
    assert answer["seq"] > len(before)
    said = [("user", each["text"]) for each in before if each["type"] == "user_message"]
    said += [("agent", each["result"]["text"]) for each in before if each["type"] == "agent_completed"]
    remembered = [(role, text) for role, text in events[-1]["result"]["data"]["before"]]
    assert sorted(said) == sorted(remembered)
    assert remembered[0] == ("user", before[0]["text"])


async def test_what_was_under_way_ends_as_it_would_have(server: Opened) -> None:
    *others, asking = server.left.record["runs"].values()
    for run in others:
        assert holds(told(run["follows"]), told(await rest_of(server, run))), run
    word = server.left.record["approval"]
    async with server.http(word["user"]) as http:
        (waits,) = (await http.get("/api/approvals")).json()["approvals"]
        assert waits["approval_id"] == word["approval_id"]
        body = {"decision": "approve", "arguments_hash": word["arguments_hash"]}
        (await http.post(f"/api/approvals/{word['approval_id']}", json=body)).raise_for_status()
    assert holds(told(asking["follows"]), told(await rest_of(server, asking)))
    for thread in server.left.record["threads"]:
        seqs = [json.loads(frame)["seq"] for frame in await server.frames(thread["user"], thread["thread_id"])]
        assert seqs == list(range(1, len(seqs) + 1))


async def test_a_request_that_is_sent_again_is_answered_as_it_was(server: Opened) -> None:
    for request in server.left.record["requests"]:
        async with server.device(request["user"]) as client:
            assert holds(request["accepted"], await accepted(client, request["frame"]))


async def test_nobody_reaches_what_is_anothers_or_was_deleted(server: Opened) -> None:
    record = server.left.record
    for refusal in record["refusals"]:
        async with server.http(refusal["user"]) as http:
            answer = await http.get(refusal["path"])
        assert (answer.status_code, answer.json()["error"]) == (refusal["status"], refusal["error"]), refusal
    for thread_id, recorded in (
        (record["threads"][0]["thread_id"], record["others_thread"]),
        (record["deleted"]["thread_id"], record["deleted"]["refusal"]),
    ):
        async with server.device("ben") as client:
            frame = {"type": "execute_agent", "agent": "teller", "message": "Mine?", "thread_id": thread_id}
            await client.send_json(frame)
            assert holds(recorded, await client.receive_json())
    async with server.http("ada") as http:
        assert record["deleted"]["thread_id"] not in (await http.get("/api/threads")).text


async def test_who_was_revoked_stays_revoked(server: Opened) -> None:
    for user, status in ((server.left.record["revoked"]["user"], 401), ("ada", 200)):
        async with server.http(user) as http:
            assert (await http.get("/api/me")).status_code == status


async def test_the_audit_trail_keeps_its_rows(server: Opened) -> None:
    for user, recorded in server.left.record["audit"].items():
        async with server.http(user) as http:
            rows = {row["id"]: row for row in (await http.get("/api/audit")).json()["rows"]}
        assert recorded
        assert all(holds(row, rows[row["id"]]) for row in recorded)
    verified = await asyncio.to_thread(server.process.command, "audit", "verify")
    assert verified.returncode == 0, verified.stderr


async def test_a_ticket_that_another_process_had_issued_opens_one_connection(server: Opened) -> None:
    """On PostgreSQL: an embedded server's tickets end with its process."""
    issued = server.left.record["ticket"]
    url = f"{server.process.websocket_url}/ws/user_{issued['user']}?ticket={issued['ticket']}"
    async with websocket_client(url, None, patience=PATIENCE_S) as client:
        first = await client.receive_json()
    assert first["type"] == ("connected" if server.left.store == "postgresql" else "error"), first
    async with websocket_client(url, None, patience=PATIENCE_S) as client:
        assert (await client.receive_json())["type"] == "error"


@pytest.mark.parametrize("left", EMBEDDED, indirect=True)
def test_the_report_has_the_figures_that_it_had(left: Left, tmp_path: Path) -> None:
    left.unpack(tmp_path / "data")
    done = ServerProcess(tmp_path / "data", workers=1).command("report", "--json", "--user", "user_ada")
    assert done.returncode == 0, done.stderr
    now, before = json.loads(done.stdout), left.record["report"]
    summary = ("total_usd", "rows", "requests", "tokens", "period", "reported", "unpriced", "breakdowns")
    assert holds({name: before["summary"][name] for name in summary}, now["summary"])
    assert before["profile"]["failed_rows"] == now["profile"]["failed_rows"]
    assert before["savings"]["bill_usd"] == now["savings"]["bill_usd"]
    bases = {lever["lever"]: lever.get("base_usd") for lever in now["savings"]["levers"]}
    before_bases = {lever["lever"]: lever.get("base_usd") for lever in before["savings"]["levers"]}
    assert any(before_bases.values())
    assert before_bases.items() <= bases.items()
    assert holds(before["anomalies"]["anomalies"], now["anomalies"]["anomalies"])
    assert {name: before["forecast"][name] for name in ("month", "base_usd")}.items() <= now["forecast"].items()


# --- long after ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def later(left: Left, postgres: Prepared | None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    """A server that is started when what lives for a time has died. There is no language model any more."""
    with opened(left, tmp_path_factory.mktemp("later") / "data", postgres, {}, later_ms=LATER_MS) as server:
        server.process.start()
        yield server


async def test_long_after_all_is_told_as_it_was_and_what_was_under_way_ends(later: Opened) -> None:
    record = later.left.record
    ends = {name: (await rest_of(later, run))[-1]["type"] for name, run in record["runs"].items()}
    assert ends == dict.fromkeys(ends, "agent_completed") | {"model_that_speaks": "agent_failed"}
    for thread in record["threads"]:
        frames = await later.frames(thread["user"], thread["thread_id"])
        assert frames[: len(thread["frames"])] == thread["frames"]
    resolved = await rest_of(later, record["runs"]["approval_that_waits"])
    assert [each["decision"] for each in resolved if each["type"] == "approval_resolved"] == ["expired"]


async def test_long_after_tokens_and_idempotency_keys_count_no_more(later: Opened) -> None:
    headers = {"Authorization": f"Bearer {later.left.record['tokens']['ada']}"}
    async with later.http("ada") as http:
        assert (await http.get("/api/me")).status_code == 200
        refusal = await http.get("/api/me", headers=headers)
    assert (refusal.status_code, refusal.json()["error"]) == (401, "token_expired")
    request = later.left.record["requests"][0]
    async with later.device(request["user"]) as client:
        answer = await accepted(client, request["frame"])
        assert (await end_of(client, answer["run_id"]))[-1]["type"] == "agent_completed"
    assert answer["run_id"] != request["accepted"]["run_id"]


async def test_who_was_revoked_may_sign_in_again(later: Opened) -> None:
    async with later.http("dan") as http:
        assert (await http.get("/api/me")).status_code == 200
