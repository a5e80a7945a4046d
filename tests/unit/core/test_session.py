"""The session: every frame and every moment of a connection's life, as scripts of inputs and effects."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from netra_backend.app.core import validation
from netra_backend.app.core.error_catalogue import CATALOGUE
from netra_backend.app.core.events import Position
from netra_backend.app.core.frames import (
    AnswerQuestion,
    CancelRun,
    Drain,
    ErrorFrame,
    ExecuteAgent,
    Pong,
    ResolveApproval,
    Resume,
)
from netra_backend.app.core.limits import Limits
from netra_backend.app.core.session import (
    CLOSED,
    DRAINING,
    OPEN,
    WAITING,
    Authenticate,
    Close,
    Drill,
    Effect,
    Handle,
    SendError,
    SendFrame,
    SendHeartbeat,
    Session,
)
from netra_backend.app.core.token_bucket import TokenBucket
from test_framework.playbook import Playbook, like

ME = "user_me"
HERE = "conn_here"
LIMITS = Limits(frame_rate=10.0, frame_burst=200, heartbeat_ms=20_000, pong_timeout_s=15.0, authentication_s=10.0)
PING = '{"type":"ping"}'
PONG = SendFrame(Pong(server_time=0))


class Clocked:
    """A session with a clock; a step's input is a frame, or a call on the session."""

    def __init__(self, *, user: str | None = ME, ends_at_ms: int | None = None, drills_allowed: bool = False) -> None:
        self.session = Session(LIMITS, 0.0, connection_id=HERE, drills_allowed=drills_allowed)
        self.now = 0.0
        if user is not None:
            self.session.authenticated(user, ends_at_ms)

    def step(self, given: object) -> Any:
        if callable(given):
            return given()
        frame = given if isinstance(given, str | bytes) else json.dumps(given)
        return self.session.received(frame, self.now, round(self.now * 1000))

    def revoked(self) -> tuple[Effect, ...]:
        return self.session.sign_in_ended("revoked")

    def tick(self) -> tuple[Effect, ...]:
        return self.session.tick(self.now, round(self.now * 1000))

    def at(self, now: float) -> Callable[[], tuple[Effect, ...]]:
        def tick() -> tuple[Effect, ...]:
            self.now = now
            return self.tick()

        tick.__qualname__ = f"tick at {now}"
        return tick


def book_of(clocked: Clocked) -> Playbook[Any]:
    return Playbook(clocked.step)


def opened(**more: Any) -> Playbook[Any]:
    return book_of(Clocked(**more))


def execute(**fields: Any) -> dict[str, Any]:
    return {"type": "execute_agent", "agent": "a", "message": "m", **fields}


def refused(point: validation.Point, error: str, **fields: Any) -> like:
    entry = CATALOGUE[error]
    return like(SendError, refusal=like(object, point=point, entry=entry, **fields))


def starting() -> like:
    return like(Handle, frame=like(ExecuteAgent))


def closing(kind: str) -> Close:
    code = CATALOGUE[kind].close_code
    assert code is not None
    return Close(code, kind)


def telling(kind: str) -> like:
    return like(SendFrame, frame=like(ErrorFrame, error=kind, message=CATALOGUE[kind].text))


# --- before it is known who is there ----------------------------------------------------------------------------------


def test_a_new_session_waits_for_a_token_and_has_it_verified() -> None:
    clocked = Clocked(user=None)
    (book_of(clocked) >> {"type": "authenticate", "token": "t"} << Authenticate("t")).end()
    assert (clocked.session.state, clocked.session.user_id) == (WAITING, "")


def test_once_verified_it_is_of_that_user_for_ever() -> None:
    clocked = Clocked(user=None)
    clocked.session.authenticated(ME, None)
    clocked.session.authenticated("user_other", None)
    assert (clocked.session.state, clocked.session.user_id) == (OPEN, ME)
    (book_of(clocked) >> {"type": "authenticate", "token": "t"} >> PING << PONG).end()


@pytest.mark.validation_point("session.unauthenticated")
@pytest.mark.parametrize("frame", [execute(), PING, {"type": "resume", "positions": {}}])
def test_anything_else_before_the_token_is_refused_and_closes(frame: Any) -> None:
    clocked = Clocked(user=None)
    book = book_of(clocked)
    book >> frame << refused(validation.SESSION_UNAUTHENTICATED, "unauthenticated") << Close(4501, "unauthenticated")
    book >> frame >> clocked.tick
    book.end()
    assert clocked.session.state == CLOSED


