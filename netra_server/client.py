"""A client for Python programs: ``NetraClient``, the events that it gives, and the errors that it raises.

::

    async with NetraClient("http://127.0.0.1:8000", token) as client:
        async for event in client.ask("Which team costs most?"):
            print(event)

It comes back by itself after a lost connection, without losing or repeating an event. ``TERMINAL`` are the types of event that
end a run.
"""

from __future__ import annotations

from netra_backend.app.core.events import (
    TERMINAL,
    AgentCancelled,
    AgentCompleted,
    AgentDelta,
    AgentFailed,
    AgentStarted,
    AgentThinking,
    AnyEvent,
    ApprovalRequested,
    ApprovalResolved,
    ModelCompleted,
    ModelStarted,
    OtherEvent,
    QuestionAnswered,
    QuestionAsked,
    RunQueued,
    RunResumed,
    RunSuperseded,
    RunSuspended,
    SecretUsed,
    StateChanged,
    StepFinished,
    StepRecorded,
    StepStarted,
    ToolCompleted,
    ToolExecuting,
    UserMessage,
)
from netra_backend.app.core.frames import Accepted, ErrorFrame
from netra_backend.client.client import NetraClient
from netra_backend.client.errors import ClientError, Closed, HandshakeRefused, Refused, TokenExpired

__all__ = [
    "TERMINAL",
    "Accepted",
    "AgentCancelled",
    "AgentCompleted",
    "AgentDelta",
    "AgentFailed",
    "AgentStarted",
    "AgentThinking",
    "AnyEvent",
    "ApprovalRequested",
    "ApprovalResolved",
    "ClientError",
    "Closed",
    "ErrorFrame",
    "HandshakeRefused",
    "ModelCompleted",
    "ModelStarted",
    "NetraClient",
    "OtherEvent",
    "QuestionAnswered",
    "QuestionAsked",
    "Refused",
    "RunQueued",
    "RunResumed",
    "RunSuperseded",
    "RunSuspended",
    "SecretUsed",
    "StateChanged",
    "StepFinished",
    "StepRecorded",
    "StepStarted",
    "TokenExpired",
    "ToolCompleted",
    "ToolExecuting",
    "UserMessage",
]
