"""The catalogue of validation points: every place where an input, a dependency or an ownership is checked and refused.

A refusal is written at exactly one place as ``raise SomeRefusal(..., point=validation.NAME)``. The syntax tree therefore
maps every refusal to its point; the kit disables points one at a time from outside (it takes the ``raise`` out of a copy
of the module in a throw-away process) and demands that a test notices. Production code has no switch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

CATALOGUE: Final[dict[str, Point]] = {}


@dataclass(frozen=True, slots=True)
class Point:
    """One validation point: its id, the module that is its home (below ``netra_backend.app``), the error raised there,
    and the sentence that holds as long as it stands."""

    id: str
    home: str
    error: str
    guards: str


def _point(id: str, home: str, error: str, guards: str) -> Point:
    point = Point(id, home, error, guards)
    if CATALOGUE.setdefault(id, point) is not point:
        raise ValueError(f"validation point {id!r} is catalogued twice")
    return point


# --- identity -------------------------------------------------------------------------------------------------------
ID_PLACEHOLDER = _point("id.placeholder", "core.ids", "InvalidContextError", "no placeholder is taken for an id")
ID_FORMAT = _point("id.format", "core.ids", "InvalidContextError", "every id has the one format")
CONTEXT_FORGED = _point(
    "context.forged",
    "services.user_execution_context",
    "InvalidContextError",
    "only a UserExecutionContext is taken for a context",
)
CONTEXT_METADATA = _point(
    "context.metadata",
    "services.user_execution_context",
    "InvalidContextError",
    "a context has audit metadata of its own",
)

# --- the wire -------------------------------------------------------------------------------------------------------
FRAME_JSON = _point("frame.json", "core.frames", "FrameRefused", "a frame is one JSON object")
FRAME_TYPE = _point("frame.type", "core.frames", "FrameRefused", "only known frames are taken")
FRAME_FIELDS = _point("frame.fields", "core.frames", "FrameRefused", "a frame has the fields of its type and no others")
SESSION_UNAUTHENTICATED = _point(
    "session.unauthenticated", "core.session", "AuthenticationRefused", "nothing is taken from a socket without a token"
)
SESSION_TOKEN_EXPIRED = _point(
    "session.token_expired", "core.session", "AuthenticationRefused", "no command is taken after the token's expiry"
)
SESSION_RATE = _point("session.rate", "core.session", "LimitRefused", "frames of one connection have a bounded rate")
SESSION_THREAD_ID = _point(
    "session.thread_id", "core.session", "InvalidContextError", "a thread id from a client is judged before it is used"
)
SESSION_USER_ID = _point(
    "session.user_id", "core.session", "IsolationRefused", "a frame does not speak for another user"
)
SESSION_CONTEXT_IDS = _point(
    "session.context_ids", "core.session", "InvalidContextError", "ids in a frame's context are judged"
)
SESSION_CONTEXT_SHAPE = _point(
    "session.context_shape", "core.session", "InvalidContextError", "a frame's context holds ids and nothing else"
)
SESSION_CONTEXT_USER = _point(
    "session.context_user", "core.session", "IsolationRefused", "a frame's context does not name another user"
)
SESSION_FACTORY_COMMAND = _point(
    "session.factory_command", "core.session", "FrameRefused", "a client commands no factory"
)
SESSION_TIMEZONE = _point("session.timezone", "core.session", "FrameRefused", "a time zone is an IANA name")
SESSION_DRILL = _point("session.drill", "core.session", "IsolationRefused", "drills run only where they are allowed")
SESSION_DRAINING = _point("session.draining", "core.session", "LimitRefused", "a draining server takes no new runs")
OUTBOX_OWNER = _point(
    "outbox.owner", "core.outbox", "SSotIsolationError", "an event reaches only connections of its owner"
)
LIMIT_CONNECTIONS = _point("limit.connections", "core.limits", "LimitRefused", "connections per user are bounded")
LIMIT_RUNS = _point("limit.runs", "core.limits", "LimitRefused", "runs per user are bounded")
LIMIT_QUEUED = _point("limit.queued", "core.limits", "LimitRefused", "waiting runs per user are bounded")
LIMIT_THREADS = _point("limit.threads", "core.limits", "LimitRefused", "claims of new threads have a bounded rate")
