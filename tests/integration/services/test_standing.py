"""No route and no socket of the running server outlives a credential, whatever its kind and whatever has ended it."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from ipaddress import ip_network
from typing import Any
from urllib.parse import quote

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jwt.api_jws import PyJWS
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from netra_backend.app.config import DEVELOPMENT
from netra_backend.app.core.api_keys import (
    ID_BYTES,
    SECRET_BYTES,
    ApiKey,
    digest_of,
    id_of,
    secret_of,
    written,
)
from netra_backend.app.core.error_catalogue import CATALOGUE
from netra_backend.app.core.identity import CLOCK_LEEWAY_MS, CREDENTIAL_KINDS, WEBSOCKET, Identity, TicketUse
from netra_backend.app.web.http.endpoint import Endpoint
from netra_backend.app.web.http.problems import PROBLEM
from test_framework.ids import new_id
from test_framework.served import Serve, Served

pytestmark = pytest.mark.asyncio(loop_scope="module")

LEEWAY_S = CLOCK_LEEWAY_MS / 1000
RETURN = "/api/mcp-authorization"
"""Where a browser comes back to with a state, which says whose it is; without one every request is malformed."""
OPEN = {"/healthz", "/readyz", "/openapi.json", "/asyncapi.json", "/errors", RETURN}
"""The paths that need nobody. /metrics is open to this machine alone, and a proxy asks for others."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A credential as it is shown: a token, or a ticket; ``user_id`` is whose it was."""

    user_id: str
    token: str = ""
    ticket: str = ""


class Issuer:
    """Makes credentials that have come to an end, of users who may do everything."""

    def __init__(self, served: Served) -> None:
        self._served = served
        self._key = bytes.fromhex((served.runtime.settings.data_dir / "development.key").read_text())

    @property
    def now_s(self) -> float:
        return self._served.runtime.clock.now_ms() / 1000

    def token(self, user_id: str = "", *, key: bytes = b"", typ: Any = "JWT", **claims: Any) -> Shown:
        """A token that counts, but for what is said; its id is its user's."""
        user_id = user_id or new_id("user")
        good = {
            "sub": user_id,
            "iss": DEVELOPMENT.issuer,
            "iat": self.now_s,
            "exp": self.now_s + 3600,
            "jti": user_id,
            "scope": "admin metrics",
        }
        payload = json.dumps(good | claims).encode()
        return Shown(user_id, PyJWS().encode(payload, key or self._key, algorithm="HS256", headers={"typ": typ}))

    async def revoked(self, user_id: str) -> None:
        await self._served.runtime.revocations.revoke(user_id, self._served.runtime.clock.now_ms())

    async def key_deleted(self, shown: Shown) -> None:
        await self._served.runtime.api_keys.delete(shown.user_id, shown.token.split("_")[1])

    async def token_revoked(self, user_id: str) -> None:
        await self._served.runtime.revocations.revoke_token(user_id, user_id, self._served.runtime.clock.now_ms())

    async def key(self, ends_s: float = 3600.0) -> Shown:
        """An API key that ends in so many seconds (is over for so many, below zero), of a user who may do everything."""
        runtime, secret = self._served.runtime, secret_of(secrets.token_bytes(SECRET_BYTES))
        now_ms = round(self.now_s * 1000)
        key = ApiKey(
            id_of(secrets.token_bytes(ID_BYTES)),
            new_id("user"),
            "ci",
            digest_of(secret),
            frozenset({"usage", "admin", "metrics"}),
            frozenset(),
            "",
            now_ms,
            now_ms,
            round((self.now_s + ends_s - LEEWAY_S) * 1000),
        )
        log: Any = runtime.log
        assert await log.api_keys.add(key, 9) == "added"
        return Shown(key.owner, written(key.key_id, secret))

    async def ticket(self, use: TicketUse, *, ends_s: float = 3600.0) -> Shown:
        """A ticket of a token that ends in so many seconds (is over for so many, below zero)."""
        identity = Identity(
            new_id("user"),
            frozenset({"usage", "admin", "metrics"}),
            round((self.now_s + ends_s - LEEWAY_S) * 1000),
            round(self.now_s * 1000) - CLOCK_LEEWAY_MS,
        )
        identity = replace(identity, token_id=identity.user_id)
        made = await self._served.runtime.tickets.issue(identity, use)
        return Shown(identity.user_id, ticket=made.value)


