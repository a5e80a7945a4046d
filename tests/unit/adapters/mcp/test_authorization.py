"""OAuth with the authorization server of an MCP server, over real sockets: an honest one, and such as lie, flood or are down."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from ipaddress import ip_network
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
from mcp.shared.auth import OAuthClientInformationFull
from pydantic import AnyUrl
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse

from netra_backend.app.adapters.mcp.client import SdkClient
from netra_backend.app.core.errors import EgressRefused, ToolError
from netra_backend.app.core.limits import USUAL
from netra_backend.app.mcp_ports import Grant, McpServer, OAuthClient, WantedAccess
from tests.mcp_servers import served
from tests.oauth_servers import Guarded, consent

CLIENT = SdkClient((ip_network("127.0.0.0/8"),), replace(USUAL, mcp_open_s=5.0))
BACK = "http://127.0.0.1:1/back"
METADATA, RESOURCE = "/.well-known/oauth-authorization-server", "/.well-known/oauth-protected-resource/mcp"


def at(origin: str) -> McpServer:
    return McpServer("user_ada", "mcp_1", "shop", f"{origin}/mcp", "Authorization", uses_oauth=True)


def begin(origin: str, wanted: WantedAccess | None = None, client: SdkClient = CLIENT) -> Any:
    return client.begin(at(origin), wanted or WantedAccess(), BACK, "the-state")


def asked_of(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query))


async def test_it_is_registered_asks_with_pkce_for_one_resource_and_gets_tokens_that_it_renews() -> None:
    guarded = Guarded()
    async with served(guarded) as origin:
        begun = await begin(origin)
        asked = asked_of(begun.url)
        assert begun.url.startswith(f"{origin}/authorize?")
        assert (asked["state"], asked["code_challenge_method"], asked["resource"]) == (
            "the-state",
            "S256",
            f"{origin}/mcp",
        )
        assert (asked["scope"], asked["redirect_uri"], begun.needs_issuer) == ("notes", BACK, False)
        assert begun.verifier not in begun.url
        back = await consent(begun.url, guarded.provider, "ada")
        with pytest.raises(ToolError, match="gave no token: 'invalid_grant'"):
            await CLIENT.redeem(at(origin), begun.grant, back["code"], "x" * 43, BACK)
        tokens = await CLIENT.redeem(at(origin), begun.grant, back["code"], begun.verifier, BACK)
        assert tokens.access in guarded.provider.access
        assert tokens.expires_in_s == 3_600
        renewed = await CLIENT.renew(at(origin), begun.grant, tokens.refresh)
        assert renewed.access in guarded.provider.access
        with pytest.raises(ToolError) as fault:
            await CLIENT.renew(at(origin), begun.grant, tokens.refresh)
        assert fault.value.code == "MCP_NOT_AUTHORIZED"
        forms = [dict(parse_qsl(body.decode())) for body in guarded.asked if body]
        assert [form["resource"] for form in forms] == [f"{origin}/mcp"] * 4
    (client,) = guarded.provider.clients.values()
    assert (client.client_name, client.application_type) == ("Netra", "native")


@pytest.mark.parametrize("methods", [None, ["client_secret_post"]])
async def test_a_client_of_the_users_own_is_not_registered_and_its_secret_goes_to_the_token_endpoint(
    methods: list[str] | None,
) -> None:
    guarded = Guarded(
        None, **({"token_endpoint_auth_methods_supported": methods} if methods else {"scopes_supported": []})
    )
    method = "client_secret_post" if methods else "client_secret_basic"
    guarded.provider.clients["mine"] = OAuthClientInformationFull(
        client_id="mine",
        client_secret="canary-secret",
        redirect_uris=[AnyUrl(BACK)],
        token_endpoint_auth_method=method,
        scope="notes other",
    )
    async with served(guarded) as origin:
        begun = await begin(origin, WantedAccess("mine", "canary-secret", "other"))
        assert asked_of(begun.url)["scope"] == "other"
        assert begun.grant.client == OAuthClient("mine", "canary-secret", method)
        assert "canary" not in begun.url
        back = await consent(begun.url, guarded.provider, "ada")
        await CLIENT.redeem(at(origin), begun.grant, back["code"], begun.verifier, BACK)
    assert "/register" not in guarded.paths


async def test_a_server_that_publishes_nothing_of_itself_has_its_authorization_server_beside_it() -> None:
    guarded = Guarded()
    for path in (RESOURCE, "/.well-known/oauth-protected-resource"):
        guarded.answers[path] = Response(status_code=404)
    async with served(guarded) as origin:
        begun = await begin(origin)
        assert asked_of(begun.url)["resource"] == f"{origin}/mcp"
        guarded.answers[RESOURCE] = Response(status_code=500)
        with pytest.raises(ToolError) as fault:
            await begin(origin)
        assert fault.value.code == "MCP_UNREACHABLE"


async def test_an_address_with_a_query_keeps_it_and_offline_access_asks_for_consent() -> None:
    guarded = Guarded(scopes_supported=["offline_access"])
    async with served(guarded) as origin:
        guarded.publishes["authorization_endpoint"] = f"{origin}/authorize?tenant=one"
        guarded.answers["/register"] = JSONResponse({"client_id": "given"})
        url = (await begin(origin)).url
        assert parse_qs(urlsplit(url).query)["tenant"] == ["one"]
        assert (asked_of(url)["prompt"], asked_of(url)["scope"]) == ("consent", "notes offline_access")


@pytest.mark.parametrize(
    ("publishes", "words"),
    [
        ({"code_challenge_methods_supported": ["plain"]}, "does not support PKCE"),
        ({"code_challenge_methods_supported": None}, "does not support PKCE"),
        ({"issuer": "https://evil.invalid/"}, "says that it is another one"),
        ({"registration_endpoint": None}, "registers no clients"),
        ({"token_endpoint": "https://user:canary@evil.invalid/"}, "cannot be asked"),
        ({"authorization_endpoint": "https://evil.invalid/#canary"}, "cannot be asked"),
        ({"authorization_endpoint": f"https://evil.invalid/{'x' * 3_000}"}, "cannot be asked"),
        ({"authorization_endpoint": "javascript:canary()"}, "No authorization server"),
    ],
)
async def test_an_authorization_server_that_does_not_fit_is_refused(publishes: dict[str, Any], words: str) -> None:
    guarded = Guarded(**publishes)
    async with served(guarded) as origin:
        with pytest.raises(ToolError, match=words) as fault:
            await begin(origin)
    assert fault.value.code == "MCP_NOT_AUTHORIZED"
    assert "canary" not in str(fault.value)
    assert "/token" not in guarded.paths


def flood() -> Response:
    async def parts() -> AsyncIterator[bytes]:
        while True:
            yield b" " * 65_536
            await asyncio.sleep(0)

    return StreamingResponse(parts(), media_type="application/json")


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        (METADATA, lambda: Response(b"[" * 9_000)),
        (METADATA, lambda: Response(b"canary", media_type="text/html")),
        (METADATA, lambda: Response(b"\xff\xfe")),
        (METADATA, lambda: RedirectResponse("https://evil.invalid/canary")),
        (METADATA, flood),
        (METADATA, lambda: Response(status_code=500)),
        (
            RESOURCE,
            lambda: JSONResponse({"resource": "https://evil.invalid/canary", "authorization_servers": ["https://a.b"]}),
        ),
        (RESOURCE, flood),
        ("/register", lambda: JSONResponse({"error": "canary"}, 400)),
        ("/register", lambda: JSONResponse({"client_id": "x\ncanary"}, 201)),
        ("/register", lambda: JSONResponse({"client_id": "x", "token_endpoint_auth_method": "canary"}, 201)),
        ("/register", lambda: Response(b"canary", 201)),
        ("/register", flood),
    ],
)
async def test_what_a_server_answers_wrong_is_an_error_in_our_words(path: str, answer: Callable[[], Response]) -> None:
    guarded = Guarded()
    async with served(guarded) as origin:
        guarded.answers[path] = answer()
        with pytest.raises(ToolError) as fault:
            await begin(origin)
    assert fault.value.code in ("MCP_NOT_AUTHORIZED", "MCP_UNREACHABLE")
    assert "canary" not in str(fault.value) + fault.value.hint


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        (
            JSONResponse({"error": "invalid_grant", "error_description": "canary"}, 400),
            "MCP_NOT_AUTHORIZED",
            "'invalid_grant'",
        ),
        (JSONResponse({"error": "canary " * 99}, 401), "MCP_NOT_AUTHORIZED", "a str of 693 characters"),
        (JSONResponse({"error": ["canary"]}, 400), "MCP_NOT_AUTHORIZED", "gave no token"),
        (Response(b"canary", 400), "MCP_NOT_AUTHORIZED", "gave no token"),
        (Response(b"canary", 429), "MCP_UNREACHABLE", "status 429"),
        (Response(b"canary", 503), "MCP_UNREACHABLE", "status 503"),
        (RedirectResponse("https://evil.invalid/canary", 307), "MCP_UNREACHABLE", "status 307"),
        (Response(b"canary"), "MCP_UNREACHABLE", "what is no token"),
        (JSONResponse({"access_token": "x", "token_type": "canary"}), "MCP_UNREACHABLE", "what is no token"),
        (JSONResponse({"access_token": "x\r\nCanary: canary"}), "MCP_UNREACHABLE", "cannot be sent"),
        (JSONResponse({"access_token": ""}), "MCP_UNREACHABLE", "cannot be sent"),
        (JSONResponse({"access_token": "x" * 9_000}), "MCP_UNREACHABLE", "cannot be sent"),
        (JSONResponse({"access_token": "x", "refresh_token": "é"}), "MCP_UNREACHABLE", "cannot be sent"),
    ],
)
async def test_what_is_no_token_is_told_in_our_words(answer: Response, code: str, words: str) -> None:
    guarded = Guarded()
    guarded.answers["/token"] = answer
    async with served(guarded) as origin:
        grant = Grant(origin, f"{origin}/token", f"{origin}/mcp", OAuthClient("netra"))
        with pytest.raises(ToolError, match=words) as fault:
            await CLIENT.renew(at(origin), grant, "refresh")
    assert fault.value.code == code
    assert "canary" not in str(fault.value) + fault.value.hint


@pytest.mark.parametrize(("given", "kept"), [(10**12, 316_224_000), (-5, 1), (None, None), (60, 60)])
async def test_how_long_a_token_lasts_is_bounded(given: int | None, kept: int | None) -> None:
    guarded = Guarded()
    guarded.answers["/token"] = Response(json.dumps({"access_token": "x", "expires_in": given}))
    async with served(guarded) as origin:
        grant = Grant(origin, f"{origin}/token", f"{origin}/mcp", OAuthClient("netra"))
        assert (await CLIENT.renew(at(origin), grant, "refresh")).expires_in_s == kept


async def test_one_that_never_answers_is_given_up_in_time() -> None:
    async def never() -> AsyncIterator[bytes]:
        await asyncio.Event().wait()
        yield b""

    guarded = Guarded()
    guarded.answers[METADATA] = StreamingResponse(never())
    quick = SdkClient((ip_network("127.0.0.0/8"),), replace(USUAL, mcp_open_s=0.3))
    async with served(guarded) as origin:
        with pytest.raises(ToolError) as fault:
            await begin(origin, client=quick)
    assert fault.value.code == "MCP_UNREACHABLE"


@pytest.mark.parametrize("place", ["resource_metadata", "authorization_servers", "token_endpoint"])
async def test_no_server_that_it_names_is_reached_inside(place: str) -> None:
    inside = "https://169.254.169.254/latest"
    guarded = Guarded()
    async with served(guarded) as origin:
        if place == "resource_metadata":
            named = {"WWW-Authenticate": f'Bearer resource_metadata="{inside}"'}
            guarded.answers["/mcp"] = Response(status_code=401, headers=named)
        elif place == "authorization_servers":
            guarded.answers[RESOURCE] = JSONResponse({"resource": f"{origin}/mcp", "authorization_servers": [inside]})
        asking = begin(origin)
        if place == "token_endpoint":
            asking.close()
            grant = Grant(origin, inside, f"{origin}/mcp", OAuthClient("netra", "canary", "client_secret_basic"))
            asking = CLIENT.redeem(at(origin), grant, "code", "v" * 43, BACK)
        with pytest.raises(EgressRefused):
            await asking


@pytest.mark.parametrize(
    "named", ["ftp://evil.invalid/", "file:///etc/passwd", "no address", "https://a:b@evil.invalid/"]
)
async def test_a_name_that_is_no_web_address_is_left_out(named: str) -> None:
    guarded = Guarded()
    challenge = {"WWW-Authenticate": f'Bearer resource_metadata="{named}"'}
    guarded.answers["/mcp"] = Response(status_code=401, headers=challenge)
    async with served(guarded) as origin:
        assert (await begin(origin)).url.startswith(origin)
