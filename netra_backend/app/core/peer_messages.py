"""What one process of a server asks of another, and what it is answered.

A command carries the owner that its sender has authenticated, and the scopes that were granted: nothing in it is a claim of a
client's about itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal

import msgspec

from . import validation
from .error_catalogue import CATALOGUE
from .errors import DependencyUnavailable, Fault, FrameRefused, NetraError, NotFound, Refusal
from .frames import Accepted, AnswerQuestion, ExecuteAgent
from .identity import RevokedToken
from .ids import check_id
from .message_parts import Parts
from .questions import RESPONSE_SCHEMA, Said

VERSION: Final = 3
"""The newest version of these messages that this process knows.

A message says the lowest version that has everything in it, and no version if that is 1. So do processes of release 0.1.0, which
refuse a command with a field that they do not know: both releases may serve one database at once.
"""


class _Message(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Base of all of them."""

    version: Annotated[int, msgspec.Meta(ge=1)] = 1


class Command(_Message, frozen=True, tag_field="do", forbid_unknown_fields=True):
    """Base of requests to another process."""


class Owned(Command, frozen=True):
    """Base of requests on behalf of a user."""

    owner: str


class PeerExecute(Owned, frozen=True, tag="execute"):
    """Take this request, whose thread you hold. Answer: ``Taken``, ``NotHere``."""

    scopes: frozenset[str]
    agent: str
    message: str
    key: str | None
    thread_id: str
    policy: Literal["enqueue", "reject", "interrupt"]
    timezone: str
    parts: Parts = ()
    supersedes: str | None = None
    client_run_id: str = ""
    plan: str = ""

    @classmethod
    def of(cls, owner: str, scopes: frozenset[str], frame: ExecuteAgent, thread_id: str, plan: str = "") -> PeerExecute:
        """What travels of this request, whose sign-in names this plan: nothing that its client claims about itself. It names its
        agent: which one is asked if a client names none is said where its request came in."""
        assert frame.agent is not None
        return cls(
            owner,
            scopes,
            frame.agent,
            frame.message,
            frame.id,
            thread_id,
            frame.policy,
            frame.timezone,
            frame.parts,
            frame.supersedes,
            frame.client_run_id,
            plan,
            version=3 if frame.parts or frame.supersedes or frame.client_run_id or plan else 1,
        )

    def frame(self) -> ExecuteAgent:
        """The request as a client's frame says it."""
        return ExecuteAgent(
            self.agent,
            self.message,
            self.key,
            self.thread_id,
            policy=self.policy,
            timezone=self.timezone,
            parts=self.parts,
            supersedes=self.supersedes,
            client_run_id=self.client_run_id,
        )


class PeerCancel(Owned, frozen=True, tag="cancel"):
    """Stop this run, which you hold. Answer: ``Taken``, ``NotHere``."""

    run_id: str


class PeerResolve(Owned, frozen=True, tag="resolve"):
    """Take the owner's word, said ``by`` a connection, about a call that waits. Answer: ``Taken`` once it is stored,
    ``NotHere``."""

    approval_id: str
    decision: Literal["approve", "deny"]
    arguments_hash: str
    key: str | None
    by: str


class ListApprovals(Owned, frozen=True, tag="list_approvals"):
    """Say which calls wait for the owner's word. Answer: ``Waiting``."""


class PeerAnswer(Owned, frozen=True, tag="answer"):
    """Since version 3: take the owner's answer to a question, said ``by`` a connection. Answer: ``Taken`` once it is stored,
    ``NotHere``. ``answer`` is JSON, whose numbers this format could not carry."""

    question_id: str
    answer: bytes
    key: str | None
    by: str

    @classmethod
    def of(cls, owner: str, said: Said, key: str | None, by: str) -> PeerAnswer:
        """What travels of this answer."""
        answer = said.answer
        if said.arguments_hash is not None and isinstance(answer, dict):
            answer = {**answer, "arguments_hash": said.arguments_hash}
        return cls(owner, said.question_id, msgspec.json.encode(answer), key, by, version=3)

    def frame(self) -> AnswerQuestion:
        """The answer as a client's frame says it."""
        return AnswerQuestion(self.question_id, msgspec.json.decode(self.answer), self.key)