Make = Callable[[Issuer, float, TicketUse], Awaitable[Shown]]
"""``make(issuer, past, use)``: a credential that has ended, by ``past`` seconds where there is something to be past; a ticket is
for ``use`` unless that is what is wrong with it."""


async def expired(issuer: Issuer, past: float, use: TicketUse) -> Shown:
    return issuer.token(iat=issuer.now_s - LEEWAY_S - past - 60, exp=issuer.now_s - LEEWAY_S - past)


async def not_yet_valid(issuer: Issuer, past: float, use: TicketUse) -> Shown:
    return issuer.token(iat=issuer.now_s + LEEWAY_S + past + 60, exp=issuer.now_s + LEEWAY_S + past + 120)


async def of_a_revoked_user(issuer: Issuer, past: float, use: TicketUse) -> Shown:
    shown = issuer.token(iat=issuer.now_s - min(past, 3600))
    await issuer.revoked(shown.user_id)
    return shown


async def of_a_revoked_user_by_a_clock_that_is_ahead(issuer: Issuer, past: float, use: TicketUse) -> Shown:
    shown = issuer.token(iat=issuer.now_s + min(past, LEEWAY_S - 1))
    await issuer.revoked(shown.user_id)
    return shown


async def revoked_by_its_id(issuer: Issuer, past: float, use: TicketUse) -> Shown:
    shown = issuer.token()
    await issuer.token_revoked(shown.user_id)
    return shown


async def that_lives_too_long(issuer: Issuer, past: float, use: TicketUse) -> Shown:
    now_s = issuer.now_s
    return issuer.token(iat=now_s, exp=now_s + 86_400 + past)


async def made_for_logout(issuer: Issuer, past: float, use: TicketUse) -> Shown:
    return issuer.token(typ="logout+jwt")


async def for_another_audience(issuer: Issuer, past: float, use: TicketUse) -> Shown:
    return issuer.token(aud="billing")


async def of_another_key(issuer: Issuer, past: float, use: TicketUse) -> Shown:
    return issuer.token(key=b"another key, of thirty-two bytes")


async def ticket_of_an_expired_token(issuer: Issuer, past: float, use: TicketUse) -> Shown:
    return await issuer.ticket(use, ends_s=-past)


async def ticket_of_a_revoked_user(issuer: Issuer, past: float, use: TicketUse) -> Shown:
    shown = await issuer.ticket(use)
    await issuer.revoked(shown.user_id)
    return shown


async def ticket_of_a_revoked_token(issuer: Issuer, past: float, use: TicketUse) -> Shown:
    shown = await issuer.ticket(use)
    await issuer.token_revoked(shown.user_id)
    return shown


async def ticket_for_something_else(issuer: Issuer, past: float, use: TicketUse) -> Shown:
    return await issuer.ticket(WEBSOCKET if use.purpose == "download" else TicketUse("download", "/api/me"))


async def ticket_for_another_path(issuer: Issuer, past: float, use: TicketUse) -> Shown:
    return await issuer.ticket(TicketUse("download", "/api/another"))


async def expired_key(issuer: Issuer, past: float, use: TicketUse) -> Shown:
    return await issuer.key(-past)


async def key_of_a_revoked_user(issuer: Issuer, past: float, use: TicketUse) -> Shown:
    shown = await issuer.key()
    await issuer.revoked(shown.user_id)
    return shown


async def deleted_key(issuer: Issuer, past: float, use: TicketUse) -> Shown:
    shown = await issuer.key()
    await issuer.key_deleted(shown)
    return shown


async def key_with_another_secret(issuer: Issuer, past: float, use: TicketUse) -> Shown:
    shown, other = await issuer.key(), await issuer.key()
    return replace(shown, token=shown.token.rpartition("_")[0] + "_" + other.token.rpartition("_")[2])


async def made_up_ticket(issuer: Issuer, past: float, use: TicketUse) -> Shown:
    return Shown(new_id("user"), ticket=secrets.token_urlsafe(32))


