"""The endpoints: each is tried with what is the owner's and with what does not exist, and must give the same bytes.

The one exception, by specification: ``execute_agent`` on another's thread says ``SSOT isolation``, since a thread id is
claimed by whoever uses it first. At every other endpoint the owner is served too, so that an endpoint which serves nobody is
not taken for one that refuses.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable
from typing import Any, Final

from . import credentials
from .actor import DrillFailed, Frame
from .judging import LEAKED, REFUSED, Attempt, Row, Stage, by_frame, by_http, is_refusal, judged, opened, shown

_FORBIDDEN: Final = 403
_POLLS: Final = 10
_BETWEEN_POLLS_S: Final = 0.2


async def thread(stage: Stage) -> Row:
    """Speak in another's thread."""
    asked = {"type": "execute_agent", "agent": stage.agent, "message": "let me in", "thread_id": stage.has.thread_id}
    answer = await stage.intruder.say(asked)
    refused = answer["type"] == "error" and "SSOT isolation" in str(answer.get("message"))
    return Row("use another user's thread", REFUSED if refused else LEAKED, shown(answer))


async def run(stage: Stage) -> Row:
    """Cancel another's run."""
    mine = stage.has.run_id
    return await by_frame(
        "cancel another user's run", stage, lambda id: {"type": "cancel_run", "run_id": id}, mine, "run", False
    )


async def run_record(stage: Stage) -> Row:
    """Read another's run."""
    return await by_http("read another user's run", stage, "GET", "/api/runs/{}", stage.has.run_id, "run")


async def thread_runs(stage: Stage) -> Row:
    """List the runs of another's thread."""
    path = "/api/runs?thread_id={}"
    return await by_http("list the runs of another user's thread", stage, "GET", path, stage.has.thread_id, "thr")


async def run_page(stage: Stage) -> Row:
    """Read another's result as a page."""
    return await by_http(
        "read another user's result as a page", stage, "GET", "/api/runs/{}/html", stage.has.run_id, "run"
    )


async def export(stage: Stage) -> Row:
    """Export another's thread."""
    path = "/api/threads/{}/export"
    return await by_http("export another user's thread", stage, "GET", path, stage.has.thread_id, "thr")


async def events(stage: Stage) -> Row:
    """Read another's events."""
    path = "/api/threads/{}/events"
    return await by_http("read another user's events", stage, "GET", path, stage.has.thread_id, "thr")


async def title(stage: Stage) -> Row:
    """Rename another's thread."""
    body = b'{"title": "renamed in a drill"}'
    return await by_http(
        "rename another user's thread", stage, "PATCH", "/api/threads/{}", stage.has.thread_id, "thr", body
    )


async def resume_position(stage: Stage) -> Row:
    """Resume from another's position."""

    def frame(id: str) -> Frame:
        return {"type": "resume", "positions": {id: {"epoch": stage.has.epoch, "seq": 0}}}

    return await by_frame("resume another user's thread", stage, frame, stage.has.thread_id, "thr", True)


async def _claimed(endpoint: str, stage: Stage, claim: Callable[[str], Frame], mine: str, kind: str) -> Row:
    absent = stage.has.absent(kind)
    asked = {"type": "execute_agent", "agent": stage.agent, "message": "as another user"}
    foreign = await stage.intruder.say(asked | claim(mine))
    nothing = await stage.intruder.say(asked | claim(absent))
    return judged(endpoint, foreign, nothing, mine, absent)


async def tool_context(stage: Stage) -> Row:
    """Have tools run in another's context."""
    mine = stage.owner.user_id
    return await _claimed(
        "run tools in another user's context", stage, lambda id: {"context": {"user_id": id}}, mine, "user"
    )


async def user_id(stage: Stage) -> Row:
    """Send a frame in another's name."""
    return await _claimed("send another user's id", stage, lambda id: {"user_id": id}, stage.owner.user_id, "user")


