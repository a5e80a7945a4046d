"""OAuth with users' MCP servers: states that count once and in time, and tokens that are renewed by one for all."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

import pytest

from netra_backend.app.adapters.secrets.sealing import AesGcmCipher
from netra_backend.app.core.errors import FrameRefused, LimitRefused, NetraError, NotFound, ToolError
from netra_backend.app.core.limits import USUAL
from netra_backend.app.mcp_ports import BegunAuthorization, Grant, OAuthClient, Tokens, WantedAccess
from netra_backend.app.services.mcp_authorizations import McpAuthorizations
from netra_backend.app.services.mcp_records import McpRecords
from netra_backend.app.services.mcp_servers import McpServers
from test_framework.clock import ManualClock, SeededEntropy
from test_framework.memory.secrets import MemorySecrets
from test_framework.memory.store import MemoryStore
from test_framework.waiting import turns, until

CIPHER = AesGcmCipher(b"k" * 32)
BACK = "https://netra.invalid/back"
ISSUER = "https://issuer.invalid"
GRANT = Grant(ISSUER, f"{ISSUER}/token", "https://mcp.invalid/mcp", OAuthClient("netra"))
LIMITS = replace(USUAL, mcp_authorization_s=60.0, mcp_open_s=5.0, mcp_authorizations=2, process_mcp_authorizations=3)


class Client:
    """Gives ``tokens`` in their order, and raises an exception among them. It ``begins`` and ``renews`` when these are set."""

    def __init__(self, *tokens: Tokens | NetraError) -> None:
        self.tokens = list(tokens)
        self.states: list[str] = []
        self.redeemed: list[tuple[str, str, str]] = []
        self.renewed: list[str] = []
        self.grant, self.needs_issuer = GRANT, False
        self.begins, self.renews = asyncio.Event(), asyncio.Event()
        self.begins.set()
        self.renews.set()

    async def begin(self, server: Any, wanted: WantedAccess, redirect_uri: str, state: str) -> BegunAuthorization:
        await self.begins.wait()
        self.states.append(state)
        return BegunAuthorization(
            f"{ISSUER}/?state={state}", f"verifier-{len(self.states)}", self.grant, self.needs_issuer
        )

    async def redeem(self, server: Any, grant: Grant, code: str, verifier: str, redirect_uri: str) -> Tokens:
        self.redeemed.append((code, verifier, redirect_uri))
        return self._next()

    async def renew(self, server: Any, grant: Grant, refresh: str) -> Tokens:
        self.renewed.append(refresh)
        await self.renews.wait()
        return self._next()

    def _next(self) -> Tokens:
        given = self.tokens.pop(0)
        if isinstance(given, NetraError):
            raise given
        return given


class World:
    """A store with two users' servers, which use OAuth, and processes that share it."""

    def __init__(self, *tokens: Tokens | NetraError) -> None:
        self.client, self.clock, self.entropy = Client(*tokens), ManualClock(), SeededEntropy(7)
        self.store = MemoryStore()
        self.at_rest = MemorySecrets(self.store, lambda: asyncio.sleep(0), self.clock.now_ms, "mcp_server")
        ids = iter(("mcp_ada", "mcp_bob", "mcp_more"))
        self.servers = McpServers(self.at_rest, CIPHER, LIMITS, lambda _: next(ids))
        self.records = McpRecords(self.at_rest, CIPHER)
        self.one, self.other = self.process(), self.process()

    def process(self) -> McpAuthorizations:
        return McpAuthorizations(self.records, CIPHER, self.client, LIMITS, self.clock, self.entropy)

    async def state(self, owner: str = "user_ada", server_id: str = "mcp_ada") -> str:
        await self.one.begin(owner, server_id, lambda: BACK)
        return self.client.states[-1]

    async def authorized(self) -> None:
        await self.one.finish(await self.state(), "code", None)

    async def is_authorized(self) -> bool:
        return bool((await self.servers.listed("user_ada"))[0].authorized)