ENDED: dict[Make, tuple[str, str]] = {
    expired: ("token", "token_expired"),
    not_yet_valid: ("token", "token_not_yet_valid"),
    of_a_revoked_user: ("token", "revoked"),
    of_a_revoked_user_by_a_clock_that_is_ahead: ("token", "revoked"),
    revoked_by_its_id: ("token", "revoked"),
    that_lives_too_long: ("token", "unauthenticated"),
    made_for_logout: ("token", "unauthenticated"),
    for_another_audience: ("token", "unauthenticated"),
    of_another_key: ("token", "unauthenticated"),
    ticket_of_an_expired_token: ("ticket", "token_expired"),
    ticket_of_a_revoked_user: ("ticket", "revoked"),
    ticket_of_a_revoked_token: ("ticket", "revoked"),
    ticket_for_something_else: ("ticket", "unauthenticated"),
    ticket_for_another_path: ("ticket", "unauthenticated"),
    made_up_ticket: ("ticket", "unauthenticated"),
    expired_key: ("key", "token_expired"),
    key_of_a_revoked_user: ("key", "revoked"),
    deleted_key: ("key", "unauthenticated"),
    key_with_another_secret: ("key", "unauthenticated"),
}
"""Each way in which a credential can be over: its kind, and the error that says so."""

WAYS = ["header", "subprotocol", "first frame"]
"""How a token can come to a WebSocket."""