async def connection_id(stage: Stage) -> Row:
    """Have events sent to another's connection."""
    mine = stage.owner.connection_id
    return await _claimed(
        "use another user's connection id", stage, lambda id: {"context": {"connection_id": id}}, mine, "conn"
    )


async def path_user(stage: Stage) -> Row:
    """Connect at another's path."""
    mine, absent = stage.owner.user_id, stage.has.absent("user")
    first, code = await stage.intruder.line.knock(mine)
    other, other_code = await stage.intruder.line.knock(absent)
    foreign, nothing = json.loads(first) | {"close": code}, json.loads(other) | {"close": other_code}
    return judged("connect as another user", foreign, nothing, mine, absent)


async def cache_key(stage: Stage) -> Row:
    """Get the answer that is kept under another's idempotency key."""
    accepted = await stage.intruder.run(stage.agent, "the same key", id=stage.has.key)
    theirs = (accepted["run_id"], accepted["thread_id"])
    own = stage.has.run_id not in theirs and stage.has.thread_id not in theirs
    return Row(
        "reuse another user's idempotency key",
        REFUSED if own else LEAKED,
        "started a run of its own" if own else "got the owner's run",
    )


async def chat_completion(stage: Stage) -> Row:
    """Ask in another's thread by the protocol of OpenAI: as for a name that nobody uses, it must be a thread of one's own."""
    endpoint, path = "ask in another user's thread as a client of OpenAI's", "/v1/chat/completions"
    message = {"role": "user", "content": "what was said here?"}
    asked = {"model": stage.agent, "messages": [message], "metadata": {"thread_id": stage.has.thread_id}}
    body = json.dumps(asked).encode()
    foreign = await stage.intruder.line.http("POST", path, body, media="application/json")
    if is_refusal(foreign):
        return Row(endpoint, REFUSED, shown(foreign))
    run_id = str(json.loads(foreign.body).get("id")).removeprefix("chatcmpl-")
    mine = await stage.owner.line.http("GET", f"/api/runs?thread_id={stage.has.thread_id}")
    opened(endpoint, mine)
    if run_id.encode() in mine.body or stage.has.canary.encode() in foreign.body:
        return Row(endpoint, LEAKED, "asked in the owner's thread")
    opened(endpoint, await stage.owner.line.http("POST", path, body, media="application/json"))
    return Row(endpoint, REFUSED, "asked in a thread of its own")


async def chat(stage: Stage) -> Row:
    """Ask in another's thread, and have its answer resumed, by the protocol of the AI SDK."""
    endpoint, thread_id = "ask in another user's thread as a client of the AI SDK", stage.has.thread_id
    message = {
        "id": stage.has.absent("msg"),
        "role": "user",
        "parts": [{"type": "text", "text": "what was said here?"}],
    }
    body = json.dumps({"id": thread_id, "agent": stage.agent, "messages": [message]}).encode()
    foreign = await stage.intruder.line.http("POST", "/api/chat", body, media="application/json")
    resumed = await stage.intruder.line.http("GET", f"/api/chat/{thread_id}/stream")
    told = foreign.body + resumed.body
    if thread_id.encode() in told or stage.has.canary.encode() in told:
        return Row(endpoint, LEAKED, "asked in the owner's thread")
    opened(endpoint, await stage.owner.line.http("POST", "/api/chat", body, media="application/json"))
    return Row(endpoint, REFUSED, "asked in a thread of its own")


async def dataset(stage: Stage) -> Row:
    """Delete another's dataset."""
    path = "/api/usage/datasets/{}"
    return await by_http("delete another user's dataset", stage, "DELETE", path, stage.has.dataset_id, "ds")


async def file(stage: Stage) -> Row:
    """Read another's file."""
    return await by_http("read another user's file", stage, "GET", "/api/files/{}", stage.has.file_id, "file")


