"""The client against a scripted server on a loopback socket: what it does when the connection does not hold."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import msgspec
import pytest
from websockets.asyncio.server import ServerConnection, serve

from netra_backend.app.core.events import AgentCompleted
from netra_backend.client.client import MAX_PROVISIONAL, MOST_RESUMED, NetraClient
from netra_backend.client.errors import Closed, HandshakeRefused, Refused, TokenExpired

Script = Callable[["Peer"], Awaitable[None]]
PATIENCE_S = 20


class Peer:
    """The server's side of one connection."""

    def __init__(self, socket: ServerConnection) -> None:
        self.socket = socket

    async def says(self, *frames: dict[str, Any]) -> None:
        for frame in frames:
            await self.socket.send(json.dumps(frame))

    async def hears(self, kind: str) -> dict[str, Any]:
        while True:
            frame: dict[str, Any] = json.loads(await self.socket.recv())
            if frame["type"] == kind:
                return frame

    async def welcomes(self, **limits: int) -> None:
        await self.says(
            {
                "type": "connected",
                "connection_id": "conn_1",
                "user_id": "alice",
                "protocol": 1,
                "heartbeat_ms": 20000,
                "limits": limits,
            }
        )


def _event(kind: str, seq: int, run: str = "run_1", **own: Any) -> dict[str, Any]:
    return {"type": kind, "thread_id": "thread_1", "run_id": run, "seq": seq, "ts": 0, **own}


def _accepted(frame: dict[str, Any], seq: int = 1) -> dict[str, Any]:
    return {
        "type": "accepted",
        "id": frame["id"],
        "thread_id": "thread_1",
        "epoch": "e1",
        "run_id": "run_1",
        "seq": seq,
    }


LIVE = {"type": "live", "thread_id": "thread_1", "epoch": "e1", "seq": 4}
RUN = (
    _event("user_message", 1, request_id="req_1", agent="echo", text="hi"),
    _event("agent_started", 2, agent="echo", request_id="req_1"),
    _event("agent_thinking", 3, text="…"),
    _event("agent_completed", 4, result={"text": "hi", "data": {}}, usage={}, elapsed_ms=1),
)


