"""Which run some code belongs to, by the stack that it is on: for the log, when it blocks everybody."""

from __future__ import annotations

from types import FrameType

from .execution_engine import UserExecutionEngine
from .scope import EngineRunScope


def run_on(frame: FrameType | None) -> str:
    """The id of the run whose engine or scope a function on this stack has, innermost first; ``""`` if none has one. For any
    thread."""
    while frame is not None:
        for value in list(frame.f_locals.values()):
            if isinstance(value, UserExecutionEngine | EngineRunScope):
                return value.context.run_id
        frame = frame.f_back
    return ""
