"""``/api/chat`` with the AI SDK's own chat, on Node: over a whole server, cut and resumed, decided, asked again."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from netra_backend.app.agents.interface import AgentResult, RunScope
from netra_backend.app.core.doors.thread_ids import alias
from netra_backend.app.core.errors import ToolError
from test_framework.local_runtime import connected_user
from test_framework.served import Serve, Served
from test_framework.users import TestUser

ROOT = Path(__file__).parents[4]
CLIENT = Path(__file__).with_name("ai_sdk_client.mjs")
WITHIN_S = 60

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(
        not (ROOT / "node_modules" / "ai").is_dir() or shutil.which("node") is None,
        reason="Node 20 and its packages are missing: apt-get install nodejs npm; make node_modules/.installed",
    ),
]


class Slow:
    """Says two words; the second one when the test lets it."""

    name = "slow"
    description = "Takes its time."
    tools: frozenset[str] = frozenset()
    may_go_on: asyncio.Event

    async def run(self, scope: RunScope) -> AgentResult:
        """Stream, wait, stream."""
        await scope.delta("one ")
        await Slow.may_go_on.wait()
        await scope.delta("two")
        return AgentResult("one two")


class Failing:
    """Fails after a word."""

    name = "failing"
    description = "Fails."
    tools: frozenset[str] = frozenset()

    async def run(self, scope: RunScope) -> AgentResult:
        """Say something, then fail."""
        await scope.say("one")
        raise ToolError("BROKEN", "It broke.")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served(serve_anywhere: Serve, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    async with serve_anywhere(tmp_path_factory.mktemp("ai-sdk") / "data", agents=(Slow, Failing)) as server:
        yield server


class Client:
    """The program that runs the SDK's chat."""

    def __init__(self, served: Served, user: TestUser) -> None:
        self._start = (served.url, user.token)
        self._process: asyncio.subprocess.Process | None = None

    async def begin(self, chat: str, *steps: dict[str, Any], agent: str = "echo", **more: Any) -> None:
        given = json.dumps({"id": chat, "agent": agent, "steps": steps, **more})
        self._process = await asyncio.create_subprocess_exec(
            "node",
            CLIENT,
            *self._start,
            given,
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    async def states(self) -> list[dict[str, Any]]:
        """What the client has after each step."""
        assert self._process is not None
        async with asyncio.timeout(WITHIN_S):
            out, err = await self._process.communicate()
        assert self._process.returncode == 0, err.decode()
        return [json.loads(line) for line in out.splitlines()]

    async def did(self, chat: str, *steps: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
        await self.begin(chat, *steps, **more)
        return await self.states()


def said(message: dict[str, Any]) -> str:
    return "|".join(part["text"] for part in message["parts"] if part["type"] == "text")


def call_of(message: dict[str, Any]) -> dict[str, Any]:
    (found,) = [part for part in message["parts"] if part["type"] == "dynamic-tool"]
    return dict(found)


async def test_a_chat_is_a_thread_that_all_devices_see(served: Served) -> None:
    user = served.user()
    async with connected_user(served.runtime, user.id) as device:
        first, second = await Client(served, user).did("chat", {"send": "hello"}, {"send": "again"})
        seen = await device.wire.until("agent_completed")
    assert seen["thread_id"] == alias(user.id, "ai-sdk", "chat")
    assert (first["status"], first["faults"], len(first["messages"])) == ("ready", [], 2)
    answer = first["messages"][1]
    assert (said(answer), answer["id"], answer["metadata"]["threadId"]) == (
        "hello",
        f"msg_{seen['run_id']}",
        seen["thread_id"],
    )
    call = call_of(answer)
    assert (call["toolName"], call["state"], call["output"]["text"]) == ("repeat", "output-available", "hello")
    assert [said(message) for message in second["messages"]] == ["hello", "hello", "again", "again"]


@pytest.mark.parametrize(
    ("decide", "text", "state"), [(True, "allowed", "output-available"), (False, "denied", "output-denied")]
)
async def test_a_call_waits_for_the_clients_decision_and_the_message_goes_on(
    served: Served, decide: bool, text: str, state: str
) -> None:
    user = served.user()
    asked, decided = await Client(served, user).did(
        "chat", {"send": "hello"}, {"decide": decide, "reason": "because"}, agent="waiting"
    )
    assert (call_of(asked["messages"][1])["state"], said(asked["messages"][1])) == ("approval-requested", "")
    answer = decided["messages"][1]
    assert (call_of(answer)["state"], said(answer), decided["faults"]) == (state, text, [])
    assert len(decided["messages"]) == 2
    async with served.http(user) as http:
        assert len((await http.get("/api/runs")).json()["runs"]) == 1


async def test_who_leaves_and_comes_back_has_the_whole_answer_once(served: Served) -> None:
    user, Slow.may_go_on = served.user(), asyncio.Event()
    left = (await Client(served, user).did("chat", {"leave": "hello"}, agent="slow"))[-1]
    assert said(left["messages"][-1]) == "one "
    back = Client(served, user)
    await back.begin("chat", {"resume": True}, agent="slow", messages=left["messages"][:1])
    await served.until(lambda: len(served.runtime.connections) == 1)
    Slow.may_go_on.set()
    resumed = (await back.states())[-1]
    assert [said(message) for message in resumed["messages"]] == ["hello", "one two"]
    assert resumed["faults"] == []
    nothing = (await Client(served, user).did("chat", {"resume": True}, messages=resumed["messages"]))[-1]
    assert nothing["messages"] == resumed["messages"]


async def test_an_answer_is_made_again_in_its_place(served: Served) -> None:
    user = served.user()
    first, again = await Client(served, user).did("chat", {"send": "hello"}, {"regenerate": True})
    assert [said(message) for message in again["messages"]] == ["hello", "hello"]
    assert again["messages"][1]["id"] != first["messages"][1]["id"]
    async with served.http(user) as http:
        thread_id = alias(user.id, "ai-sdk", "chat")
        told = (await http.get(f"/api/threads/{thread_id}/events")).json()["events"]
    assert [event["type"] for event in told].count("run_superseded") == 1


async def test_a_run_that_fails_or_is_stopped_is_an_error(served: Served) -> None:
    user = served.user()
    failed = (await Client(served, user).did("chat", {"send": "hello"}, agent="failing"))[-1]
    assert failed["status"] == "error"
    assert failed["faults"][0].startswith("It broke.")
    client = Client(served, user)
    async with connected_user(served.runtime, user.id) as device:
        await client.begin("other", {"send": "hello"}, agent="patient")
        started = await device.wire.until("agent_started")
        device.send(type="cancel_run", run_id=started["run_id"])
        stopped = (await client.states())[-1]
    assert said(stopped["messages"][-1]) == ""


async def test_two_users_with_one_chat_have_two(served: Served) -> None:
    ada, bob = served.user(), served.user()
    states = await asyncio.gather(*(Client(served, user).did("chat", {"send": user.id}) for user in (ada, bob)))
    for user, (state,) in zip((ada, bob), states, strict=True):
        assert [said(message) for message in state["messages"]] == [user.id, user.id]
    stolen = alias(ada.id, "ai-sdk", "chat")
    nothing = (await Client(served, bob).did(stolen, {"resume": True}, messages=[]))[-1]
    assert nothing["messages"] == []
    (state,) = await Client(served, bob).did(stolen, {"send": "mine"})
    assert state["messages"][1]["metadata"]["threadId"] == alias(bob.id, "ai-sdk", stolen)


async def test_a_decision_about_anothers_run_is_as_one_about_nothing(served: Served) -> None:
    ada, bob = served.user(), served.user()
    asked = (await Client(served, ada).did("chat", {"send": "hello"}, agent="waiting"))[-1]
    message = asked["messages"][1]
    call = call_of(message)
    decided = {**call, "state": "approval-responded", "approval": {**call["approval"], "approved": True}}
    answers = []
    for run_id in (message["metadata"]["runId"], "run_absent"):
        stolen = {**message, "id": f"msg_{run_id}", "parts": [decided]}
        async with served.http(bob) as http:
            answers.append(await http.post("/api/chat", json={"id": "chat", "messages": [stolen]}))
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].content == answers[1].content
    async with served.http(ada) as http:
        assert len((await http.get("/api/approvals")).json()["approvals"]) == 1


async def decided_by_key(served: Served, user: TestUser, answers: int) -> tuple[str, dict[str, Any]]:
    """A key of this user's, and a message by it with so many decisions on nothing, and one on a call that waits."""
    asked = (await Client(served, user).did("chat", {"send": "hello"}, agent="waiting"))[-1]
    message = asked["messages"][1]
    call, run_id = call_of(message), message["metadata"]["runId"]
    parts = [
        {**call, "state": "approval-responded", "approval": {"id": approval_id, "approved": True}}
        for approval_id in (*(f"apr_{run_id}.x{n}" for n in range(answers)), call["approval"]["id"])
    ]
    async with served.http(user) as http:
        made = (await http.post("/api/keys", json={"name": "ci"})).json()
    return made["key"], {"id": "chat", "messages": [{**message, "parts": parts}]}


async def test_as_many_decisions_count_as_a_run_may_ask_for(served: Served) -> None:
    user, most = served.user(), served.runtime.settings.limits.run_questions
    key, body = await decided_by_key(served, user, most)
    async with served.http(None, Authorization=f"Bearer {key}") as program:
        answer = await program.post("/api/chat", json=body)
    assert "approval" not in answer.text.partition('"type":"start"')[0]
    async with served.http(user) as http:
        assert len((await http.get("/api/approvals")).json()["approvals"]) == 1
    body["messages"][0]["parts"] = body["messages"][0]["parts"][-1:]
    async with served.http(None, Authorization=f"Bearer {key}") as program:
        assert '"delta":"allowed"' in (await program.post("/api/chat", json=body)).text


async def test_a_key_that_is_deleted_amid_its_decisions_decides_no_more(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = served.user()
    key, body = await decided_by_key(served, user, 1)
    answer_of, decided = served.runtime.runs.commands.answer, list[str]()

    async def deleting(requester: Any, frame: Any, **by: Any) -> None:
        decided.append(frame.question_id)
        (made,) = await served.runtime.api_keys.of(user.id)
        await served.runtime.api_keys.delete(user.id, made.key_id)
        await answer_of(requester, frame, **by)

    monkeypatch.setattr(served.runtime.runs.commands, "answer", deleting)
    async with served.http(None, Authorization=f"Bearer {key}") as program:
        ended = await program.post("/api/chat", json=body)
    assert len(decided) == 1
    assert "revoked" in ended.text
    async with served.http(user) as http:
        assert len((await http.get("/api/approvals")).json()["approvals"]) == 1
