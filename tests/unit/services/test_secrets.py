"""Secrets of users: kept sealed, given to their owner's runs, and told to nobody."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from netra_backend.app.adapters.secrets.sealing import AesGcmCipher
from netra_backend.app.core.errors import FrameRefused, LimitRefused, NotFound
from netra_backend.app.core.limits import USUAL
from netra_backend.app.secret_ports import SealedSecret
from netra_backend.app.services.secrets import Secrets
from test_framework.memory.secrets import MemorySecrets
from test_framework.memory.store import MemoryStore

OLD, NEW = b"o" * 32, b"n" * 32
VALUE = "ghs-0123456789"


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


def kept_in(store: MemoryStore, cipher: AesGcmCipher | None, **more: object) -> Secrets:
    at_rest = MemorySecrets(store, lambda: asyncio.sleep(0), lambda: 5)
    return Secrets(at_rest, cipher, replace(USUAL, secrets=2), **more)  # type: ignore[arg-type]


async def test_a_secret_is_given_to_its_owner_and_is_sealed_at_rest(store: MemoryStore) -> None:
    secrets = kept_in(store, AesGcmCipher(NEW))
    await secrets.put("user_ada", "TOKEN", VALUE)
    assert await secrets.value("user_ada", "TOKEN") == VALUE
    assert await secrets.names("user_ada") == [("TOKEN", 5)]
    assert VALUE.encode() not in next(iter(store.secrets.values()))[0].sealed


@pytest.mark.validation_point("secret.owned")
async def test_anothers_secret_is_absent(store: MemoryStore) -> None:
    secrets = kept_in(store, AesGcmCipher(NEW))
    await secrets.put("user_ada", "TOKEN", VALUE)
    told = []
    for name in ("TOKEN", "ABSENT", "no name"):
        with pytest.raises(KeyError):
            await secrets.value("user_bob", name)
        with pytest.raises(NotFound) as refusal:
            await secrets.delete("user_bob", name)
        told.append(str(refusal.value))
    assert len(set(told)) == 1
    await secrets.delete("user_ada", "TOKEN")
    with pytest.raises(KeyError):
        await secrets.value("user_ada", "TOKEN")


@pytest.mark.validation_point("secret.form")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("", VALUE),
        ("1x", VALUE),
        ("a/b", VALUE),
        (".", VALUE),
        ("x" * 65, VALUE),
        ("x\n", VALUE),
        ("x", "short"),
        ("x", "l" * (USUAL.secret_bytes + 1)),
        ("x", "with a NUL \x00"),
        ("x", "half a pair \ud800"),
    ],
)
async def test_names_and_values_are_of_a_form(store: MemoryStore, name: str, value: str) -> None:
    with pytest.raises(FrameRefused) as refusal:
        await kept_in(store, AesGcmCipher(NEW)).put("user_ada", name, value)
    assert refusal.value.field in ("name", "value")
    assert store.secrets == {}


@pytest.mark.validation_point("secret.room")
async def test_a_user_has_room_for_so_many(store: MemoryStore) -> None:
    secrets = kept_in(store, AesGcmCipher(NEW))
    for name in ("a", "b", "a"):
        await secrets.put("user_ada", name, VALUE)
    with pytest.raises(LimitRefused, match="2 secrets"):
        await secrets.put("user_ada", "c", VALUE)
    await secrets.put("user_bob", "c", VALUE)


@pytest.mark.validation_point("secret.key")
async def test_without_a_key_nothing_is_kept_and_it_is_said_what_to_do(store: MemoryStore) -> None:
    secrets = kept_in(store, None)
    refusal: Exception | None = None
    try:
        await secrets.put("user_ada", "TOKEN", VALUE)
    except Exception as fault:
        refusal = fault
    assert isinstance(refusal, FrameRefused)
    assert refusal.entry.id == "conflict"
    assert "NETRA_SECRETS_KEY" in (refusal.hint or "")
    assert store.secrets == {}
    with pytest.raises(KeyError):
        await secrets.value("user_ada", "TOKEN")
    assert await secrets.reseal() == 0


async def test_the_users_secret_goes_before_the_servers(store: MemoryStore) -> None:
    async def of_server(name: str) -> str | None:
        return {"TOKEN": "the server's one", "TINY": "tiny"}.get(name)

    secrets = kept_in(store, AesGcmCipher(NEW), of_server=of_server)
    assert await secrets.value("user_ada", "TOKEN") == "the server's one"
    await secrets.put("user_ada", "TOKEN", VALUE)
    assert await secrets.value("user_ada", "TOKEN") == VALUE
    assert await secrets.value("user_bob", "TOKEN") == "the server's one"
    for name in ("TINY", "../TOKEN"):  # the first could not be hidden, the second is no name
        with pytest.raises(KeyError):
            await secrets.value("user_ada", name)


async def test_after_a_change_of_keys_all_are_sealed_with_the_new_one(
    store: MemoryStore, caplog: pytest.LogCaptureFixture
) -> None:
    for owner in ("user_ada", "user_bob"):
        await kept_in(store, AesGcmCipher(OLD)).put(owner, "TOKEN", f"{VALUE} of {owner}")
    lost = kept_in(store, AesGcmCipher(NEW))
    assert await lost.reseal() == 0
    assert "a key that is not set" in caplog.text
    with pytest.raises(KeyError):
        await lost.value("user_ada", "TOKEN")
    assert await kept_in(store, AesGcmCipher(NEW, OLD)).reseal() == 2
    assert await lost.value("user_ada", "TOKEN") == f"{VALUE} of user_ada"
    assert await kept_in(store, AesGcmCipher(NEW, OLD)).reseal() == 0


async def test_sealing_anew_undoes_neither_a_deletion_nor_what_its_user_puts_meanwhile(store: MemoryStore) -> None:
    names = ("GONE_WHILE_READ", "GONE_BEFORE", "PUT_WHILE_READ", "PUT_BEFORE")
    at_rest = MemorySecrets(store, lambda: asyncio.sleep(0), lambda: 5)
    for name in names:
        await Secrets(at_rest, AesGcmCipher(OLD), USUAL).put("user_ada", name, VALUE)

    class Between(AesGcmCipher):
        """The user is about, too: between the list and the look, and between the look and the change."""

        def open(self, owner: str, name: str, secret: SealedSecret) -> str | None:
            if name == "GONE_WHILE_READ":
                del store.secrets[owner, name]
            if name == "PUT_WHILE_READ":
                store.secrets[owner, name] = self.seal(owner, name, "another value"), 9
            return super().open(owner, name, secret)

    class BehindTheList(MemorySecrets):
        async def stale(self, key_id: str, after: tuple[str, str] = ("", "")) -> list[tuple[str, str]]:
            listed = await super().stale(key_id, after)
            store.secrets.pop(("user_ada", "GONE_BEFORE"), None)
            store.secrets["user_ada", "PUT_BEFORE"] = other.seal("user_ada", "PUT_BEFORE", "another value"), 9
            return listed

    other = Between(NEW, OLD)
    secrets = Secrets(BehindTheList(store, lambda: asyncio.sleep(0), lambda: 5), other, USUAL)
    assert await secrets.reseal() == 0
    assert await secrets.names("user_ada") == [("PUT_BEFORE", 9), ("PUT_WHILE_READ", 9)]
    for name in ("PUT_BEFORE", "PUT_WHILE_READ"):
        assert await secrets.value("user_ada", name) == "another value"


async def test_those_that_no_key_opens_and_those_over_the_bound_stop_no_other_from_being_sealed_anew(
    store: MemoryStore, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(120):
        await kept_in(store, AesGcmCipher(b"l" * 32)).put(f"user_a{number:03}", "TOKEN", VALUE)
    for name in ("a", "b"):
        await kept_in(store, AesGcmCipher(OLD)).put("user_bob", name, VALUE)
    at_rest = MemorySecrets(store, lambda: asyncio.sleep(0), lambda: 5)
    assert await Secrets(at_rest, AesGcmCipher(NEW, OLD), replace(USUAL, secrets=1)).reseal() == 2
    assert [record.__dict__["secrets"] for record in caplog.records] == [120]


@pytest.mark.parametrize("cipher", [AesGcmCipher(NEW), None])
async def test_a_secret_that_cannot_be_opened_does_not_become_the_servers(
    store: MemoryStore, cipher: AesGcmCipher | None, caplog: pytest.LogCaptureFixture
) -> None:
    async def of_server(_: str) -> str | None:
        return "the server's one"

    await kept_in(store, AesGcmCipher(OLD)).put("user_ada", "TOKEN", VALUE)
    secrets = kept_in(store, cipher, of_server=of_server)
    for _ in range(2):
        with pytest.raises(KeyError):
            await secrets.value("user_ada", "TOKEN")
    assert [record.getMessage() for record in caplog.records] == [
        "a user's secret is sealed with a key that is not set: it is not given out"
    ]
    assert await secrets.value("user_bob", "TOKEN") == "the server's one"