class ListQuestions(Owned, frozen=True, tag="list_questions"):
    """Since version 3: say which questions wait for the owner's answer, approvals included. Answer: ``WaitingQuestions``."""


class EndUser(Owned, frozen=True, tag="end_user"):
    """Stop the owner's runs, and wait until they have ended. Answer: ``Taken``."""

    by: str


class DeleteThread(Owned, frozen=True, tag="delete_thread"):
    """Stop the thread's runs and delete it. Answer: ``Taken``, ``NotHere``."""

    thread_id: str


class Work(Command, frozen=True, tag="work"):
    """Broadcast: there are runs without a holder."""


class Forget(Command, frozen=True, tag="forget"):
    """Told to all: these threads are not what you may have in memory."""

    thread_ids: tuple[str, ...]


class Revoked(Owned, frozen=True, tag="revoked"):
    """Told to all: the owner's sign-ins until then count no more."""

    until_ms: int


class TokenRevoked(Owned, frozen=True, tag="token_revoked"):
    """Broadcast, since version 2: this one sign-in of the owner is revoked."""

    token_id: str
    ends_at_ms: int

    @classmethod
    def of(cls, revoked: RevokedToken) -> TokenRevoked:
        """What travels of this revocation."""
        return cls(revoked.user_id, revoked.token_id, revoked.ends_at_ms, version=2)

    def revoked(self) -> RevokedToken:
        """The revocation as it is kept."""
        return RevokedToken(self.owner, self.token_id, self.ends_at_ms)


AnyCommand = (
    PeerExecute
    | PeerCancel
    | PeerResolve
    | ListApprovals
    | PeerAnswer
    | ListQuestions
    | EndUser
    | DeleteThread
    | Work
    | Forget
    | Revoked
    | TokenRevoked
)


class WaitingCall(msgspec.Struct, frozen=True):
    """A call that waits for its user's word."""

    approval_id: str
    thread_id: str
    run_id: str
    tool: str
    arguments: dict[str, Any]
    arguments_hash: str
    expires_at: int
    reason: str = ""


class WaitingQuestion(msgspec.Struct, frozen=True):
    """A question that waits for its user's answer, which fits ``schema``; any JSON without one. ``approval`` is the call that it
    is about, if it is an approval."""

    question_id: str
    thread_id: str
    run_id: str
    text: str
    schema: dict[str, Any] | None
    expires_at: int
    approval: WaitingCall | None = None

    @classmethod
    def about(cls, call: WaitingCall) -> WaitingQuestion:
        """The approval of a call."""
        return cls(
            call.approval_id,
            call.thread_id,
            call.run_id,
            f"May {call.tool} be called?",
            RESPONSE_SCHEMA,
            call.expires_at,
            call,
        )


class Answer(_Message, frozen=True, tag_field="is"):
    """Base of what is answered."""


class Taken(Answer, frozen=True, tag="taken"):
    """The request succeeded. ``accepted`` is the frame for its client, if there is one."""

    accepted: Accepted | None = None


class NotHere(Answer, frozen=True, tag="not_here"):
    """It is not held here (any more)."""


class Waiting(Answer, frozen=True, tag="waiting"):
    """The calls that wait, oldest first."""

    calls: tuple[WaitingCall, ...]


class WaitingQuestions(Answer, frozen=True, tag="waiting_questions"):
    """The questions that wait, oldest first: a list of ``WaitingQuestion`` as JSON."""

    questions: bytes

    @classmethod
    def of(cls, questions: Sequence[WaitingQuestion]) -> WaitingQuestions:
        """What travels of these."""
        return cls(msgspec.json.encode(questions), version=3)

    def list(self) -> Sequence[WaitingQuestion]:
        """The questions."""
        return msgspec.json.decode(self.questions, type=tuple[WaitingQuestion, ...])


