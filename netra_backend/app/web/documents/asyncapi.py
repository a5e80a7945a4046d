"""``/asyncapi.json``: the WebSocket as AsyncAPI 3.0, made of the very structs that decode and encode its frames."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, get_args
from urllib.parse import urlsplit

import msgspec

from ...core.error_catalogue import CATALOGUE
from ...core.events import KnownEvent
from ...core.frames import PROTOCOL, AnyClientFrame, ServerFrame

_REF: Final = "#/components/schemas/{name}"


def client_frames() -> tuple[Any, ...]:
    """What a client may send."""
    return get_args(AnyClientFrame)


def server_frames() -> tuple[Any, ...]:
    """What a server may send: control frames, then events."""
    return (*ServerFrame.__subclasses__(), *get_args(KnownEvent))


def asyncapi(*, version: str, url: str = "ws://127.0.0.1:8000") -> dict[str, Any]:
    """The document of a server that is reached at ``url``."""
    sent, told = client_frames(), server_frames()
    schemas, components = msgspec.json.schema_components((*sent, *told), ref_template=_REF)
    messages = {
        kind.__struct_config__.tag: {
            "name": kind.__struct_config__.tag,
            "title": kind.__name__,
            "summary": " ".join((kind.__doc__ or "").split()),
            "contentType": "application/json",
            "payload": schema,
        }
        for kind, schema in zip((*sent, *told), schemas, strict=True)
    }
    at = urlsplit(url)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Netra",
            "version": version,
            "description": f"Protocol {PROTOCOL}: text frames of UTF-8 JSON, one object per frame; `type` "
            f"says which. {_closes(CATALOGUE)}",
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "here": {
                "host": at.netloc,
                "pathname": at.path or "/",
                "protocol": at.scheme,
                "security": [{"$ref": "#/components/securitySchemes/bearer"}],
            }
        },
        "channels": {
            "user": {
                "address": "/ws/{user_id}",
                "summary": "All threads of one user, over one connection per device.",
                "parameters": {"user_id": {"description": "The user that the token was issued for (GET /api/me)."}},
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
            }
        },
        "operations": {
            "ask": _operation("receive", "What a client can send.", sent),
            "tell": _operation("send", "What the server sends: control frames and events.", told),
        },
        "components": {
            "messages": messages,
            "schemas": components,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


def _operation(action: str, summary: str, kinds: tuple[Any, ...]) -> dict[str, Any]:
    return {
        "action": action,
        "channel": {"$ref": "#/channels/user"},
        "summary": summary,
        "messages": [{"$ref": f"#/channels/user/messages/{kind.__struct_config__.tag}"} for kind in kinds],
    }


def _closes(catalogue: Mapping[str, Any]) -> str:
    closing = sorted((kind.close_code, kind.id) for kind in catalogue.values() if kind.close_code is not None)
    return "Close codes: " + ", ".join(f"{code} {error}" for code, error in closing) + "."
