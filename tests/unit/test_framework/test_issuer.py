"""The issuer of tests is a real HTTP server, asked as an adapter asks it."""

from __future__ import annotations

import httpx

from test_framework.issuer import publishing


async def test_it_publishes_what_it_is_told_and_says_where_and_counts_who_asked() -> None:
    async with publishing([{"kid": "k1"}]) as issuer, httpx.AsyncClient(trust_env=False) as client:
        told = (await client.get(f"{issuer.url}/.well-known/openid-configuration")).json()
        assert told == {"issuer": issuer.url, "jwks_uri": f"{issuer.url}/jwks"}
        assert (await client.get(told["jwks_uri"])).json() == {"keys": [{"kid": "k1"}]}
        issuer.keys = []
        assert (await client.get(told["jwks_uri"])).json() == {"keys": []}
        issuer.status, issuer.body = 503, b"busy"
        refused = await client.get(told["jwks_uri"])
        assert (refused.status_code, refused.content) == (503, b"busy")
        assert issuer.asked == ["/.well-known/openid-configuration", "/jwks", "/jwks", "/jwks"]
