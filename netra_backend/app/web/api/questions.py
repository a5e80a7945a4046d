"""``/api/questions`` and ``/api/approvals``: what waits for its user's answer. An approval is a question."""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from ...core.frames import AnswerQuestion, Reason, ResolveApproval
from ...core.identity import Identity
from ...core.limits import Limits
from ...core.peer_messages import WaitingCall, WaitingQuestion
from ...runs.requester import RemoteRequester
from ...runs.service import RunService
from ..http.endpoint import Endpoint, json_response
from ..http.request_body import json_of

BY: Final = "http"
"""Who answered, as events tell it, if it was no connection."""


class Questions(msgspec.Struct, frozen=True):
    """Approvals included, as the questions that they are; those that expire first before the others."""

    questions: list[WaitingQuestion]


class Given(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``answer`` fits the question's ``schema``. That to an approval may have its ``arguments_hash``, too."""

    answer: Any


class Answered(msgspec.Struct, frozen=True):
    question_id: str


class Approvals(msgspec.Struct, frozen=True):
    """Those that expire first before the others."""

    approvals: list[WaitingCall]


class Word(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``arguments_hash`` is the one that was shown: a decision counts for those arguments and no others. To approve, there may be
    other ``arguments``, which the tool must take, and ``remember``: the run asks about this tool no more. The agent is told the
    ``reason``."""

    decision: Literal["approve", "deny"]
    arguments_hash: str
    reason: Reason = ""
    arguments: dict[str, Any] | None = None
    remember: bool = False


class Decided(msgspec.Struct, frozen=True):
    approval_id: str
    decision: str


def question_endpoints(runs: RunService, limits: Limits) -> list[Endpoint]:
    """The endpoints of questions and approvals."""

    async def waiting(_: Request, identity: Identity) -> Response:
        return json_response(Questions(await runs.commands.questions(identity.user_id)))

    async def answer(request: Request, identity: Identity) -> Response:
        given = await json_of(request, Given, limits)
        question_id = request.path_params["question_id"]
        requester = RemoteRequester(identity.user_id)
        await runs.commands.answer(requester, AnswerQuestion(question_id, given.answer), by=BY)
        await requester.stored(limits.decision_s)
        return json_response(Answered(question_id))

    async def calls(_: Request, identity: Identity) -> Response:
        return json_response(Approvals(await runs.commands.approvals(identity.user_id)))

    async def decide(request: Request, identity: Identity) -> Response:
        word = await json_of(request, Word, limits)
        approval_id = request.path_params["approval_id"]
        requester = RemoteRequester(identity.user_id)
        frame = ResolveApproval(
            approval_id, word.decision, word.arguments_hash, None, word.reason, word.arguments, word.remember
        )
        await runs.commands.resolve(requester, frame, by=BY)
        await requester.stored(limits.decision_s)
        return json_response(Decided(approval_id, word.decision))

    return [
        Endpoint(
            method="GET",
            path="/api/questions",
            name="listQuestions",
            about="What your runs ask you, approvals included.",
            handler=waiting,
            answer=Questions,
        ),
        Endpoint(
            method="POST",
            path="/api/questions/{question_id}",
            name="answerQuestion",
            about="Answer a question. The first answer that fits counts.",
            handler=answer,
            body=Given,
            answer=Answered,
            refusals=("not_found", "invalid_frame", "invalid_answer", "invalid_context"),
        ),
        Endpoint(
            method="GET",
            path="/api/approvals",
            name="listApprovals",
            about="Your tool calls that wait for approval.",
            handler=calls,
            answer=Approvals,
        ),
        Endpoint(
            method="POST",
            path="/api/approvals/{approval_id}",
            name="decideApproval",
            about="Approve or deny a tool call. The first decision counts.",
            handler=decide,
            body=Word,
            answer=Decided,
            refusals=("not_found", "invalid_frame", "invalid_answer"),
        ),
    ]