@asynccontextmanager
async def _scripted(*scripts: Script) -> AsyncIterator[tuple[str, list[str]]]:
    """A server whose n-th connection follows the n-th script; its address, and the paths that were asked for."""
    left = list(scripts)
    paths: list[str] = []
    faults: list[BaseException] = []

    async def follow(socket: ServerConnection) -> None:
        assert socket.request is not None
        paths.append(socket.request.path)
        script = left.pop(0) if left else None
        if script is None:
            await socket.wait_closed()
            return
        try:
            await script(Peer(socket))
        except AssertionError as fault:
            faults.append(fault)

    async with serve(follow, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", paths
    assert not faults


async def _cut_within_a_run(peer: Peer) -> None:
    await peer.welcomes()
    await peer.says(_accepted(await peer.hears("execute_agent")), *RUN[:2])
    await peer.socket.close(1012, "draining")


async def _answer(client: NetraClient) -> list[int]:
    async with asyncio.timeout(PATIENCE_S):
        return [event.seq async for event in client.ask("hi", agent="echo")]


async def test_a_run_is_followed_from_its_message_to_its_end() -> None:
    async def whole(peer: Peer) -> None:
        await peer.welcomes()
        asked = await peer.hears("execute_agent")
        assert asked["agent"] == "echo"
        await peer.says(_accepted(asked), *RUN)
        await peer.socket.wait_closed()

    async with _scripted(whole) as (url, paths), NetraClient(url, "token", user_id="alice") as client:
        assert await _answer(client) == [1, 2, 3, 4]
    assert paths == ["/ws/alice"]


async def test_after_a_cut_it_resumes_where_it_stood_and_gives_every_event_once() -> None:
    resumed: list[dict[str, Any]] = []

    async def rest(peer: Peer) -> None:
        await peer.welcomes()
        resumed.append(await peer.hears("resume"))
        await peer.says(*RUN[1:], LIVE)
        await peer.socket.wait_closed()

    states: list[str] = []
    async with (
        _scripted(_cut_within_a_run, rest) as (url, _),
        NetraClient(url, "token", user_id="alice", told=states.append) as client,
    ):
        assert await _answer(client) == [1, 2, 3, 4]
    assert resumed[0]["positions"] == {"thread_1": {"epoch": "e1", "seq": 2}}
    assert states[:3] == ["connected", "reconnecting", "connected"]


async def test_a_request_that_was_not_accepted_is_sent_again_under_the_same_key() -> None:
    asked: list[dict[str, Any]] = []

    async def lose(peer: Peer) -> None:
        await peer.welcomes()
        asked.append(await peer.hears("execute_agent"))
        await peer.socket.close(4409, "no_pong")

    async def take(peer: Peer) -> None:
        await peer.welcomes()
        asked.append(await peer.hears("execute_agent"))
        await peer.says(_accepted(asked[1]), *RUN)
        await peer.socket.wait_closed()

    async with _scripted(lose, take) as (url, _), NetraClient(url, "token", user_id="alice") as client:
        assert await _answer(client) == [1, 2, 3, 4]
    assert asked[0] == asked[1]
    assert asked[0]["id"]


async def test_a_hole_is_not_taken_but_resumed() -> None:
    async def holed(peer: Peer) -> None:
        await peer.welcomes()
        await peer.says(_accepted(await peer.hears("execute_agent")), RUN[0], RUN[3])
        assert (await peer.hears("resume"))["positions"]["thread_1"]["seq"] == 1
        await peer.says(*RUN[1:], LIVE)
        await peer.socket.wait_closed()

    async with _scripted(holed) as (url, _), NetraClient(url, "token", user_id="alice") as client:
        assert await _answer(client) == [1, 2, 3, 4]


async def test_a_heartbeat_that_tells_of_more_makes_it_resume() -> None:
    async def quiet(peer: Peer) -> None:
        await peer.welcomes()
        await peer.says(_accepted(await peer.hears("execute_agent")), *RUN[:2])
        await peer.says({"type": "heartbeat", "tops": {"thread_1": 4}})
        await peer.hears("resume")
        await peer.says(*RUN[2:], LIVE)
        await peer.socket.wait_closed()

    async with _scripted(quiet) as (url, _), NetraClient(url, "token", user_id="alice") as client:
        assert await _answer(client) == [1, 2, 3, 4]


async def test_a_reset_makes_it_take_the_thread_from_its_oldest_event() -> None:
    async def reset(peer: Peer) -> None:
        await peer.welcomes()
        await peer.says(_accepted(await peer.hears("execute_agent"), seq=9))
        await peer.says({"type": "reset", "thread_id": "thread_1", "epoch": "e2", "oldest": 1, "top": 4})
        assert (await peer.hears("resume"))["positions"] == {"thread_1": {"epoch": "e2", "seq": 0}}
        await peer.says(*RUN, LIVE)
        await peer.socket.wait_closed()

    async with _scripted(reset) as (url, _), NetraClient(url, "token", user_id="alice") as client:
        assert await _answer(client) == [1, 2, 3, 4]


async def test_an_event_of_a_new_epoch_that_comes_before_its_reset_is_not_taken_for_one_of_the_old() -> None:
    async def restored(peer: Peer) -> None:
        await peer.welcomes()
        await peer.hears("resume")
        other = _event("agent_thinking", 3, run="run_2", text="of another history")
        await peer.says(other, {"type": "reset", "thread_id": "thread_1", "epoch": "e2", "oldest": 1, "top": 4})
        await peer.hears("resume")
        await peer.says(*RUN, LIVE)
        await peer.socket.wait_closed()

    async with _scripted(_cut_within_a_run, restored) as (url, _), NetraClient(url, "token", user_id="alice") as client:
        async with asyncio.timeout(PATIENCE_S):
            events = [event async for event in client.ask("hi", agent="echo")]
    assert [event.seq for event in events] == [1, 2, 1, 2, 3, 4]
    assert {event.run_id for event in events} == {"run_1"}


async def test_a_long_replay_is_given_while_it_comes() -> None:
    released = asyncio.Event()

    async def long(peer: Peer) -> None:
        await peer.welcomes()
        await peer.hears("resume")
        await peer.says(*(_event("agent_thinking", seq, text="") for seq in range(1, MAX_PROVISIONAL + 2)))
        await released.wait()

    async with _scripted(long) as (url, _), NetraClient(url, "token", user_id="alice") as client:
        async with asyncio.timeout(PATIENCE_S):
            count = 0
            async for _ in client.follow("thread_1", after=0):
                count += 1
                if count == MAX_PROVISIONAL + 1:
                    break
        released.set()


async def test_a_refusal_is_raised_with_its_frame() -> None:
    async def refuse(peer: Peer) -> None:
        await peer.welcomes()
        asked = await peer.hears("execute_agent")
        await peer.says(
            {
                "type": "error",
                "error": "run_limit",
                "message": "No.",
                "hint": "Wait.",
                "retryable": True,
                "id": asked["id"],
            }
        )
        await peer.socket.wait_closed()

    async with _scripted(refuse) as (url, _), NetraClient(url, "token", user_id="alice") as client:
        with pytest.raises(Refused) as told:
            await _answer(client)
    assert told.value.frame.error == "run_limit"


async def test_a_code_that_says_not_to_come_back_ends_it_while_a_run_is_followed() -> None:
    async def revoke(peer: Peer) -> None:
        await peer.welcomes()
        await peer.says(_accepted(await peer.hears("execute_agent")), RUN[0])
        await peer.socket.close(4503, "revoked")

    async with _scripted(revoke) as (url, paths), NetraClient(url, "token", user_id="alice") as client:
        with pytest.raises(Closed) as told:
            await _answer(client)
    assert told.value.code == 4503
    assert len(paths) == 1


async def test_a_sign_in_that_is_refused_is_raised_when_it_opens() -> None:
    async def refuse(peer: Peer) -> None:
        await peer.socket.close(4501, "unauthenticated")

    async with _scripted(refuse) as (url, _):
        with pytest.raises(Closed) as told:
            async with NetraClient(url, "token", user_id="alice"):
                pass
    assert told.value.code == 4501


async def test_it_gives_up_where_no_server_answers_for_too_long() -> None:
    async with _scripted() as (url, _):
        pass
    with pytest.raises(Closed):
        async with NetraClient(url, "token", user_id="alice", patience_s=0.0):
            pass


async def test_cancelling_and_deciding_are_commands_with_answers() -> None:
    heard: list[dict[str, Any]] = []

    async def commands(peer: Peer) -> None:
        await peer.welcomes()
        for kind in ("cancel_run", "resolve_approval", "resolve_approval", "answer_question"):
            frame = await peer.hears(kind)
            heard.append(frame)
            await peer.says({"type": "accepted", "id": frame["id"]})
        await peer.socket.wait_closed()

    async with _scripted(commands) as (url, _), NetraClient(url, "token", user_id="alice") as client:
        async with asyncio.timeout(PATIENCE_S):
            await client.cancel("run_1")
            await client.resolve("apr_1", "approve", "abc")
            await client.resolve("apr_1", "approve", "abc", reason="r", arguments={"n": 1}, remember=True)
            await client.answer("qst_1", None)
            with pytest.raises(msgspec.ValidationError):
                await client.resolve("apr_1", "maybe", "abc")
    assert heard[0]["run_id"] == "run_1"
    assert (heard[1]["approval_id"], heard[1]["decision"], heard[1]["arguments_hash"]) == ("apr_1", "approve", "abc")
    assert "arguments" not in heard[1]
    assert (heard[2]["reason"], heard[2]["arguments"], heard[2]["remember"]) == ("r", {"n": 1}, True)
    assert (heard[3]["question_id"], heard[3]["answer"]) == ("qst_1", None)


async def test_a_thread_can_be_followed_from_its_beginning() -> None:
    async def history(peer: Peer) -> None:
        await peer.welcomes()
        assert (await peer.hears("resume"))["positions"] == {"thread_1": {"epoch": "", "seq": 0}}
        await peer.says(*RUN, LIVE)
        await peer.socket.wait_closed()

    seen = []
    async with _scripted(history) as (url, _), NetraClient(url, "token", user_id="alice") as client:
        async with asyncio.timeout(PATIENCE_S):
            async for event in client.follow("thread_1", after=0):
                seen.append(event.seq)
                if isinstance(event, AgentCompleted):
                    break
    assert seen == [1, 2, 3, 4]


# --- refused messages -----------------------------------------------------------------------------------------------


def _error(error: str, **more: Any) -> dict[str, Any]:
    return {"type": "error", "error": error, "message": "No.", "hint": "Mend it.", "retryable": False, **more}


async def _all_heard(peer: Peer) -> list[str]:
    """The types of what comes in, until a ``resolve_approval`` does."""
    heard: list[str] = []
    while True:
        frame = json.loads(await peer.socket.recv())
        if frame["type"] == "resolve_approval":
            await peer.says({"type": "accepted", "id": frame["id"]})
            return heard
        heard.append(frame["type"])


@pytest.mark.parametrize("error", ["invalid_json", "invalid_frame", "unknown_type", "payload_too_large"])
async def test_a_message_that_the_server_cannot_name_is_refused_and_never_sent_again(error: str) -> None:
    heard: list[str] = []

    async def refuse(peer: Peer) -> None:
        await peer.welcomes()
        await peer.hears("cancel_run")
        await peer.says(_error(error))
        await peer.socket.close(1012)

    async def listen(peer: Peer) -> None:
        await peer.welcomes()
        heard.extend(await _all_heard(peer))
        await peer.socket.wait_closed()

    async with _scripted(refuse, listen) as (url, _), NetraClient(url, "token", user_id="alice") as client:
        async with asyncio.timeout(PATIENCE_S):
            with pytest.raises(Refused) as told:
                await client.cancel("run_1")
            await client.resolve("apr_1", "approve", "abc")
    assert told.value.frame.error == error
    assert heard == []


async def test_a_message_that_made_the_server_close_with_1009_is_refused_and_the_rest_is_sent_again() -> None:
    heard: list[str] = []

    async def overflow(peer: Peer) -> None:
        await peer.welcomes()
        for _ in range(2):
            await peer.socket.recv()
        await peer.socket.close(1009)

    async def listen(peer: Peer) -> None:
        await peer.welcomes()
        frame = json.loads(await peer.socket.recv())
        heard.append(frame["type"])
        await peer.says({"type": "accepted", "id": frame["id"]})
        heard.extend(await _all_heard(peer))
        await peer.socket.wait_closed()

    async with _scripted(overflow, listen) as (url, _), NetraClient(url, "token", user_id="alice") as client:
        async with asyncio.timeout(PATIENCE_S):
            cancelling = asyncio.create_task(client.cancel("run_1"))
            with pytest.raises(Refused) as told:
                await client.start("long " * 1000)
            await cancelling
            await client.resolve("apr_1", "approve", "abc")
    assert told.value.frame.error == "payload_too_large"
    assert heard == ["cancel_run"]


async def test_a_server_that_has_enough_of_faults_ends_it_and_hears_no_more() -> None:
    async def enough(peer: Peer) -> None:
        await peer.welcomes()
        await peer.hears("execute_agent")
        await peer.socket.close(4510, "too_many_faults")

    async with _scripted(enough) as (url, paths), NetraClient(url, "token", user_id="alice") as client:
        with pytest.raises(Closed) as told:
            await _answer(client)
        with pytest.raises(Closed):
            await client.cancel("run_1")
    assert told.value.code == 4510
    assert len(paths) == 1


async def test_what_is_too_long_or_no_text_is_refused_before_it_is_sent() -> None:
    heard: list[str] = []

    async def listen(peer: Peer) -> None:
        await peer.welcomes(bytes=500)
        heard.extend(await _all_heard(peer))
        await peer.socket.wait_closed()

    async with _scripted(listen) as (url, _), NetraClient(url, "token", user_id="alice") as client:
        async with asyncio.timeout(PATIENCE_S):
            for message, error in (("x" * 500, "payload_too_large"), ("half \ud83d", "invalid_json")):
                with pytest.raises(Refused) as told:
                    await client.start(message)
                assert told.value.frame.error == error
            await client.resolve("apr_1", "approve", "abc")
    assert heard == []


async def test_a_command_before_the_welcome_is_sent_once() -> None:
    heard: list[str] = []
    connecting, asked = asyncio.Event(), asyncio.Event()

    async def first(peer: Peer) -> None:
        await peer.welcomes()
        await peer.socket.close(1012)

    async def slow(peer: Peer) -> None:
        connecting.set()
        await asked.wait()
        await peer.welcomes()
        frame = await peer.hears("cancel_run")
        await peer.says({"type": "accepted", "id": frame["id"]})
        heard.extend(await _all_heard(peer))
        await peer.socket.wait_closed()

    async with _scripted(first, slow) as (url, _), NetraClient(url, "token", user_id="alice") as client:
        async with asyncio.timeout(PATIENCE_S):
            await connecting.wait()
            cancelling = asyncio.create_task(client.cancel("run_1"))
            await asyncio.sleep(0)
            asked.set()
            await cancelling
            await client.resolve("apr_1", "approve", "abc")
    assert heard == []


async def test_many_threads_are_resumed_in_frames_that_are_not_too_long() -> None:
    named: list[str] = []
    count = 2 * MOST_RESUMED + 1

    async def listen(peer: Peer) -> None:
        await peer.welcomes()
        while len(set(named)) < count:
            positions = (await peer.hears("resume"))["positions"]
            assert len(positions) <= MOST_RESUMED
            named.extend(positions)
        done = _event("agent_completed", 1, result={"text": "", "data": {}}, usage={}, elapsed_ms=1)
        await peer.says(done, LIVE)
        await peer.socket.wait_closed()

    async with _scripted(_at_once(1012), listen) as (url, _), NetraClient(url, "token", user_id="alice") as client:
        for number in range(count):
            client._positions.follow(f"thread_{number}", "e1", 0)
        async with asyncio.timeout(PATIENCE_S):
            async for _ in client.follow("thread_1"):
                break
    assert len(set(named)) == count


def _at_once(code: int, reason: str = "") -> Script:
    async def close(peer: Peer) -> None:
        await peer.welcomes()
        await peer.socket.close(code, reason)

    return close


# --- tokens ---------------------------------------------------------------------------------------------------------


async def _expired(peer: Peer) -> None:
    await peer.says(_error("token_expired", retryable=True))
    await peer.socket.close(4401, "token_expired")


async def test_an_expired_token_without_a_way_to_a_new_one_is_a_clear_end() -> None:
    async with _scripted(_expired, _expired) as (url, paths):
        with pytest.raises(TokenExpired, match="pass get_token=") as told:
            async with NetraClient(url, "old", user_id="alice"):
                pass
    assert isinstance(told.value, Closed)
    assert told.value.code == 4401
    assert len(paths) == 1


async def test_a_token_that_expires_within_a_run_is_renewed_once_and_nothing_is_lost() -> None:
    tokens: list[str] = []
    asking = most = calls = 0

    async def get_token() -> str:
        nonlocal asking, most, calls
        asking, calls = asking + 1, calls + 1
        most = max(most, asking)
        await asyncio.sleep(0)
        asking -= 1
        return f"new {calls}".replace(" ", "")

    async def expires(peer: Peer) -> None:
        tokens.append(_token_of(peer))
        await peer.welcomes()
        await peer.says(_accepted(await peer.hears("execute_agent")), *RUN[:2])
        await _expired(peer)

    async def rest(peer: Peer) -> None:
        tokens.append(_token_of(peer))
        await peer.welcomes()
        await peer.hears("resume")
        await peer.says(*RUN[2:], LIVE)
        await peer.socket.wait_closed()

    async with (
        _scripted(expires, rest) as (url, _),
        NetraClient(url, "old", get_token=get_token, user_id="alice") as client,
    ):
        assert await _answer(client) == [1, 2, 3, 4]
    assert tokens == ["old", "new1"]
    assert (calls, most) == (1, 1)


def _token_of(peer: Peer) -> str:
    assert peer.socket.request is not None
    return peer.socket.request.headers["Authorization"].removeprefix("Bearer ")


async def test_what_get_token_raises_ends_everything_that_waits_with_that_error() -> None:
    def get_token() -> str:
        raise PermissionError("the issuer says no")

    async def expires(peer: Peer) -> None:
        await peer.welcomes()
        await peer.hears("execute_agent")
        await _expired(peer)

    async with (
        _scripted(expires) as (url, paths),
        NetraClient(url, "old", get_token=get_token, user_id="alice") as client,
    ):
        with pytest.raises(PermissionError, match="the issuer says no"):
            await _answer(client)
        with pytest.raises(PermissionError, match="the issuer says no"):
            async for _ in client.follow("thread_1"):
                pass
    assert len(paths) == 1


async def test_a_revoked_sign_in_is_final_even_where_a_token_could_be_renewed() -> None:
    async with _scripted(_at_once(4503, "revoked")) as (url, paths):
        with pytest.raises(Closed, match="revoked"):
            async with NetraClient(url, get_token=lambda: "token", user_id="alice") as client:
                await _answer(client)
    assert len(paths) == 1


async def test_a_token_that_is_not_valid_yet_is_waited_for() -> None:
    async def early(peer: Peer) -> None:
        await peer.socket.close(4403, "token_not_yet_valid")

    async def valid(peer: Peer) -> None:
        await peer.welcomes()
        await peer.socket.wait_closed()

    async with (
        _scripted(early, early, valid) as (url, paths),
        asyncio.timeout(PATIENCE_S),
        NetraClient(url, "token", user_id="alice"),
    ):
        pass
    assert len(paths) == 3


# --- ends -----------------------------------------------------------------------------------------------------------


async def test_a_frame_that_cannot_be_read_ends_it_and_leaves_nobody_waiting() -> None:
    async def nonsense(peer: Peer) -> None:
        await peer.welcomes()
        await peer.hears("execute_agent")
        await peer.socket.send('{"type": 5}')
        await peer.socket.wait_closed()

    async with _scripted(nonsense) as (url, _), NetraClient(url, "token", user_id="alice") as client:
        with pytest.raises(msgspec.ValidationError):
            await _answer(client)


async def test_whoever_waits_when_it_is_closed_is_told() -> None:
    async def silent(peer: Peer) -> None:
        await peer.welcomes()
        await peer.hears("execute_agent")
        heard.set()
        await peer.socket.wait_closed()

    heard = asyncio.Event()
    async with _scripted(silent) as (url, _):
        async with NetraClient(url, "token", user_id="alice") as client:
            answering = asyncio.create_task(_answer(client))
            await heard.wait()
        with pytest.raises(Closed, match="The client was closed"):
            await answering


@pytest.mark.parametrize("fault", [None, RuntimeError("not of the client")])
async def test_however_its_use_ends_its_connection_is_closed_as_done(fault: Exception | None) -> None:
    closed: list[int | None] = []

    async def welcoming(peer: Peer) -> None:
        await peer.welcomes()
        await peer.socket.wait_closed()
        closed.append(peer.socket.close_code)

    async with _scripted(welcoming) as (url, _):
        with suppress(RuntimeError):
            async with NetraClient(url, "token", user_id="alice"):
                if fault is not None:
                    raise fault
    assert closed == [1000]


async def test_giving_up_while_it_opens_leaves_no_task_behind() -> None:
    reached = asyncio.Event()

    async def silent(peer: Peer) -> None:
        reached.set()
        await peer.socket.wait_closed()

    async def opened(url: str) -> None:
        async with NetraClient(url, "token", user_id="alice"):
            pass

    async with _scripted(silent) as (url, _):
        before = asyncio.all_tasks()
        opening = asyncio.create_task(opened(url))
        await reached.wait()
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
        ours = [task for task in asyncio.all_tasks() - before if "_stay" in repr(task.get_coro())]
    assert ours == []


async def test_what_is_not_the_address_of_a_server_is_told_at_once() -> None:
    with pytest.raises(Closed, match="not the address of a server"):
        async with NetraClient("localhost:8000", "token", user_id="alice"):
            pass


async def test_a_server_without_websockets_is_told_by_its_status(answering: Any) -> None:
    server, url, heads = await answering("426 Upgrade Required", b"")
    async with server:
        with pytest.raises(HandshakeRefused, match="Upgrade and Connection") as told:
            async with NetraClient(url, "token", user_id="alice"):
                pass
    assert told.value.status == 426
    assert len(heads) == 1