def test_without_a_token_in_time_it_closes() -> None:
    clocked = Clocked(user=None)
    book = book_of(clocked) >> clocked.at(9.9) >> clocked.at(10.0)
    (book << telling("auth_timeout") << Close(4402, "auth_timeout") >> clocked.tick).end()


# --- commands ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("frame", "effect"),
    [
        (execute(), Handle(ExecuteAgent("a", "m"))),
        (
            execute(thread_id="thr_1", user_id=ME, timezone="America/Argentina/Buenos_Aires"),
            Handle(ExecuteAgent("a", "m", thread_id="thr_1", user_id=ME, timezone="America/Argentina/Buenos_Aires")),
        ),
        ({"type": "cancel_run", "run_id": "run_1"}, Handle(CancelRun("run_1"))),
        (
            {"type": "resolve_approval", "approval_id": "p", "decision": "approve", "arguments_hash": "h"},
            Handle(ResolveApproval("p", "approve", "h")),
        ),
        ({"type": "answer_question", "question_id": "q", "answer": [1]}, Handle(AnswerQuestion("q", [1]))),
        ({"type": "resume", "positions": {"t": {"epoch": "e", "seq": 3}}}, Handle(Resume({"t": Position("e", 3)}))),
        ({"type": "ping", "id": "k"}, SendFrame(Pong(server_time=0, id="k"))),
    ],
)
def test_each_command_has_its_one_effect(frame: dict[str, Any], effect: Effect) -> None:
    (opened() >> frame << effect).end()


def test_an_acknowledgement_ends_here_and_is_judged_and_counted_like_every_frame() -> None:
    ack = {"type": "ack", "positions": {"thr_1": {"epoch": "e", "seq": 1}}}
    book = opened() >> ack >> {"type": "ack", "positions": [1]} << refused(validation.FRAME_FIELDS, "invalid_frame")
    for _ in range(198):
        book >> ack
    (book >> ack << refused(validation.SESSION_RATE, "rate_limited")).end()


@pytest.mark.validation_point("session.thread_id")
@pytest.mark.parametrize("thread_id", ["placeholder_thread", "", "no way", "x" * 129, "<thread>"])
def test_a_thread_id_that_is_none_is_refused_and_the_socket_stays_open(thread_id: str) -> None:
    book = opened() >> execute(thread_id=thread_id, id="k")
    book << refused(validation.SESSION_THREAD_ID, "invalid_context", field="thread_id")
    (book >> PING << PONG).end()


def test_the_words_of_a_refused_thread_id_are_those_of_the_specification() -> None:
    effect = Clocked().step(execute(thread_id="placeholder_thread", id="k"))[0]
    assert effect.id == "k"
    assert effect.refusal.message.startswith("Factory SSOT validation failed: Forbidden placeholder values: thread_id=")
    assert effect.refusal.entry.code == 1011


@pytest.mark.validation_point("session.thread_id")
def test_a_huge_hostile_thread_id_is_answered_without_being_pondered() -> None:
    frame = json.dumps(execute(thread_id="{" * 1_000_000))
    (opened() >> frame << refused(validation.SESSION_THREAD_ID, "invalid_context")).end()


@pytest.mark.validation_point("session.user_id")
def test_a_frame_does_not_speak_for_another_user() -> None:
    book = opened() >> execute(user_id="user_other")
    (book << refused(validation.SESSION_USER_ID, "isolation_violation", field="user_id") >> PING << PONG).end()


@pytest.mark.validation_point("session.context_ids")
@pytest.mark.parametrize("field", ["user_id", "thread_id", "run_id", "request_id", "connection_id"])
def test_every_id_in_a_frames_context_is_judged(field: str) -> None:
    refusal = refused(validation.SESSION_CONTEXT_IDS, "invalid_context", field=f"context.{field}")
    for value in ("default_run_789", "user@invalid", "", None, 7, {"id": 1}, ["user_me"]):
        (opened() >> execute(context={field: value}) << refusal >> PING << PONG).end()


def test_the_words_of_a_refused_context_are_those_of_the_specification() -> None:
    effect = Clocked().step(execute(context={"user_id": "placeholder_user_123"}))[0]
    assert "SSOT context validation failed" in effect.refusal.message
    assert "forbidden placeholder values" in effect.refusal.message.lower()


@pytest.mark.validation_point("session.context_shape")
def test_a_context_holds_ids_and_nothing_else() -> None:
    book = opened() >> execute(context={"is_admin": True})
    (book << refused(validation.SESSION_CONTEXT_SHAPE, "invalid_context", field="context") >> PING << PONG).end()
    long = Clocked().step(execute(context={"x" * 5000: 1}))[0]
    assert len(long.refusal.message) < 300