async def blob(stage: Stage) -> Row:
    """Read a blob of another's thread: one that an event of it names, where there is one."""
    endpoint, thread_id = "read another user's blob", stage.has.thread_id
    exported = await stage.owner.line.http("GET", f"/api/threads/{thread_id}/export")
    opened(endpoint, exported)
    lines = [json.loads(line) for line in exported.body.splitlines()]
    refs = [str(line["ref"]) for line in lines if line["kind"] == "blob"]
    mine, absent = (refs or [_absent_ref(stage)])[0], _absent_ref(stage)
    path = f"/api/threads/{thread_id}/blobs/"
    foreign = await stage.intruder.line.http("GET", path + mine)
    nothing = await stage.intruder.line.http("GET", path + absent)
    row = judged(endpoint, foreign, nothing, mine, absent)
    if refs:
        opened(endpoint, await stage.owner.line.http("GET", path + mine))
    return row


def _absent_ref(stage: Stage) -> str:
    return hashlib.sha256(stage.has.absent("blob").encode()).hexdigest()


async def file_deletion(stage: Stage) -> Row:
    """Delete another's file."""
    return await by_http("delete another user's file", stage, "DELETE", "/api/files/{}", stage.has.file_id, "file")


async def dataset_report(stage: Stage) -> Row:
    """Have another's dataset reported on."""
    path = "/api/usage/report?dataset_id={}"
    return await by_http("another's dataset, reported", stage, "GET", path, stage.has.dataset_id, "ds")


def _listing(endpoint: str, path: str) -> Attempt:
    async def listed(stage: Stage) -> Row:
        has = stage.has
        secrets = (
            has.thread_id,
            has.run_id,
            has.dataset_id,
            has.file_id,
            has.canary,
            stage.owner.user_id,
            stage.owner.connection_id,
        )
        for _ in range(_POLLS):
            mine = await stage.owner.line.http("GET", path)
            opened(endpoint, mine)
            if any(secret.encode() in mine.body for secret in secrets):
                break
            await asyncio.sleep(_BETWEEN_POLLS_S)  # another process may have recorded it a moment ago
        else:
            raise DrillFailed(f"{endpoint}: the owner's own list shows nothing that the drill could look for")
        answer = await stage.intruder.line.http("GET", path)
        leaked = [secret for secret in secrets if secret.encode() in answer.body]
        told = f"contains {', '.join(leaked)}" if leaked else "nothing of the owner's"
        return Row(endpoint, LEAKED if leaked else REFUSED, f"{answer.status}, {told}")

    return listed


async def audit_trail(stage: Stage) -> Row:
    """Read another's audit rows: the owner is refused something first, so that there is a row to look for."""
    await stage.owner.say({"type": "ping", "force_factory_recreation": True})
    return await _listing("read another user's audit trail", "/api/audit")(stage)


async def operator(stage: Stage) -> Row:
    """See every user's connections, as an operator may."""
    answer = await stage.intruder.line.http("GET", "/api/admin/connections")
    return Row("use an operator endpoint", REFUSED if answer.status == _FORBIDDEN else LEAKED, shown(answer))


async def everything_heard(stage: Stage) -> Row:
    """What the intruder was told in all."""
    leaked: list[Any] = [text for text in stage.intruder.heard if stage.has.canary in text]
    return Row(
        "receive another user's events",
        LEAKED if leaked else REFUSED,
        f"{len(stage.intruder.heard)} frames, {len(leaked)} of the owner's",
    )


ENDPOINTS: Final[tuple[Attempt, ...]] = (
    thread,
    run,
    run_record,
    thread_runs,
    run_page,
    events,
    export,
    blob,
    title,
    resume_position,
    tool_context,
    user_id,
    connection_id,
    path_user,
    cache_key,
    chat_completion,
    chat,
    _listing("list another user's threads", "/api/threads"),
    _listing("list another user's runs", "/api/runs"),
    _listing("list another user's datasets", "/api/usage/datasets"),
    _listing("another's cost report", "/api/usage/report"),
    dataset_report,
    _listing("list another user's files", "/api/files"),
    file,
    file_deletion,
    *credentials.ENDPOINTS,
    audit_trail,
    operator,
    dataset,
    everything_heard,
)
"""In order: the owner of file and dataset deletes them to show that it can; what was heard is judged last."""