async def world(*tokens: Tokens | NetraError) -> World:
    made = World(*tokens)
    for owner in ("user_ada", "user_bob"):
        await made.servers.add(owner, "shop", "https://mcp.invalid/mcp", "", "", True, WantedAccess())
    return made


FIRST, SECOND = Tokens("access-1", "refresh-1", 100), Tokens("access-2", "refresh-2", 100)
REFUSAL = ToolError("MCP_NOT_AUTHORIZED", "no")


async def test_what_one_process_begins_another_one_finishes_and_both_have_the_token() -> None:
    here = await world(FIRST)
    url, expires_ms = await here.one.begin("user_ada", "mcp_ada", lambda: BACK)
    state = here.client.states[0]
    assert (state in url, expires_ms) == (True, here.clock.now_ms() + 60_000)
    assert "user_ada" not in state
    assert await here.other.waiting(state) == ("user_ada", "mcp_ada", "shop")
    await here.other.finish(state, "code", ISSUER)
    assert here.client.redeemed == [("code", "verifier-1", BACK)]
    assert [await each.token("user_ada", "mcp_ada") for each in (here.one, here.other)] == ["access-1", "access-1"]
    assert here.client.renewed == []


@pytest.mark.validation_point("mcp.state")
async def test_a_state_that_has_expired_counts_no_more() -> None:
    here = await world(FIRST)
    state = await here.state()
    here.clock.advance(s=59.9)
    await here.one.waiting(state)
    here.clock.advance(s=0.1)
    with pytest.raises(FrameRefused, match="has expired"):
        await here.one.finish(state, "code", None)
    assert here.client.redeemed == []


async def test_of_two_that_bring_one_state_back_at_once_one_gets_tokens() -> None:
    here = await world(FIRST, SECOND)
    state = await here.state()
    done = await asyncio.gather(
        *(each.finish(state, "code", None) for each in (here.one, here.other)), return_exceptions=True
    )
    assert sorted(type(each).__name__ for each in done) == ["FrameRefused", "Waiting"]
    assert len(here.client.redeemed) == 1


async def test_a_state_is_used_up_by_a_failure_and_by_giving_up() -> None:
    here = await world(REFUSAL, FIRST)
    failed = await here.state()
    with pytest.raises(ToolError):
        await here.one.finish(failed, "code", None)
    given_up = await here.state()
    await here.one.give_up(given_up)
    for state in (failed, given_up):
        with pytest.raises(FrameRefused):
            await here.one.finish(state, "code", None)
    assert not await here.is_authorized()


async def test_a_state_is_no_other_users_and_no_other_servers() -> None:
    """Were it for another record, it would not have that one's secret."""
    here = await world(FIRST)
    of_ada, of_bob = await here.state(), await here.state("user_bob", "mcp_bob")
    place = here.one._opened_state(of_ada)
    assert place is not None
    for forged in (place._replace(owner="user_bob", server_id="mcp_bob"), place._replace(server_id="mcp_bob")):
        with pytest.raises(FrameRefused):
            await here.one.waiting(here.one._sealed_state(forged))
    assert (await here.one.waiting(of_bob)).owner == "user_bob"
    await here.one.finish(of_ada, "code", None)
    with pytest.raises(ToolError, match="authorize it again"):
        await here.one.token("user_bob", "mcp_bob")
    with pytest.raises(ToolError, match="not there"):
        await here.one.token("user_bob", "mcp_ada")


async def test_a_sealed_secret_of_a_user_is_no_state() -> None:
    here = await world()
    sealed = CIPHER.seal("user_ada", "mcp.authorization", '["user_ada","mcp_ada","x"]')
    for state in (f"{sealed.key_id}.{sealed.sealed.hex()}", "", ".", "a.b.c", "é", "A" * 9_999):
        with pytest.raises(FrameRefused):
            await here.one.waiting(state)


