"""``/api/secrets``: what users give to agents and never see again."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from ...core.identity import Identity
from ...core.limits import Limits
from ...services.audit_trail import AuditTrail
from ...services.secrets import Secrets
from ..http.client_address import address_of
from ..http.endpoint import Endpoint, json_response
from ..http.request_body import json_of
from .threads import Deleted


class SecretValue(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    value: str


class StoredSecret(msgspec.Struct, frozen=True):
    name: str


class ListedSecret(msgspec.Struct, frozen=True):
    name: str
    updated_ms: int


class ListedSecrets(msgspec.Struct, frozen=True):
    """By their names. What they hold is told to nobody."""

    secrets: list[ListedSecret]


def secret_endpoints(*, secrets: Secrets, audit_trail: AuditTrail, limits: Limits) -> list[Endpoint]:
    """The endpoints of secrets."""

    async def put(request: Request, identity: Identity) -> Response:
        name = request.path_params["name"]
        given = await json_of(request, SecretValue, limits)
        await secrets.put(identity.user_id, name, given.value)
        audit_trail.happened(identity.user_id, "secret_set", address=address_of(request), name=name)
        return json_response(StoredSecret(name))

    async def listed(_: Request, identity: Identity) -> Response:
        found = await secrets.names(identity.user_id)
        return json_response(ListedSecrets([ListedSecret(*each) for each in found]))

    async def delete(request: Request, identity: Identity) -> Response:
        name = request.path_params["name"]
        await secrets.delete(identity.user_id, name)
        audit_trail.happened(identity.user_id, "secret_deleted", address=address_of(request), name=name)
        return json_response(Deleted(name))

    return [
        Endpoint(
            method="GET",
            path="/api/secrets",
            name="listSecrets",
            about="The names of your secrets.",
            handler=listed,
            answer=ListedSecrets,
        ),
        Endpoint(
            method="PUT",
            path="/api/secrets/{name}",
            name="setSecret",
            about="Give agents a secret, such as a key of yours to another service. Nobody can read it back.",
            handler=put,
            manages=True,
            body=SecretValue,
            answer=StoredSecret,
            refusals=("invalid_frame", "conflict", "payload_too_large"),
        ),
        Endpoint(
            method="DELETE",
            path="/api/secrets/{name}",
            name="deleteSecret",
            about="Delete a secret.",
            handler=delete,
            manages=True,
            answer=Deleted,
            refusals=("not_found",),
        ),
    ]
