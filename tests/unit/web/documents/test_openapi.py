"""OpenAPI is made of endpoints: parameters, bodies, answers and faults."""

from __future__ import annotations

from typing import Any

import msgspec

from netra_backend.app.web.documents.openapi import openapi
from netra_backend.app.web.http.endpoint import BINARY, HTML, MARKDOWN, NDJSON, Endpoint, Query


class Asked(msgspec.Struct):
    title: str


class Told(msgspec.Struct):
    """What is told."""

    count: int


class Line(msgspec.Struct):
    done: int


async def handler(*_: Any) -> Any: ...


def endpoint(path: str, name: str, **fields: Any) -> Endpoint:
    return Endpoint(**{"method": "GET", "path": path, "name": name, "about": name, "handler": handler, **fields})


ENDPOINTS = [
    endpoint("/api/threads/{thread_id}", "read", answer=Told, refusals=("not_found",)),
    endpoint("/api/threads/{thread_id}", "change", method="PATCH", body=Asked, answer=Told),
    endpoint("/api/files", "send", method="POST", body=BINARY, answer=Told, lines=(Line, Told), status=201),
    endpoint(
        "/api/page", "page", media=HTML, scope=None, query=(Query("q", str, "words"), Query("m", int, "n", many=True))
    ),
    endpoint("/api/report", "report", answer=Told, media=MARKDOWN),
    endpoint("/ready", "ready", scope=None, answer=Told, also=(503,)),
]


def document() -> dict[str, Any]:
    return openapi(ENDPOINTS, version="1", url="/")


def test_the_document_is_valid() -> None:
    from openapi_spec_validator import OpenAPIV31SpecValidator

    OpenAPIV31SpecValidator(document()).validate()


def test_methods_of_one_path_stand_together_with_its_parameters() -> None:
    path = document()["paths"]["/api/threads/{thread_id}"]
    assert set(path) == {"get", "patch"}
    (parameter,) = path["get"]["parameters"]
    assert (parameter["name"], parameter["in"], parameter["required"]) == ("thread_id", "path", True)
    assert path["patch"]["requestBody"]["content"]["application/json"]["schema"] == {
        "$ref": "#/components/schemas/Asked"
    }


def test_fields_of_a_query_have_their_types() -> None:
    first, second = document()["paths"]["/api/page"]["get"]["parameters"]
    assert (first["schema"], first["required"]) == ({"type": "string"}, False)
    assert second["schema"] == {"type": "array", "items": {"type": "integer"}}


def test_answers_are_told_by_their_media() -> None:
    paths = document()["paths"]
    sent = paths["/api/files"]["post"]
    assert set(sent["requestBody"]["content"]) == {BINARY}
    assert set(sent["responses"]["201"]["content"]) == {"application/json", NDJSON}
    assert set(paths["/api/page"]["get"]["responses"]["200"]["content"]) == {HTML}
    report = paths["/api/report"]["get"]["responses"]["200"]["content"]
    assert report["application/json"]["schema"] == {"$ref": "#/components/schemas/Told"}
    assert report[MARKDOWN]["schema"] == {"type": "string"}
    assert (
        paths["/ready"]["get"]["responses"]["503"]["content"] == paths["/ready"]["get"]["responses"]["200"]["content"]
    )


def test_faults_stand_at_their_status_with_the_errors_that_have_it() -> None:
    told = document()["paths"]["/api/threads/{thread_id}"]["get"]["responses"]
    assert "`not_found`" in told["404"]["description"]
    assert "`rate_limited`" in told["429"]["description"]
    assert "Retry-After" in told["429"]["headers"]
    assert set(told["404"]["content"]) == {"application/problem+json"}


def test_a_endpoint_says_who_may_open_it() -> None:
    paths = document()["paths"]
    assert paths["/api/page"]["get"]["security"] == []
    assert {"bearer": ["usage"]} in paths["/api/files"]["post"]["security"]
