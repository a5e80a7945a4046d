"""``/v1`` with OpenAI's own client, against a whole server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest
import pytest_asyncio
from openai import AsyncOpenAI

from netra_backend.app.agents.interface import AgentResult, RunScope
from netra_backend.app.core.doors.thread_ids import alias
from netra_backend.app.core.errors import ToolError
from netra_backend.app.core.limits import Limits
from test_framework.local_runtime import connected_user
from test_framework.served import Serve, Served
from test_framework.users import TestUser

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Reciter:
    """Says its message word by word, each when the test lets it; fails at the word "fail!"."""

    name = "reciter"
    description = "Recites."
    tools: frozenset[str] = frozenset()
    words: asyncio.Semaphore

    async def run(self, scope: RunScope) -> AgentResult:
        """Stream the message."""
        for word in scope.message.split(" "):
            await Reciter.words.acquire()
            if word == "fail!":
                raise ToolError("BROKEN", "It broke.")
            await scope.delta(f"{word} ")
        return AgentResult("".join(f"{word} " for word in scope.message.split(" ")))


class Remembering:
    """Answers with what was said before."""

    name = "remembering"
    description = "Remembers."
    tools: frozenset[str] = frozenset()

    async def run(self, scope: RunScope) -> AgentResult:
        """The messages of the thread."""
        return AgentResult(" | ".join([*[each.text async for each in scope.messages], scope.message]))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chat(serve_anywhere: Serve, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    agents = (Reciter, Remembering)
    async with serve_anywhere(tmp_path_factory.mktemp("openai") / "data", agents=agents) as served:
        yield served


def client_of(served: Served, user: TestUser, **more: Any) -> AsyncOpenAI:
    return AsyncOpenAI(
        base_url=f"{served.url}/v1",
        api_key=user.token,
        max_retries=0,
        http_client=openai.DefaultAsyncHttpxClient(trust_env=False),
        **more,
    )


HELLO: Any = [{"role": "user", "content": "hello"}]


async def kept(chunks: AsyncIterator[Any], seen: list[Any]) -> None:
    """Keep what comes, also if it breaks off."""
    async for chunk in chunks:
        seen.append(chunk)  # noqa: PERF401  # a comprehension would keep nothing of a stream that breaks off


def asking(text: str) -> Any:
    return [{"role": "system", "content": "x"}, {"role": "user", "content": text}]


async def test_agents_are_models(chat: Served) -> None:
    async with client_of(chat, chat.user()) as client:
        models = [model async for model in client.models.list()]
        assert {model.owned_by for model in models} == {"netra"}
        assert {"echo", "reciter", "triage_agent", "cost_optimizer", "supervisor"} <= {model.id for model in models}
        assert (await client.models.retrieve("echo")) in models
        with pytest.raises(openai.NotFoundError, match="There is no agent named 'nobody'"):
            await client.models.retrieve("nobody")


async def test_a_completion_is_a_run_that_all_devices_of_the_user_see(chat: Served) -> None:
    user = chat.user()
    async with client_of(chat, user) as client, connected_user(chat.runtime, user.id) as device:
        raw = await client.chat.completions.with_raw_response.create(model="echo", messages=HELLO)
        answer = raw.parse()
        assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == ("hello", "stop")
        assert (answer.object, answer.model) == ("chat.completion", "echo")
        assert answer.choices[0].message.tool_calls is None
        assert answer.usage is not None
        seen = await device.wire.until("agent_completed")
        assert seen["run_id"] == raw.headers["x-netra-run"] == answer.id.removeprefix("chatcmpl-")
        assert seen["thread_id"] == raw.headers["x-netra-thread"]
    assert len(chat.runtime.pool) == 0


async def test_a_stream_comes_as_it_is_said(chat: Served) -> None:
    Reciter.words = asyncio.Semaphore(0)
    async with client_of(chat, chat.user()) as client:
        stream = await client.chat.completions.create(
            model="reciter", messages=asking("one two three"), stream=True, stream_options={"include_usage": True}
        )
        chunks, said = [], ""
        for word in ("one ", "two ", "three "):
            Reciter.words.release()
            while not said.endswith(word):
                chunks.append(chunk := await anext(stream))
                said += chunk.choices[0].delta.content or ""
        chunks += [chunk async for chunk in stream]
    whole = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert said == whole == "one two three "
    assert chunks[0].choices[0].delta.role == "assistant"
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices and chunk.choices[0].finish_reason] == [
        "stop"
    ]
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None


@pytest.mark.parametrize("stream", [True, False])
async def test_a_run_that_fails_is_an_error_and_never_a_stop(chat: Served, stream: bool) -> None:
    Reciter.words = asyncio.Semaphore(9)
    async with client_of(chat, chat.user()) as client:
        if stream:
            seen: list[Any] = []
            stream_of_it = await client.chat.completions.create(
                model="reciter", messages=asking("one fail!"), stream=True
            )
            with pytest.raises(openai.APIError, match="It broke"):
                await kept(stream_of_it, seen)
            assert seen[-1].choices[0].delta.content == "one "
            assert all(chunk.choices[0].finish_reason is None for chunk in seen)
        else:
            with pytest.raises(openai.InternalServerError, match="It broke") as failed:
                await client.chat.completions.create(model="reciter", messages=asking("one fail!"))
            assert failed.value.status_code == 502


async def test_who_leaves_stops_no_run_and_the_answer_is_in_the_thread(chat: Served) -> None:
    Reciter.words, user = asyncio.Semaphore(0), chat.user()
    async with client_of(chat, user) as client, connected_user(chat.runtime, user.id) as device:
        stream = await client.chat.completions.create(model="reciter", messages=asking("one two"), stream=True)
        await anext(stream)
        await stream.close()
        await chat.until(lambda: len(chat.runtime.connections) == 1)
        Reciter.words.release()
        Reciter.words.release()
        last = await device.ended_run()
        assert last["result"]["text"] == "one two "


async def test_a_stopped_run_is_an_error(chat: Served) -> None:
    user = chat.user()
    async with client_of(chat, user) as client, connected_user(chat.runtime, user.id) as device:
        stream = await client.chat.completions.create(model="patient", messages=HELLO, stream=True)
        device.send(type="cancel_run", run_id=stream.response.headers["x-netra-run"])
        with pytest.raises(openai.APIError, match="stopped by user"):
            [chunk async for chunk in stream]


async def test_a_thread_is_the_clients_by_any_id_that_it_likes_and_by_its_own(chat: Served) -> None:
    user, other = chat.user(), chat.user()
    async with client_of(chat, user) as client, client_of(chat, other) as others:
        for named in ({"metadata": {"thread_id": "chat"}}, {"extra_headers": {"X-OpenWebUI-Chat-Id": "chat"}}):
            answer: Any = await client.chat.completions.create(
                model="remembering",
                messages=asking("a"),
                **named,  # type: ignore[call-overload]
            )
        assert answer.choices[0].message.content == "a | a | a"
        raw = await client.chat.completions.with_raw_response.create(
            model="remembering", messages=asking("b"), metadata={"thread_id": alias(user.id, "openai", "chat")}
        )
        thread_id = raw.headers["x-netra-thread"]
        assert thread_id == alias(user.id, "openai", "chat")
        assert str(raw.parse().choices[0].message.content).endswith(" | b")
        for foreign in ("chat", thread_id, "default"):
            raw = await others.chat.completions.with_raw_response.create(
                model="remembering", messages=asking("c"), extra_headers={"X-Netra-Thread": foreign}
            )
            assert raw.parse().choices[0].message.content == "c"
            assert raw.headers["x-netra-thread"] == alias(other.id, "openai", foreign)
        first = await client.chat.completions.create(model="remembering", messages=asking("new"))
        assert first.choices[0].message.content == "new"


@pytest.mark.validation_point("thread.claim")
async def test_nobody_claims_what_only_anothers_client_can_mean(chat: Served) -> None:
    user, other = chat.user(), chat.user()
    async with connected_user(chat.runtime, other.id) as intruder:
        intruder.send(type="execute_agent", agent="echo", message="mine", thread_id=alias(user.id, "openai", "chat"))
        assert (await intruder.wire.until("error"))["error"] == "isolation_violation"
    async with client_of(chat, user) as client:
        answer = await client.chat.completions.create(model="echo", messages=HELLO, metadata={"thread_id": "chat"})
        assert answer.choices[0].message.content == "hello"


async def test_a_request_that_is_sent_again_with_its_key_is_one_run(chat: Served) -> None:
    user = chat.user()
    async with client_of(chat, user) as client:
        again = {"Idempotency-Key": "key-of-mine"}
        answers = [
            await client.chat.completions.create(model="echo", messages=HELLO, extra_headers=again) for _ in range(3)
        ]
        assert answers[0] == answers[1] == answers[2]
        stream = await client.chat.completions.create(model="echo", messages=HELLO, extra_headers=again, stream=True)
        said = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
        assert said == "hello"
    async with chat.http(user) as http:
        assert len((await http.get("/api/runs")).json()["runs"]) == 1


async def test_a_key_of_the_server_signs_in_and_asks_its_agents_alone(chat: Served) -> None:
    user = chat.user()
    async with chat.http(user) as http:
        made = (await http.post("/api/keys", json={"name": "openai", "agents": ["echo"]})).json()
    program = TestUser(user.id, made["key"])
    async with client_of(chat, program) as client:
        assert [model.id async for model in client.models.list()] == ["echo"]
        answer = await client.chat.completions.create(model="echo", messages=HELLO)
        assert answer.choices[0].message.content == "hello"
        with pytest.raises(openai.NotFoundError):
            await client.chat.completions.create(model="remembering", messages=HELLO)
        stream = await client.chat.completions.create(model="echo", messages=HELLO, stream=True)
        assert [chunk async for chunk in stream]


async def test_a_stream_ends_when_its_sign_in_ends_and_says_that_the_run_goes_on(chat: Served) -> None:
    user = chat.user()
    async with client_of(chat, user) as client:
        stream = await client.chat.completions.create(model="patient", messages=HELLO, stream=True)
        await anext(stream)
        await chat.runtime.revocations.revoke(user.id, chat.runtime.clock.now_ms())
        with pytest.raises(openai.APIError, match="revoked"):
            [chunk async for chunk in stream]
        with pytest.raises(openai.AuthenticationError):
            await client.models.list()


@pytest.mark.validation_point("door.media")
async def test_a_body_that_is_not_said_to_be_json_is_refused(chat: Served) -> None:
    body = b'{"model": "echo", "messages": [%s]}' % ONE
    async with chat.http(chat.user()) as http:
        for media in ("text/plain", "application/x-www-form-urlencoded", "", "application/json2"):
            refused = await http.post("/v1/chat/completions", content=body, headers={"Content-Type": media})
            assert refused.status_code == 415, media
            assert refused.json()["error"]["code"] == "unsupported_media"
        media = "Application/JSON; charset=utf-8"
        assert (await http.post("/v1/chat/completions", content=body, headers={"Content-Type": media})).is_success


async def test_the_bytes_of_long_conversations_count_as_those_of_websockets_do(chat: Served) -> None:
    user, long = chat.user(), b'{"model": "echo", "messages": [%s]}' % ONE + b" " * 2_500_000
    async with chat.http(user, **{"Content-Type": "application/json"}) as http:
        answers = [await http.post("/v1/chat/completions", content=long) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 429]
    assert answers[1].json()["error"]["code"] == "rate_limited"
    assert int(answers[1].headers["retry-after"]) >= 1


async def test_of_a_long_conversation_few_are_read_at_a_time_and_the_last_message_counts(chat: Served) -> None:
    user = chat.user()
    messages = [
        *({"role": "assistant", "content": "x" * 50_000} for _ in range(60)),
        {"role": "user", "content": "last"},
    ]
    async with client_of(chat, user) as client:
        long: Any = messages
        answer = await client.chat.completions.create(model="echo", messages=long)
        assert answer.choices[0].message.content == "last"
        held = [
            chat.http_application.transfers.begin(chat.identity(user))
            for _ in range(chat.runtime.settings.limits.transfers)
        ]
        with pytest.raises(openai.RateLimitError):
            await client.chat.completions.create(model="echo", messages=long)
        assert (await client.chat.completions.create(model="echo", messages=HELLO)).choices
        for each in held:
            each.close()


ONE = b'{"role": "user", "content": "x"}'


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        (b"", 400, None),
        (b"[]", 400, None),
        (b'{"model": "echo"}', 400, None),
        (b'{"model": "echo", "messages": []}', 400, "messages"),
        (b'{"model": "echo", "messages": [{"role": "user", "content": ""}]}', 400, "messages"),
        (b'{"model": "echo", "messages": [{"role": "user", "content": "' + b"x" * 65_537 + b'"}]}', 400, "messages"),
        (b'{"model": "nobody", "messages": []}', 404, "agent"),
        (b'{"model": "echo", "messages": [%s], "metadata": {"thread_id": 5}}' % ONE, 400, "metadata.thread_id"),
        (b'{"model": "echo", "messages": [{"role": "user", "content": "' + b"x" * 4_194_304 + b'"}]}', 413, None),
        (b"[" * 90_000, 400, None),
        (b"[" * 100_001, 413, None),
        (b'{"model": "echo", "messages": [%s], "metadata": {"thread_id": %s}}' % (ONE, b"9" * 5_000), 400, None),
        (b'{"model": "echo", "messages": [%s], "metadata": {"a": 1e999}}' % ONE, 400, None),
        (b'{"model": "echo", "messages": [%s], "metadata": {"thread_id": "\xff"}}' % ONE, 400, None),
        (b'{"model": "echo", "messages": [' + b"{}," * 90_000 + b"{}]}", 400, None),
        (b'{"model": "echo", "messages": [' + b"{}," * 100_000 + b"{}]}", 413, None),
        (b'{"model": "echo", "messages": [%s], "metadata": {"a": "%s"}}' % (ONE, b"x" * 20_000), 400, "metadata"),
    ],
)  # fmt: skip
@pytest.mark.validation_point("door.message", "door.thread", "door.objects")
async def test_what_is_no_request_is_refused_as_its_clients_read_it(
    chat: Served, body: bytes, status: int, field: str | None
) -> None:
    async with chat.http(chat.user()) as http:
        answer = await http.post("/v1/chat/completions", content=body, headers={"Content-Type": "application/json"})
    error = answer.json()["error"]
    assert (answer.status_code, error["type"], error["param"] if field else None) == (
        status,
        "invalid_request_error",
        field,
    )
    assert error["message"]


@pytest.mark.validation_point("door.shared")
async def test_a_client_with_users_of_its_own_does_not_share_one_sign_in_among_them(chat: Served) -> None:
    async with client_of(chat, chat.user()) as client:
        with pytest.raises(openai.PermissionDeniedError, match="a key of their own"):
            await client.chat.completions.create(
                model="echo", messages=HELLO, extra_headers={"X-OpenWebUI-User-Id": "somebody"}
            )


async def test_who_is_not_signed_in_is_told_so(chat: Served) -> None:
    async with client_of(chat, TestUser("nobody", "nk_no-key")) as client:
        with pytest.raises(openai.AuthenticationError) as refused:
            await client.chat.completions.create(model="echo", messages=HELLO)
        assert refused.value.code == "unauthenticated"


async def test_a_stream_in_which_nothing_happens_has_comments(tmp_path: Any, serve_anywhere: Serve) -> None:
    async with (
        serve_anywhere(tmp_path / "data", limits=Limits(door_comment_s=0.05)) as served,
        served.http(served.user()) as http,
    ):
        body = {"model": "patient", "messages": HELLO, "stream": True}
        async with http.stream("POST", "/v1/chat/completions", json=body) as answer:
            assert answer.headers["content-type"] == "text/event-stream"
            assert answer.headers["cache-control"] == "no-cache"
            comments = 0
            async for line in answer.aiter_lines():
                comments += line == ":"
                if comments == 3:
                    break


async def test_more_connections_than_a_user_may_have_are_refused_as_a_rate(chat: Served) -> None:
    user, most = chat.user(), chat.runtime.settings.limits.connections
    Reciter.words = asyncio.Semaphore(0)
    async with client_of(chat, user) as client:
        refused = 0
        streams = []
        for _ in range(most + 2):
            try:
                streams.append(await client.chat.completions.create(model="patient", messages=HELLO, stream=True))
            except openai.RateLimitError:
                refused += 1
        assert refused >= 2
        for stream in streams:
            await stream.close()
    await chat.until(lambda: len(chat.runtime.connections) == 0)