@pytest.mark.validation_point("session.context_user")
def test_a_context_does_not_name_another_user() -> None:
    book = opened() >> execute(context={"user_id": "user_other"})
    (book << refused(validation.SESSION_CONTEXT_USER, "isolation_violation", field="context.user_id")).end()


def test_a_context_of_ones_own_valid_ids_is_taken() -> None:
    frame = execute(context={"user_id": ME, "thread_id": "thr_1", "connection_id": HERE, "audit_metadata": {"x": [1]}})
    (opened() >> frame << starting()).end()


@pytest.mark.validation_point("context.connection")
def test_a_context_does_not_name_another_connection() -> None:
    book = opened() >> execute(context={"connection_id": "conn_other"})
    (book << refused(validation.CONTEXT_CONNECTION, "isolation_violation", field="context.connection_id")).end()


@pytest.mark.validation_point("id.placeholder")
@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"supersedes": "placeholder_run"}, "supersedes"),
        ({"parts": [{"type": "file", "file_id": "placeholder_file"}]}, "parts.file_id"),
    ],
)
def test_no_placeholder_names_a_run_or_a_file(fields: dict[str, object], field: str) -> None:
    (opened() >> execute(**fields) << refused(validation.ID_PLACEHOLDER, "invalid_context", field=field)).end()


def test_placeholders_are_judged_before_ownership() -> None:
    both = opened() >> execute(thread_id="temp_1", user_id="user_other", context={"user_id": "user_other"})
    (both << refused(validation.SESSION_THREAD_ID, "invalid_context")).end()


@pytest.mark.validation_point("session.timezone")
@pytest.mark.parametrize("timezone", ["", "Mars", "../../etc/passwd", "Europe/Berlin\n", "a/b/c/d", "+01:00", "\u0660"])
def test_a_time_zone_is_an_iana_name(timezone: str) -> None:
    book = opened() >> execute(timezone=timezone)
    if timezone == "Mars":  # of the form; whether there is one is for those who use it
        (book << starting()).end()
    else:
        (book << refused(validation.SESSION_TIMEZONE, "invalid_frame", field="timezone")).end()


@pytest.mark.validation_point("session.factory_command")
@pytest.mark.parametrize("field", ["force_factory_recreation", "ssot_validation_level"])
@pytest.mark.parametrize("value", [True, False, "strict", 0])
def test_a_client_commands_no_factory_and_is_not_closed_for_trying(field: str, value: object) -> None:
    book = opened()
    for _ in range(5):
        book >> {"type": "ping", field: value}
        book << refused(validation.SESSION_FACTORY_COMMAND, "factory_command_refused", field=field)
    (book >> PING << PONG).end()


@pytest.mark.validation_point("session.drill")
def test_a_drill_runs_only_where_drills_are_allowed() -> None:
    asking = execute(stress_ssot_isolation=True)
    (opened() >> asking << refused(validation.SESSION_DRILL, "drill_refused", field="stress_ssot_isolation")).end()
    (opened(drills_allowed=True) >> asking << Handle(Drill(None))).end()


# --- abuse ------------------------------------------------------------------------------------------------------------


def test_the_third_malformed_frame_within_the_window_closes() -> None:
    book = opened() >> "no JSON" << refused(validation.FRAME_JSON, "invalid_json")
    book >> {"type": "?", "id": "k"} << like(SendError, id="k", refusal=like(object, point=validation.FRAME_TYPE))
    book >> {"type": "ping", "x": 1} << refused(validation.FRAME_FIELDS, "invalid_frame")
    (book << Close(4510, "too_many_faults") >> PING).end()


def test_malformed_frames_that_are_far_apart_close_nothing() -> None:
    clocked = Clocked()
    book = book_of(clocked)
    for count in range(6):
        clocked.now = 30.1 * count
        book >> "no JSON" << refused(validation.FRAME_JSON, "invalid_json")
    book.end()


@pytest.mark.validation_point("session.rate")
def test_frames_above_the_rate_are_refused_and_taken_again_later() -> None:
    clocked = Clocked()
    book = book_of(clocked)
    for _ in range(200):
        book >> PING << PONG
    over = refused(validation.SESSION_RATE, "rate_limited", retry_after_ms=100)
    book >> '{"type":"ping","id":"k"}' << like(SendError, id="k", refusal=over.fields["refusal"])
    clocked.now = 0.1
    (book >> PING << like(SendFrame) >> PING << over).end()