@pytest.mark.validation_point("mcp.issuer")
@pytest.mark.parametrize(("needs", "issuer"), [(False, "https://evil.invalid"), (True, None), (True, ISSUER + "/")])
async def test_an_answer_of_another_issuer_is_refused_and_ends_the_authorization(needs: bool, issuer: str) -> None:
    here = await world(FIRST)
    here.client.needs_issuer = needs
    state = await here.state()
    with pytest.raises(FrameRefused, match="does not come from"):
        await here.one.finish(state, "code", issuer)
    assert here.client.redeemed == []
    with pytest.raises(FrameRefused, match="No authorization waits"):
        await here.one.finish(state, "code", ISSUER)


async def test_a_client_of_the_users_own_is_shown_to_one_issuer() -> None:
    here = await world()
    wanted = WantedAccess("netra", "canary-secret")
    await here.servers.add("user_ada", "mine", "https://mcp.invalid/", "", "", True, wanted)
    await here.one.begin("user_ada", "mcp_more", lambda: BACK)
    await here.one.begin("user_ada", "mcp_more", lambda: BACK)
    here.client.grant = Grant("https://evil.invalid", "https://evil.invalid/token", "", OAuthClient("netra"))
    with pytest.raises(ToolError, match="names another authorization server"):
        await here.one.begin("user_ada", "mcp_more", lambda: BACK)


async def is_refused(beginning: Coroutine[Any, Any, Any]) -> bool:
    """Whether there is no room for it; it is not waited for."""
    task = asyncio.create_task(beginning)
    await turns()
    refused = task.done() and isinstance(task.exception(), LimitRefused)
    task.cancel()
    return refused


@pytest.mark.validation_point("mcp.authorizing")
async def test_authorizations_under_way_are_limited_for_a_user_and_in_all() -> None:
    here = await world()
    here.client.begins.clear()
    mine = [asyncio.create_task(here.one.begin("user_ada", "mcp_ada", lambda: BACK)) for _ in range(2)]
    await turns()
    assert await is_refused(here.one.begin("user_ada", "mcp_ada", lambda: BACK))
    others = asyncio.create_task(here.one.begin("user_bob", "mcp_bob", lambda: BACK))
    await turns()
    assert await is_refused(here.one.begin("user_bob", "mcp_bob", lambda: BACK))
    here.client.begins.set()
    await asyncio.gather(*mine, others)
    await here.one.begin("user_ada", "mcp_ada", lambda: BACK)


async def test_anothers_server_is_absent_and_one_with_a_key_is_refused() -> None:
    here = await world()
    with pytest.raises(NotFound):
        await here.one.begin("user_bob", "mcp_ada", lambda: BACK)
    await here.servers.add("user_ada", "keyed", "https://mcp.invalid/", "X-Key", "value", True)
    with pytest.raises(FrameRefused, match="without OAuth"):
        await here.one.begin("user_ada", "mcp_more", lambda: BACK)
    assert here.client.states == []


async def test_a_server_that_was_deleted_amid_its_authorization_gets_no_tokens() -> None:
    here = await world()
    here.client.begins.clear()
    beginning = asyncio.create_task(here.one.begin("user_ada", "mcp_ada", lambda: BACK))
    await turns()
    await here.servers.delete("user_ada", "mcp_ada")
    here.client.begins.set()
    with pytest.raises(NotFound):
        await beginning
    assert await here.servers.listed("user_ada") == []


async def test_a_token_is_renewed_before_its_end_and_a_refresh_token_stays_if_there_is_no_other() -> None:
    here = await world(FIRST, Tokens("access-2", "", 100), SECOND)
    await here.authorized()
    here.clock.advance(s=69.9)
    assert await here.one.token("user_ada", "mcp_ada") == "access-1"
    here.clock.advance(s=0.1)
    assert await here.one.token("user_ada", "mcp_ada") == "access-2"
    here.clock.advance(s=70)
    await here.one.token("user_ada", "mcp_ada")
    assert here.client.renewed == ["refresh-1", "refresh-1"]