CLOSES = {"token_expired": 4401, "token_not_yet_valid": 4403, "unauthenticated": 4501, "revoked": 4503}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def behind_proxy(serve_anywhere: Serve, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    """A server behind a proxy: each request comes from another address, so that none is one too many."""
    data_dir = tmp_path_factory.mktemp("standing") / "data"
    async with serve_anywhere(data_dir, trusted_proxies=(ip_network("127.0.0.0/8"),)) as served:
        yield served


@pytest.fixture
def issuer(behind_proxy: Served) -> Issuer:
    return Issuer(behind_proxy)


def from_anywhere() -> dict[str, str]:
    return {"X-Forwarded-For": f"2001:db8:{secrets.token_hex(2)}:{secrets.token_hex(2)}::1"}


def path_of(endpoint: Endpoint) -> str:
    return endpoint.path.replace("{", "x").replace("}", "1")


async def answer_of(served: Served, issuer: Issuer, endpoint: Endpoint, make: Make, past: float) -> tuple[int, str]:
    """How the endpoint answers what this shows."""
    path = path_of(endpoint)
    shown = await make(issuer, past, TicketUse("download", path if path.startswith("/api/") else "/api/me"))
    headers = from_anywhere() | ({"Authorization": f"Bearer {shown.token}"} if shown.token else {})
    address = f"{path}?ticket={quote(shown.ticket)}" if shown.ticket else path
    async with served.http(None) as http:
        answer = await http.request(endpoint.method, address, headers=headers)
    if endpoint.told is not None and answer.is_error:
        return answer.status_code, answer.json()["error"]["code"]
    told = answer.json() if answer.headers.get("content-type") == PROBLEM else {}
    return answer.status_code, told.get("error", "")


async def close_of(served: Served, issuer: Issuer, make: Make, past: float, way: str) -> tuple[str, int]:
    """The error that a WebSocket tells first, and the code that it is closed with."""
    shown = await make(issuer, past, WEBSOCKET)
    address, how = f"{served.url.replace('http', 'ws')}/ws/{shown.user_id}", dict[str, Any]()
    headers = from_anywhere()
    if way == "ticket":
        address += f"?ticket={quote(shown.ticket)}"
    elif way == "header":
        headers["Authorization"] = f"Bearer {shown.token}"
    elif way == "subprotocol":
        how = {"subprotocols": ["netra.v1", f"bearer.{shown.token}"]}
    async with connect(address, proxy=None, additional_headers=headers, **how) as socket:
        if way == "first frame":
            await socket.send(json.dumps({"type": "authenticate", "token": shown.token}))
        first = json.loads(await socket.recv())
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
    assert closed.value.rcvd is not None
    return first.get("error", first["type"]), closed.value.rcvd.code


async def test_each_kind_of_credential_is_seen_to_end() -> None:
    assert {kind for kind, _ in ENDED.values()} == set(CREDENTIAL_KINDS)
    assert {error: CATALOGUE[error].close_code for _, error in ENDED.values()} == CLOSES


@pytest.mark.validation_point(
    "auth.expired", "auth.not_yet", "auth.revoked", "auth.lifetime", "auth.typ", "auth.audience", "ticket.purpose"
)
@pytest.mark.parametrize("make", ENDED, ids=lambda make: make.__name__)
async def test_no_route_but_the_open_ones_outlives_a_credential(
    behind_proxy: Served, issuer: Issuer, make: Make
) -> None:
    error = ENDED[make][1]
    for endpoint in behind_proxy.http_application.endpoints:
        status, told = await answer_of(behind_proxy, issuer, endpoint, make, 1.0)
        if endpoint.path in OPEN:
            assert status in ((400,) if endpoint.path == RETURN else (200, 503)), endpoint
            continue
        is_ticket_elsewhere = make in (ticket_of_an_expired_token, ticket_of_a_revoked_user, ticket_of_a_revoked_token)
        opens = endpoint.method == "GET" and endpoint.path.startswith("/api/")
        may_say = {error, "unauthenticated"} if is_ticket_elsewhere and not opens else {error}
        if endpoint.path == "/metrics":
            may_say.add("unauthenticated")
        assert (status, told in may_say) == (401, True), (endpoint.method, endpoint.path, told)


async def test_a_ticket_for_a_download_opens_no_other_route(behind_proxy: Served, issuer: Issuer) -> None:
    """Each route is shown a ticket that is good, for the path that it has; only what everybody may get is given."""

    async def good(issuer: Issuer, past: float, use: TicketUse) -> Shown:
        return await issuer.ticket(use)

    for endpoint in behind_proxy.http_application.endpoints:
        status, _ = await answer_of(behind_proxy, issuer, endpoint, good, 0.0)
        opens = endpoint.method == "GET" and endpoint.scope == "usage" and not endpoint.manages
        if endpoint.path not in OPEN and not (opens and endpoint.path.startswith("/api/")):
            assert status in (401, 403), (endpoint.method, endpoint.path)
        else:
            assert status not in (401, 403), (endpoint.method, endpoint.path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
async def test_however_long_it_is_over_a_credential_opens_nothing(
    behind_proxy: Served, issuer: Issuer, data: st.DataObject
) -> None:
    make = data.draw(st.sampled_from(list(ENDED)))
    past = data.draw(st.sampled_from([0.001, 1.0, 29.0, 31.0, 3600.0]) | st.floats(0.001, 1e8))
    guarded = [each for each in behind_proxy.http_application.endpoints if each.path not in OPEN]
    endpoint, way = data.draw(st.sampled_from(guarded)), data.draw(st.sampled_from(WAYS))
    assert (await answer_of(behind_proxy, issuer, endpoint, make, past))[0] == 401
    kind, error = ENDED[make]
    way = "ticket" if kind == "ticket" else way
    assert await close_of(behind_proxy, issuer, make, past, way) == (error, CLOSES[error])


@pytest.mark.parametrize("make", ENDED, ids=lambda make: make.__name__)
async def test_a_websocket_closes_with_the_code_that_says_why(behind_proxy: Served, issuer: Issuer, make: Make) -> None:
    kind, error = ENDED[make]
    for way in ["ticket"] if kind == "ticket" else WAYS:
        assert await close_of(behind_proxy, issuer, make, 1.0, way) == (error, CLOSES[error]), way


async def test_no_body_that_comes_after_a_sign_in_has_ended_has_an_effect(behind_proxy: Served, issuer: Issuer) -> None:
    """Each route that reads a body gets its head while the sign-in stands. The server asks for the body then (``100 Continue``,
    RFC 9110, 15.2.1), and gets it when the sign-in was revoked."""
    refused: set[str] = set()
    for endpoint in behind_proxy.http_application.endpoints:
        if endpoint.method == "GET" or endpoint.path in OPEN:
            continue
        shown = issuer.token()
        host = behind_proxy.url.removeprefix("http://")
        reader, writer = await asyncio.open_connection(*host.split(":"))
        head = (
            f"{endpoint.method} {path_of(endpoint)} HTTP/1.1",
            f"Host: {host}",
            f"Authorization: Bearer {shown.token}",
            *(f"{name}: {value}" for name, value in from_anywhere().items()),
            "Content-Length: 2",
            "Expect: 100-continue",
        )
        writer.write("\r\n".join((*head, "\r\n")).encode())
        if b" 100 " in await reader.readline():
            await issuer.revoked(shown.user_id)
            writer.write(b"{}")
            answer = (await reader.readuntil(b"}")).decode()  # the problem is one flat object
            assert "HTTP/1.1 401 " in answer, (endpoint.method, endpoint.path, answer[:200])
            assert '"error":"revoked"' in answer
            refused.add(endpoint.name)
        writer.close()
        await writer.wait_closed()
    assert len(refused) >= 5, refused