def test_who_keeps_sending_above_the_rate_is_closed() -> None:
    clocked = Clocked()
    effects = [clocked.step(PING) for _ in range(301)][200:]
    assert effects[99] == (effects[0][0],) or len(effects[99]) == 1
    assert effects[100][-1] == Close(4429, "rate_limited")


def test_as_many_refusals_over_the_rate_close_as_are_set() -> None:
    session = Session(Limits(frame_rate=1.0, frame_burst=1, rate_refusals=2), 0.0, connection_id=HERE)
    session.authenticated(ME, None)
    said = [session.received(PING, 0.0, 0) for _ in range(4)]
    assert [Close(4429, "rate_limited") in answer if isinstance(answer, tuple) else False for answer in said] == [
        False, False, False, True,
    ]  # fmt: skip


def test_two_connections_of_one_user_have_one_rate_and_others_have_their_own() -> None:
    shared = TokenBucket(1.0, 2, 0.0)
    sessions = [Session(Limits(), 0.0, connection_id=HERE) for _ in range(3)]
    for session, rate in zip(sessions, (shared, shared, None), strict=True):
        session.authenticated(ME, None, rate)
    said = [session.received(PING, 0.0, 0) for session in sessions * 2]
    assert [type(effect) is SendFrame for effect in said] == [True, True, True, False, False, True]


def test_being_above_the_rate_now_and_then_closes_nothing() -> None:
    clocked = Clocked()
    for minute in range(4):
        clocked.now = 61.0 * minute
        effects = [clocked.step(PING) for _ in range(260)]
        assert all(isinstance(effect, SendFrame) or len(effect) == 1 for effect in effects)
    assert clocked.session.state == OPEN


# --- time -------------------------------------------------------------------------------------------------------------


@pytest.mark.validation_point("session.token_expired")
def test_no_command_is_taken_after_the_tokens_expiry() -> None:
    clocked = Clocked(ends_at_ms=5000)
    book = book_of(clocked)
    clocked.now = 4.999
    book >> execute() << starting()
    clocked.now = 5.0
    book >> execute() << refused(validation.SESSION_TOKEN_EXPIRED, "token_expired") << Close(4401, "token_expired")
    (book >> execute()).end()


def test_an_expired_token_closes_at_the_next_tick() -> None:
    clocked = Clocked(ends_at_ms=5000)
    book = book_of(clocked) >> clocked.at(4.9) >> clocked.at(5.0)
    (book << telling("token_expired") << closing("token_expired")).end()


def test_heartbeats_come_at_their_interval() -> None:
    clocked = Clocked()
    book = book_of(clocked) >> clocked.at(19.9) >> clocked.at(20.0) << SendHeartbeat()
    book >> clocked.session.ponged >> clocked.at(39.9) >> clocked.at(40.0) << SendHeartbeat()
    book.end()


def test_a_peer_that_answers_no_ping_is_closed() -> None:
    clocked = Clocked()
    book = book_of(clocked) >> clocked.at(20.0) << SendHeartbeat() >> clocked.at(34.9) >> clocked.at(35.0)
    (book << telling("no_pong") << Close(4409, "no_pong")).end()


def test_a_second_ping_does_not_move_the_first_ones_deadline() -> None:
    limits = Limits(heartbeat_ms=10_000, pong_timeout_s=15.0)
    session = Session(limits, 0.0)
    session.authenticated(ME, None)
    assert session.tick(10.0, 0) == (SendHeartbeat(),)
    assert session.tick(20.0, 0) == (SendHeartbeat(),)
    assert session.tick(25.0, 0)[-1] == Close(4409, "no_pong")


# --- the end ----------------------------------------------------------------------------------------------------------


@pytest.mark.validation_point("session.draining")
def test_a_draining_server_takes_no_new_run_and_all_else() -> None:
    clocked = Clocked()
    book = book_of(clocked) >> (lambda: clocked.session.drain(5000)) << SendFrame(Drain(5000))
    book >> execute() << refused(validation.SESSION_DRAINING, "draining")
    book >> {"type": "cancel_run", "run_id": "run_1"} << Handle(CancelRun("run_1")) >> PING << PONG
    (book >> (lambda: clocked.session.drain(5000))).end()
    assert clocked.session.state == DRAINING


def test_a_revoked_sign_in_closes_also_while_waiting() -> None:
    for user in (ME, None):
        clocked = Clocked(user=user)
        book = book_of(clocked) >> clocked.revoked << telling("revoked") << Close(4503, "revoked")
        (book >> clocked.revoked).end()


