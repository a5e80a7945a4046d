"""Values of LangGraph and LangChain in records: as they were, by LangGraph's own serialisation, without what the run hides.

What is hidden is taken out here: in Base64, as records hold these values, nothing could be without breaking them.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from importlib import import_module
from typing import Any, Final

import msgspec
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from ....services.hiding import hidden_text, hides

_MSGPACK: Final = "msgpack"


class HidingSerializer(JsonPlusSerializer):
    """LangGraph's own, without what the run hides: a graph is given the same again when it goes on."""

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        """The type of the serialisation, and the value in it. Raises ``TypeError`` if there is none."""
        kind, body = super().dumps_typed(obj)
        if not hides():
            return kind, body
        return kind, shown(body) if kind == _MSGPACK else shown_text(body)


def shown(body: bytes) -> bytes:
    """MessagePack without what the run hides: the same bytes if nothing of it is there."""
    if shown_text(body) is body:
        return body
    return msgspec.msgpack.encode(_shown(msgspec.msgpack.decode(body)))


def shown_text(body: bytes) -> bytes:
    """Bytes that may be a text, without what the run hides: the same bytes if nothing of it is there."""
    text = body.decode(errors="surrogateescape")
    found = hidden_text(text)
    return body if found == text else found.encode(errors="surrogateescape")


def _shown(value: Any) -> Any:
    if isinstance(value, str):
        return hidden_text(value)
    if isinstance(value, list):
        return [_shown(each) for each in value]
    if isinstance(value, dict):
        return {_shown(name): _shown(each) for name, each in value.items()}
    if isinstance(value, msgspec.msgpack.Ext):
        try:
            return msgspec.msgpack.Ext(value.code, shown(bytes(value.data)))
        except msgspec.DecodeError:
            return msgspec.msgpack.Ext(value.code, shown_text(bytes(value.data)))
    return shown_text(value) if isinstance(value, bytes) else value


SERDE: Final = HidingSerializer(allowed_msgpack_modules=True)


class FrameworkFailure(Exception):
    """A failure of a model or a tool whose own class cannot be made from a record."""


def packed(value: Any) -> list[str]:
    """A value as JSON. Raises ``TypeError`` if it cannot be recorded."""
    kind, body = SERDE.dumps_typed(value)
    return [kind, b64encode(body).decode()]


def unpacked(record: list[str]) -> Any:
    """The value that was packed."""
    return SERDE.loads_typed((record[0], b64decode(record[1])))


def failure_record(fault: Exception) -> dict[str, Any]:
    """What is recorded of an exception: its class, and what of it is plain JSON."""
    kind = type(fault)
    plain = {name: value for name, value in vars(fault).items() if name != "__notes__" and _is_plain(value)}
    args = [each if _is_plain(each) else str(each) for each in fault.args]
    return {"module": kind.__module__, "name": kind.__qualname__, "args": args, "fields": plain}


def failure(record: dict[str, Any]) -> Exception:
    """The exception that was recorded: of the same class, whatever its constructor asks for, with its plain fields."""
    try:
        found: Any = import_module(record["module"])
        for part in record["name"].split("."):
            found = getattr(found, part)
        if isinstance(found, type) and issubclass(found, Exception):
            made: Exception = found.__new__(found, *record["args"])
            made.args = tuple(record["args"])
            vars(made).update(record["fields"])
            str(made)  # some classes tell themselves by fields that are no JSON
            return made
    except Exception:  # noqa: S110  # the class is not there, or wants more than a record has
        pass
    text = ", ".join(map(str, record["args"])) or record["name"]
    return FrameworkFailure(text)


def _is_plain(value: Any) -> bool:
    try:
        return bool(msgspec.json.decode(msgspec.json.encode(value)) == value)
    except (TypeError, ValueError, OverflowError, RecursionError):
        return False
