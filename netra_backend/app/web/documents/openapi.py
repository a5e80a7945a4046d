"""``/openapi.json``: the HTTP API as OpenAPI 3.1, made of the very endpoints that serve it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from ...core.error_catalogue import CATALOGUE
from ...core.identity import EVERYBODY
from ..http.endpoint import BINARY, JSON, NDJSON, Endpoint
from ..http.problems import PROBLEM, Problem

_REF: Final = "#/components/schemas/{name}"
_NAME_IN_PATH = re.compile(r"{(\w+)}")
_SENTENCES: Final = {
    "thread_id": "A thread's id.",
    "ref": "The ref by which an event names a blob: the SHA-256 of its bytes.",
    "file_id": "A file's id.",
    "name": "The name of a secret.",
    "server_id": "An MCP server's id.",
    "key_id": "An API key's id.",
    "model": "The name of an agent.",
    "chat_id": "What the client calls the chat.",
    "run_id": "A run's id.",
    "dataset_id": "A dataset's id.",
    "approval_id": "An approval's id.",
    "question_id": "A question's id, or an approval's.",
    "user_id": "A user's id.",
}


def openapi(endpoints: Iterable[Endpoint], *, version: str, url: str = "/") -> dict[str, Any]:
    """The document for these endpoints, reached at ``url``."""
    endpoints = list(endpoints)
    schemas = _Schemas(endpoints)
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Netra",
            "version": version,
            "description": "HTTP API beside the WebSocket API of /asyncapi.json. Every error is a problem "
            "document (RFC 9457) whose `error` is an id from /errors. Answers with 429 and "
            "503 carry Retry-After.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": url}],
        "tags": [{"name": name} for name in dict.fromkeys(endpoint.group for endpoint in endpoints)],
        "paths": paths,
        "components": {
            "schemas": schemas.components,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                "key": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
                "ticket": {"type": "apiKey", "in": "query", "name": "ticket"},
            },
        },
    }


class _Schemas:
    """The schemas of all types that endpoints name, made together so that they share components."""

    def __init__(self, endpoints: list[Endpoint]) -> None:
        named = [
            kind
            for endpoint in endpoints
            for kind in (endpoint.answer, *endpoint.lines, endpoint.body)
            if kind not in (None, BINARY)
        ]
        named += [query.kind for endpoint in endpoints for query in endpoint.query]
        self._types: list[Any] = [Problem, *named]
        self._schemas, self.components = msgspec.json.schema_components(self._types, ref_template=_REF)

    def of(self, kind: Any) -> dict[str, Any]:
        """The schema of one of them."""
        return self._schemas[self._types.index(kind)]


def _operation(endpoint: Endpoint, schemas: _Schemas) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": endpoint.name,
        "summary": endpoint.about,
        "tags": [endpoint.group],
        "parameters": [*_in_path(endpoint), *_in_query(endpoint, schemas)],
        "responses": _responses(endpoint, schemas),
        "security": _security(endpoint),
    }
    if endpoint.body is not None:
        is_file = endpoint.body is BINARY
        content = {BINARY: {}} if is_file else {JSON: {"schema": schemas.of(endpoint.body)}}
        operation["requestBody"] = {"required": endpoint.body_required, "content": content}
    return operation


def _security(endpoint: Endpoint) -> list[dict[str, list[str]]]:
    """An API key opens all but what manages credentials, with one of several scopes; a ticket what it can be made for: a GET that
    everybody who is signed in may send."""
    if endpoint.scope is None:
        return []
    bearer: list[dict[str, list[str]]] = [{"bearer": [endpoint.scope]}]
    if endpoint.manages:
        return bearer
    by_key = [{"key": [scope]} for scope in (endpoint.scope, *endpoint.other_scopes)]
    by_ticket = endpoint.method == "GET" and endpoint.scope == EVERYBODY and endpoint.path.startswith("/api/")
    return [*bearer, *by_key, *([{"ticket": [endpoint.scope]}] if by_ticket else [])]


def _in_path(endpoint: Endpoint) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "description": _SENTENCES[name], "schema": {"type": "string"}}
        for name in _NAME_IN_PATH.findall(endpoint.path)
    ]


def _in_query(endpoint: Endpoint, schemas: _Schemas) -> list[dict[str, Any]]:
    def schema(kind: Any, many: bool) -> dict[str, Any]:
        return {"type": "array", "items": schemas.of(kind)} if many else schemas.of(kind)

    return [
        {
            "name": query.name,
            "in": "query",
            "required": False,
            "description": query.about,
            "schema": schema(query.kind, query.many),
        }
        for query in endpoint.query
    ]


def _responses(endpoint: Endpoint, schemas: _Schemas) -> dict[str, Any]:
    content: dict[str, Any] = {}
    if endpoint.answer is not None:
        content[JSON] = {"schema": schemas.of(endpoint.answer)}
    if endpoint.lines:
        content[NDJSON] = {"schema": {"anyOf": [schemas.of(kind) for kind in endpoint.lines]}}
    if endpoint.media not in (JSON, NDJSON) or not content:
        content[endpoint.media.partition(";")[0]] = {"schema": {"type": "string"}}
    responses: dict[str, Any] = {
        str(status): {"description": "Success." if status < 400 else "At least one check failed.", "content": content}
        for status in (endpoint.status, *endpoint.also)
    }
    for status, errors in _by_status(endpoint.faults).items():
        responses[str(status)] = {
            "description": "; ".join(f"`{error}`: {CATALOGUE[error].text}" for error in errors),
            "content": {PROBLEM: {"schema": schemas.of(Problem)}} if endpoint.told is None else {JSON: {"schema": {}}},
        }
        if status in (429, 503):
            responses[str(status)]["headers"] = {
                "Retry-After": {"schema": {"type": "integer"}, "description": "Seconds."}
            }
    return responses


def _by_status(errors: Iterable[str]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for error in errors:
        found.setdefault(CATALOGUE[error].status, []).append(error)
    return dict(sorted(found.items()))
