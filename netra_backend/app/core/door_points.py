"""The validation points of doors."""

from __future__ import annotations

from typing import Final

from .points import catalogued as _point

_ENTRY: Final = "web.doors.entry"
_OPENAI: Final = "web.doors.openai"

DOOR_MEDIA = _point(
    "door.media",
    _ENTRY,
    "FrameRefused",
    "no page of another origin sends a request by a door without being asked first",
)
DOOR_OBJECTS = _point(
    "door.objects", _ENTRY, "FrameRefused", "a conversation that a client sends has a bounded number of objects"
)
DOOR_MESSAGE = _point("door.message", _ENTRY, "FrameRefused", "a request by a door says something, of a bounded length")
DOOR_THREAD = _point(
    "door.thread", _ENTRY, "FrameRefused", "what a client calls its conversation is a text, and limited"
)
DOOR_SHARED = _point(
    "door.shared", _OPENAI, "AuthenticationRefused", "a sign-in that a client shares among people opens no door"
)
