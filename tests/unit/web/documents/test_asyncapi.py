"""AsyncAPI is made of the structs of the wire: every frame and event, whole, with references that lead somewhere."""

from __future__ import annotations

import json
import re
from typing import Any

from netra_backend.app.core.error_catalogue import CATALOGUE
from netra_backend.app.core.frames import CLIENT_TYPES, decode
from netra_backend.app.core.message_parts import MAX_PARTS
from netra_backend.app.web.documents.asyncapi import asyncapi, client_frames, server_frames


def document() -> dict[str, Any]:
    return asyncapi(version="1", url="wss://chat.example.org/netra")


def at(told: Any, pointer: str) -> Any:
    for name in pointer.removeprefix("#/").split("/"):
        told = told[name]
    return told


def test_every_reference_leads_somewhere() -> None:
    told = document()
    pointers = re.findall(r'"\$ref": "([^"]+)"', json.dumps(told))
    assert len(pointers) > 50
    for pointer in pointers:
        assert isinstance(at(told, pointer), dict), pointer


def test_clients_may_send_what_the_server_decodes_and_nothing_else() -> None:
    told = document()
    sent = [reference["$ref"].rpartition("/")[2] for reference in told["operations"]["ask"]["messages"]]
    assert sorted(sent) == sorted(CLIENT_TYPES)
    assert told["operations"]["ask"]["action"] == "receive"


def test_the_server_sends_every_control_frame_and_every_event() -> None:
    told = document()
    said = {reference["$ref"].rpartition("/")[2] for reference in told["operations"]["tell"]["messages"]}
    assert said >= {"connected", "accepted", "live", "reset", "pong", "error", "heartbeat", "drain"}
    assert said >= {"agent_started", "agent_thinking", "tool_executing", "tool_completed", "agent_completed"}
    assert len(said) == len(server_frames())
    assert len(told["components"]["messages"]) == len(said) + len(client_frames())


def test_a_frame_has_the_fields_of_its_struct_and_its_type_as_a_constant() -> None:
    told = document()
    payload = at(told, at(told, "#/components/messages/execute_agent")["payload"]["$ref"])
    assert payload["properties"]["type"] == {"enum": ["execute_agent"]}
    assert payload["additionalProperties"] is False
    assert set(payload["required"]) == {"type"}  # and message or parts
    assert payload["properties"]["parts"]["maxItems"] == MAX_PARTS
    example = {"type": "execute_agent", "agent": "triage_agent", "message": "hello"}
    assert decode(json.dumps(example)).__struct_fields__


def test_the_document_tells_the_close_codes_and_where_the_server_is() -> None:
    told = document()
    for kind in CATALOGUE.values():
        assert kind.close_code is None or f"{kind.close_code} {kind.id}" in told["info"]["description"]
    here = told["servers"]["here"]
    assert (here["protocol"], here["host"], here["pathname"]) == ("wss", "chat.example.org", "/netra")
    assert asyncapi(version="1")["servers"]["here"]["pathname"] == "/"