def test_nothing_is_taken_after_the_end() -> None:
    clocked = Clocked()
    clocked.session.closed()
    clocked.session.authenticated("user_other", None)
    book = book_of(clocked) >> PING >> "no JSON" >> clocked.at(999.0) >> (lambda: clocked.session.drain(1))
    (book >> clocked.revoked).end()
    assert clocked.session.state == CLOSED


class AnySession(RuleBasedStateMachine):
    """Whatever comes in, in whatever order: no step raises, the states only go on, and the closed one is silent."""

    ORDER = (WAITING, OPEN, DRAINING, CLOSED)

    @initialize(expires=st.none() | st.integers(0, 100_000), drills=st.booleans())
    def connect(self, expires: int | None, drills: bool) -> None:
        self.session = Session(LIMITS, 0.0, drills_allowed=drills)
        self.expires = expires
        self.now = 0.0

    def judge(self, before: str, effects: Effect | tuple[Effect, ...]) -> None:
        came = effects if isinstance(effects, tuple) else (effects,)
        after = self.session.state
        assert self.ORDER.index(before) <= self.ORDER.index(after)
        if before == CLOSED:
            assert came == ()
        closes = [effect for effect in came if isinstance(effect, Close)]
        assert bool(closes) is (before != CLOSED and after == CLOSED)
        assert all(close.code != 1011 and len(close.reason.encode()) <= 123 for close in closes)
        assert came[-1:] == tuple(closes[-1:]) or not closes
        if before == WAITING:
            assert all(isinstance(effect, Authenticate | SendFrame | SendError | Close) for effect in came)
        if before == DRAINING:
            assert not any(isinstance(effect, Handle) and isinstance(effect.frame, ExecuteAgent) for effect in came)
        past = self.expires is not None and self.now * 1000 >= self.expires
        if before in (OPEN, DRAINING) and past:
            assert all(isinstance(effect, SendFrame | SendError | Close) for effect in came)

    @rule(
        frame=st.sampled_from(
            [
                PING,
                '{"type":"authenticate","token":"t"}',
                '{"type":"execute_agent","agent":"a","message":"m"}',
                '{"type":"execute_agent","agent":"a","message":"m","stress_ssot_isolation":true}',
                '{"type":"execute_agent","agent":"a","message":"m","context":{"user_id":"temp_1"}}',
                '{"type":"resume","positions":{}}',
                '{"type":"cancel_run","run_id":"r"}',
                '{"type":"ping","ssot_validation_level":"off"}',
                "{",
            ]
        )
        | st.text(max_size=30)
        | st.binary(max_size=30)
    )
    def receive(self, frame: str | bytes) -> None:
        before = self.session.state
        self.judge(before, self.session.received(frame, self.now, round(self.now * 1000)))

    @rule(seconds=st.sampled_from([0.01, 1.0, 5.0, 20.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds
        before = self.session.state
        self.judge(before, self.session.tick(self.now, round(self.now * 1000)))

    @precondition(lambda self: self.session.state == WAITING)
    @rule()
    def verify(self) -> None:
        self.session.authenticated(ME, self.expires)
        assert self.session.user_id == ME

    @rule()
    def pong(self) -> None:
        self.session.ponged()

    @rule()
    def drain(self) -> None:
        before = self.session.state
        self.judge(before, self.session.drain(1000))

    @rule()
    def revoke(self) -> None:
        before = self.session.state
        self.judge(before, self.session.sign_in_ended("revoked"))


TestAnySession = AnySession.TestCase


@pytest.mark.validation_point("socket.too_long")
def test_a_message_that_is_too_long_is_told_with_its_id_and_counts_as_malformed() -> None:
    clocked = Clocked()
    for id in ("mine", None):
        told = clocked.session.too_long(b'{"type":"ping","id":"mine","x":"xx' if id else b"xx", 0.0)
        assert isinstance(told, tuple)
        (said,) = told
        assert isinstance(said, SendError)
        assert (said.refusal.entry.id, said.id) == ("payload_too_large", id)
        assert not said.refusal.entry.retryable
    assert clocked.session.too_long(b"xx", 1.0)[-1] == Close(4510, "too_many_faults")
    assert clocked.session.too_long(b"xx", 1.0) == ()


def test_a_message_that_is_too_long_before_a_sign_in_closes_with_the_protocols_own_code() -> None:
    assert Clocked(user=None).session.too_long(b"xx", 0.0) == (Close(1009, "payload_too_large"),)
