"""What is kept of a user's MCP server: read with its key by its owner alone, and changed by one at a time."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from netra_backend.app.adapters.secrets.sealing import AesGcmCipher
from netra_backend.app.mcp_ports import McpServer, WantedAccess
from netra_backend.app.services.mcp_records import McpRecord, McpRecords, OAuthRecord, sealed_record, server_of
from test_framework.memory.secrets import MemorySecrets
from test_framework.memory.store import MemoryStore

CIPHER = AesGcmCipher(b"k" * 32)
RECORD = McpRecord("shop", "https://mcp.invalid/mcp", "Authorization", "", False, OAuthRecord(WantedAccess()))


@pytest.fixture
async def store() -> MemorySecrets:
    made = MemorySecrets(MemoryStore(), lambda: asyncio.sleep(0), lambda: 5, "mcp_server")
    await made.put("user_ada", "mcp_1", sealed_record(CIPHER, "user_ada", "mcp_1", RECORD), 9)
    return made


async def test_a_record_is_its_owners(store: MemorySecrets) -> None:
    records = McpRecords(store, CIPHER)
    assert await records.find("user_ada", "mcp_1") == RECORD
    assert await records.find("user_bob", "mcp_1") is None
    assert await McpRecords(store, None).find("user_ada", "mcp_1") is None
    assert await McpRecords(store, AesGcmCipher(b"n" * 32)).find("user_ada", "mcp_1") is None


async def test_one_that_an_earlier_release_kept_is_read(store: MemorySecrets) -> None:
    kept = {"name": "n", "url": "https://mcp.invalid/", "header": "X-Key", "credential": "x", "trusted": True}
    text = msgspec.json.encode(kept).decode()
    await store.put("user_ada", "mcp_2", CIPHER.seal("user_ada", "mcp_2", text), 9)
    found = await McpRecords(store, CIPHER).find("user_ada", "mcp_2")
    assert found == McpRecord("n", "https://mcp.invalid/", "X-Key", "x", True)


async def test_what_two_change_at_once_has_both_changes(store: MemorySecrets) -> None:
    records = McpRecords(store, CIPHER)

    def longer(record: McpRecord) -> McpRecord:
        return msgspec.structs.replace(record, name=f"{record.name}x")

    await asyncio.gather(*(records.change("user_ada", "mcp_1", longer) for _ in range(5)))
    found = await records.find("user_ada", "mcp_1")
    assert found is not None
    assert found.name == "shopxxxxx"


async def test_what_is_not_there_or_is_left_as_it_is_changes_nothing(store: MemorySecrets) -> None:
    records = McpRecords(store, CIPHER)
    before = await store.find("user_ada", "mcp_1")

    def never(_: Any) -> McpRecord:
        raise AssertionError("there is none")

    assert await records.change("user_bob", "mcp_1", never) is None
    assert await McpRecords(store, None).change("user_ada", "mcp_1", never) is None
    assert await records.change("user_ada", "mcp_1", lambda _: None) is None
    assert await store.find("user_ada", "mcp_1") == before


def test_a_server_says_whether_it_uses_oauth() -> None:
    server = McpServer("user_ada", "mcp_1", "shop", RECORD.url, "Authorization", uses_oauth=True)
    assert server_of("user_ada", "mcp_1", RECORD) == server
    assert not server_of("user_ada", "mcp_1", msgspec.structs.replace(RECORD, oauth=None)).uses_oauth