class PeerRefused(Answer, frozen=True, tag="refused"):
    """A rejection or an error, as its client gets it. ``point`` is empty for an error."""

    error: str
    message: str
    hint: str
    field: str | None = None
    retry_after_ms: int | None = None
    point: str = ""

    @classmethod
    def of(cls, error: NetraError) -> PeerRefused:
        """What travels of this error."""
        point = error.point.id if isinstance(error, Refusal) else ""
        return cls(error.entry.id, error.message, error.hint, error.field, error.retry_after_ms, point)

    def as_error(self) -> NetraError:
        """The error to raise here. One that only the other process knows (it may be newer) becomes a fault."""
        # An older process may not know the command: that is not the client's mistake.
        if self.point == validation.COMMAND_SHAPE.id:
            return _other_version()
        if self.error not in CATALOGUE or self.error == DependencyUnavailable.kind:
            return DependencyUnavailable(self.message, hint=self.hint, retry_after_ms=self.retry_after_ms)
        point = validation.CATALOGUE.get(self.point)
        if point is None:
            return Fault(
                self.message, kind=self.error, field=self.field, hint=self.hint, retry_after_ms=self.retry_after_ms
            )
        return (_RETOLD_ABSENT if self.error == NotFound.kind else _RETOLD)(
            self.message,
            kind=self.error,
            field=self.field,
            hint=self.hint,
            retry_after_ms=self.retry_after_ms,
            point=point,
        )


_RETOLD: Final[type[Refusal]] = Refusal
_RETOLD_ABSENT: Final[type[Refusal]] = NotFound
"""Its guard spoke in another process; here it is only said again."""

AnyAnswer = Taken | NotHere | Waiting | WaitingQuestions | PeerRefused

encode: Final = msgspec.msgpack.Encoder().encode
_COMMAND: Final[msgspec.msgpack.Decoder[AnyCommand]] = msgspec.msgpack.Decoder(AnyCommand)
_ANSWER: Final[msgspec.msgpack.Decoder[AnyAnswer]] = msgspec.msgpack.Decoder(AnyAnswer)
_FAULTS: Final = (msgspec.ValidationError, msgspec.DecodeError, RecursionError, UnicodeError)


class _Head(msgspec.Struct):
    version: int = 1


_HEAD: Final[msgspec.msgpack.Decoder[_Head]] = msgspec.msgpack.Decoder(_Head)


def decode_command(raw: bytes) -> AnyCommand:
    """The command of these bytes.

    Raises ``FrameRefused``, ``InvalidContextError`` if its owner is no user id, and ``DependencyUnavailable`` if its version is
    not known here.
    """
    try:
        command = _COMMAND.decode(raw)
    except _FAULTS as fault:
        _check_version(_version_of(raw))
        raise FrameRefused(f"Not a valid command: {str(fault)[:200]}", point=validation.COMMAND_SHAPE) from None
    else:
        _check_version(command.version)
        if isinstance(command, Owned):
            check_id("owner", command.owner)
        return command


def decode_answer(raw: bytes) -> AnyAnswer:
    """The answer of these bytes. Raises ``DependencyUnavailable`` if they are none, or if its version is not known here."""
    try:
        answer = _ANSWER.decode(raw)
    except _FAULTS:
        _check_version(_version_of(raw))
        raise DependencyUnavailable("Another process of this server sent an answer that makes no sense.") from None
    _check_version(answer.version)
    return answer


def _version_of(raw: bytes) -> int:
    """The version that a message which does not fit says it has."""
    try:
        return _HEAD.decode(raw).version
    except _FAULTS:
        return 1


def _check_version(version: int) -> None:
    if version > VERSION:
        raise _other_version()


def _other_version() -> DependencyUnavailable:
    return DependencyUnavailable(
        "Two processes of this server are of different versions and do not understand each other.",
        hint="Try again in a moment. If it lasts, run the same version in all processes.",
        retry_after_ms=5000,
    )
