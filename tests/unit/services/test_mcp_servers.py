"""MCP servers of users: kept sealed, found by their owner alone, and bounded."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import count
from typing import Any

import pytest

from netra_backend.app.adapters.secrets.sealing import AesGcmCipher
from netra_backend.app.core.errors import FrameRefused, LimitRefused, NotFound
from netra_backend.app.core.limits import USUAL
from netra_backend.app.mcp_ports import McpServer
from netra_backend.app.services.mcp_servers import ListedServer, McpServers
from test_framework.memory.secrets import MemorySecrets
from test_framework.memory.store import MemoryStore

OLD, NEW = b"o" * 32, b"n" * 32
URL = "https://mcp.invalid/path-of-canary?key=query-of-canary"
TOKEN = ("Authorization", "Bearer canary-token", False)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


def kept_in(store: MemoryStore, cipher: AesGcmCipher | None = None, **more: Any) -> McpServers:
    numbers = count(1)
    at_rest = MemorySecrets(store, lambda: asyncio.sleep(0), lambda: 5, "mcp_server")
    limits = replace(USUAL, mcp_servers=2)
    return McpServers(at_rest, cipher or AesGcmCipher(NEW), limits, lambda kind: f"{kind}_{next(numbers)}", **more)


async def test_a_server_is_its_owners_and_all_of_it_is_sealed_at_rest(store: MemoryStore) -> None:
    servers = kept_in(store)
    assert await servers.add("user_ada", "github", URL, *TOKEN) == "mcp_1"
    added = McpServer("user_ada", "mcp_1", "github", URL, "Authorization", "Bearer canary-token", trusted=False)
    assert await servers.of("user_ada") == [added]
    assert await servers.find("user_ada", "mcp_1") == added
    assert (await servers.of("user_bob"), await servers.find("user_bob", "mcp_1")) == ([], None)
    assert b"canary" not in b"".join(kept[0].sealed for kept in store.mcp_servers.values())
    assert await servers.listed("user_ada") == [
        ListedServer("mcp_1", "github", "https://mcp.invalid", "Authorization", False, 5)
    ]


async def test_one_that_was_moved_to_another_owner_or_id_cannot_be_opened(store: MemoryStore) -> None:
    servers = kept_in(store)
    await servers.add("user_ada", "github", URL, *TOKEN)
    store.mcp_servers["user_bob", "mcp_1"] = store.mcp_servers["user_ada", "mcp_2"] = store.mcp_servers[
        "user_ada", "mcp_1"
    ]
    assert await servers.of("user_bob") == []
    assert [each.server_id for each in await servers.of("user_ada")] == ["mcp_1"]
    assert await servers.listed("user_bob") == [ListedServer("mcp_1", "", "", "", False, 5)]


@pytest.mark.validation_point("mcp.owned")
async def test_anothers_server_is_absent(store: MemoryStore) -> None:
    servers = kept_in(store)
    await servers.add("user_ada", "github", URL, *TOKEN)
    told = []
    for server_id in ("mcp_1", "mcp_9", "no id", "x" * 200):
        with pytest.raises(NotFound) as refusal:
            await servers.delete("user_bob", server_id)
        told.append(str(refusal.value))
    assert len(set(told)) == 1
    await servers.delete("user_ada", "mcp_1")
    assert await servers.of("user_ada") == []


@pytest.mark.validation_point("mcp.form")
@pytest.mark.parametrize("name", ["", "Git", "1a", "a__b", "a_", "a-", "_a", "a b", "a" * 25, "a.b", "é", "a\n"])
async def test_a_name_that_begins_no_tools_name_is_refused(store: MemoryStore, name: str) -> None:
    with pytest.raises(FrameRefused) as refusal:
        await kept_in(store).add("user_ada", name, URL, *TOKEN)
    assert refusal.value.field == "name"


@pytest.mark.parametrize("name", ["a", "github", "my-server_2", "a" * 24])
async def test_other_names_are_taken(store: MemoryStore, name: str) -> None:
    assert await kept_in(store).add("user_ada", name, URL, *TOKEN)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "mcp.invalid",
        "ftp://mcp.invalid/",
        "file:///etc/passwd",
        "https://",
        "https:///path",
        "https://user:pass@mcp.invalid/",
        "https://user@mcp.invalid/",
        "https://mcp.invalid/#fragment",
        "https://mcp.invalid/#",
        "https://mcp.invalid:0/",
        "https://mcp.invalid:99999/",
        "https://[::1/",
        "https://mcp.invalid/a b",
        "https://mcp.invalid\\@evil.invalid/",
        "https://mcp.invalid/\r\nX: y",
        "https://mcp.ïnvalid/",
        "https://mcp.invalid/" + "a" * 2_048,
    ],
)
async def test_an_address_that_no_server_has_is_refused(store: MemoryStore, url: str) -> None:
    with pytest.raises(FrameRefused) as refusal:
        await kept_in(store).add("user_ada", "github", url, *TOKEN)
    assert refusal.value.field == "url"
    assert store.mcp_servers == {}


@pytest.mark.parametrize(
    ("header", "credential"),
    [
        ("", "x"),
        ("X-Key", ""),
        ("X Key", "x"),
        ("X-Key:", "x"),
        ("X-Key", "x\r\nHost: y"),
        ("X-Key", " x"),
        ("X-Key", "é"),
        ("X-Key", "x" * 9_000),
        ("Host", "x"),
        ("content-length", "1"),
        ("Mcp-Session-Id", "x"),
        ("Cookie", "x"),
    ],
)
async def test_a_credential_that_is_none_or_changes_the_request_is_refused(
    store: MemoryStore, header: str, credential: str
) -> None:
    with pytest.raises(FrameRefused) as refusal:
        await kept_in(store).add("user_ada", "github", URL, header, credential, False)
    assert refusal.value.field == "auth"


@pytest.mark.validation_point("mcp.ready")
@pytest.mark.parametrize(
    ("cipher", "missing", "hint"), [(None, "", "NETRA_SECRETS_KEY"), (AesGcmCipher(NEW), "pip", "pip")]
)
async def test_nothing_is_kept_without_a_key_or_a_client(
    store: MemoryStore, cipher: AesGcmCipher | None, missing: str, hint: str
) -> None:
    at_rest = MemorySecrets(store, lambda: asyncio.sleep(0), lambda: 5, "mcp_server")
    servers = McpServers(at_rest, cipher, USUAL, lambda kind: kind, missing=missing)
    with pytest.raises(FrameRefused) as refusal:
        await servers.add("user_ada", "github", URL, *TOKEN)
    assert hint in str(refusal.value.hint)
    assert store.mcp_servers == {}


@pytest.mark.validation_point("mcp.named")
async def test_two_servers_of_a_user_have_two_names(store: MemoryStore) -> None:
    servers = kept_in(store)
    await servers.add("user_ada", "github", URL, *TOKEN)
    with pytest.raises(FrameRefused) as refusal:
        await servers.add("user_ada", "github", URL, "", "", True)
    assert refusal.value.entry.id == "conflict"
    assert await servers.add("user_bob", "github", URL, "", "", True)


async def test_of_two_that_got_one_name_at_the_same_time_the_first_is_used(store: MemoryStore) -> None:
    servers = kept_in(store)
    await asyncio.gather(*(servers.add("user_ada", "github", URL, "", "", bool(n)) for n in range(2)))
    assert [each.server_id for each in await servers.of("user_ada")] == ["mcp_1"]


@pytest.mark.validation_point("mcp.room")
async def test_a_user_has_no_more_servers_than_the_limit(store: MemoryStore) -> None:
    servers = kept_in(store)
    for name in ("one", "two"):
        await servers.add("user_ada", name, URL, *TOKEN)
    with pytest.raises(LimitRefused):
        await servers.add("user_ada", "three", URL, *TOKEN)
    assert await servers.add("user_bob", "three", URL, *TOKEN)


async def test_another_key_opens_what_was_sealed_before_and_seals_it_anew(store: MemoryStore) -> None:
    await kept_in(store, AesGcmCipher(OLD)).add("user_ada", "github", URL, *TOKEN)
    both, new = kept_in(store, AesGcmCipher(NEW, OLD)), kept_in(store)
    assert [each.name for each in await both.of("user_ada")] == ["github"]
    assert await new.of("user_ada") == []
    assert await both.reseal() == 1
    assert [each.name for each in await new.of("user_ada")] == ["github"]
    await kept_in(store, AesGcmCipher(OLD)).delete("user_ada", "mcp_1")  # also without a key that opens it