async def test_a_refused_token_is_renewed_once_for_all_who_ask_and_whatever_process() -> None:
    here = await world(FIRST, SECOND)
    await here.authorized()
    here.client.renews.clear()
    asking = [
        asyncio.create_task(each.token("user_ada", "mcp_ada", ("access-1",)))
        for each in (here.one, here.one, here.other)
    ]
    await until(lambda: here.client.renewed)
    await turns()
    here.client.renews.set()
    assert set(await asyncio.gather(*asking)) == {"access-2"}
    assert here.client.renewed == ["refresh-1"]
    assert await here.one.token("user_ada", "mcp_ada", ("access-1",)) == "access-2"
    with pytest.raises(ToolError, match="authorize it again"):
        await here.one.token("user_ada", "mcp_ada", ("access-1", "access-2"))


async def test_another_process_that_died_amid_a_renewal_is_not_waited_for_without_end() -> None:
    here = await world(FIRST, SECOND)
    await here.authorized()
    here.client.renews.clear()
    dying = asyncio.create_task(here.one._renew("user_ada", "mcp_ada", "access-1"))
    await until(lambda: here.client.renewed)
    dying.cancel()
    here.client.renews.set()
    here.clock.advance(s=10)
    assert await here.other.token("user_ada", "mcp_ada", ("access-1",)) == "access-2"


async def test_a_renewal_goes_on_if_whoever_asked_for_it_is_gone() -> None:
    here = await world(FIRST, SECOND)
    await here.authorized()
    here.client.renews.clear()
    asking = asyncio.create_task(here.one.token("user_ada", "mcp_ada", ("access-1",)))
    await until(lambda: here.client.renewed)
    asking.cancel()
    here.client.renews.set()
    await here.one.close()
    assert await here.one.token("user_ada", "mcp_ada") == "access-2"


@pytest.mark.parametrize("first", [FIRST, Tokens("access-1", "", 100), Tokens("access-1")])
async def test_a_refusal_takes_the_tokens_away_and_asks_for_another_authorization(first: Tokens) -> None:
    here = await world(first, REFUSAL)
    await here.authorized()
    with pytest.raises(ToolError) as fault:
        await here.one.token("user_ada", "mcp_ada", ("access-1",))
    assert fault.value.code == "MCP_NOT_AUTHORIZED"
    assert "POST /api/mcp-servers/mcp_ada/authorization" in fault.value.hint
    assert not await here.is_authorized()
    assert len(here.client.renewed) == (1 if first.refresh else 0)


async def test_a_token_that_ends_and_cannot_be_renewed_is_sent_until_then() -> None:
    here = await world(Tokens("access-1", "", 100))
    await here.authorized()
    here.clock.advance(s=99)
    assert await here.one.token("user_ada", "mcp_ada") == "access-1"
    here.clock.advance(s=1)
    with pytest.raises(ToolError, match="authorize it again"):
        await here.one.token("user_ada", "mcp_ada")


async def test_an_authorization_server_that_is_away_costs_a_try_and_no_tokens() -> None:
    here = await world(FIRST, ToolError("MCP_UNREACHABLE", "away"), SECOND)
    await here.authorized()
    with pytest.raises(ToolError, match="away"):
        await here.one.token("user_ada", "mcp_ada", ("access-1",))
    assert await here.is_authorized()
    assert await here.other.token("user_ada", "mcp_ada", ("access-1",)) == "access-2"


async def test_tokens_of_a_later_authorization_are_not_replaced_by_a_renewal_of_earlier_ones() -> None:
    here = await world(FIRST, Tokens("access-3"), SECOND)
    await here.authorized()
    here.client.renews.clear()
    asking = asyncio.create_task(here.one.token("user_ada", "mcp_ada", ("access-1",)))
    await until(lambda: here.client.renewed)
    await here.authorized()
    here.client.renews.set()
    assert await asking == "access-3"
    assert await here.one.token("user_ada", "mcp_ada") == "access-3"
