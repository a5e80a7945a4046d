"""``/api/keys``: how a user lets programs in."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from ...agents.supervisor.agent_registry import AgentRegistry
from ...core.api_keys import ApiKey
from ...core.identity import EVERYBODY, Identity
from ...core.limits import Limits
from ...core.plans import Plans
from ...services.api_keys import ApiKeys, WantedKey
from ...services.audit_trail import AuditTrail
from ..http.client_address import address_of
from ..http.endpoint import Endpoint, json_response
from ..http.request_body import json_of
from .threads import Deleted


class NewApiKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``scopes`` are what it may do: ``usage`` (ask agents and use their tools), ``read``, ``ingest`` (import usage),
    ``metrics``, ``admin``; the last two only from who has them. With ``agents`` it may ask these alone. It ends at ``expires_at``
    (ms since 1970 UTC), or when the operator's limit says."""

    name: str
    scopes: list[str] = msgspec.field(default_factory=lambda: [EVERYBODY])
    agents: list[str] = []
    expires_at: int | None = None


class MadeApiKey(msgspec.Struct, frozen=True):
    """``key`` is returned this once."""

    id: str
    key: str
    expires_at: int


class ListedApiKey(msgspec.Struct, frozen=True):
    """Times are ms since 1970 UTC; ``last_used_at`` is exact to a minute, ``null`` if it never was. Without ``agents`` it may
    ask all of yours."""

    id: str
    name: str
    scopes: list[str]
    agents: list[str]
    created_at: int
    expires_at: int
    last_used_at: int | None


class ListedApiKeys(msgspec.Struct, frozen=True):
    """By their names, those that have expired included."""

    keys: list[ListedApiKey]


def listed_key(key: ApiKey) -> ListedApiKey:
    """What a user sees of their key."""
    times = key.created_ms, key.expires_ms, key.used_ms or None
    return ListedApiKey(key.key_id, key.name, sorted(key.scopes), sorted(key.agents), *times)


def key_endpoints(
    *, api_keys: ApiKeys, registry: AgentRegistry, plans: Plans | None, audit_trail: AuditTrail, limits: Limits
) -> list[Endpoint]:
    """The endpoints of API keys."""

    async def make(request: Request, identity: Identity) -> Response:
        given = await json_of(request, NewApiKey, limits)
        plan = None if plans is None else plans.of(identity.plan)
        for agent in given.agents:
            registry.check(agent, plan)
        key, written = await api_keys.make(
            identity, WantedKey(given.name, given.scopes, given.agents, given.expires_at)
        )
        told = {"key_id": key.key_id, "name": key.name, "scopes": " ".join(sorted(key.scopes))}
        audit_trail.happened(identity.user_id, "api_key_created", address=address_of(request), **told)
        return json_response(MadeApiKey(key.key_id, written, key.expires_ms), 201)

    async def listed(_: Request, identity: Identity) -> Response:
        return json_response(ListedApiKeys([listed_key(key) for key in await api_keys.of(identity.user_id)]))

    async def delete(request: Request, identity: Identity) -> Response:
        key = await api_keys.delete(identity.user_id, request.path_params["key_id"])
        told = {"key_id": key.key_id, "name": key.name}
        audit_trail.happened(identity.user_id, "api_key_deleted", address=address_of(request), **told)
        return json_response(Deleted(key.key_id))

    return [
        Endpoint(
            method="POST",
            path="/api/keys",
            name="createApiKey",
            about="An API key, for a program that signs in as you: as a bearer token, or in X-Api-Key.",
            handler=make,
            manages=True,
            body=NewApiKey,
            answer=MadeApiKey,
            status=201,
            refusals=("invalid_frame", "unknown_agent", "conflict", "payload_too_large"),
        ),
        Endpoint(
            method="GET",
            path="/api/keys",
            name="listApiKeys",
            about="Your API keys, without what opens.",
            handler=listed,
            manages=True,
            answer=ListedApiKeys,
        ),
        Endpoint(
            method="DELETE",
            path="/api/keys/{key_id}",
            name="deleteApiKey",
            about="Delete an API key. It opens nothing any more, and its connections close.",
            handler=delete,
            manages=True,
            answer=Deleted,
            refusals=("not_found",),
        ),
    ]
