"""The bucket over a real S3-compatible server that misbehaves on demand."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from obstore.exceptions import BaseError

from netra_backend.app.adapters.datasets import bucket as module
from netra_backend.app.adapters.datasets.bucket import Bucket, Held, Truncated, digest_of
from netra_backend.app.core.errors import ConfigurationError, DependencyUnavailable
from netra_backend.app.core.limits import Limits
from test_framework.faults import CuttableLink
from test_framework.object_bucket import ObjectBucket

QUICK = Limits(object_connect_s=2, object_answer_s=5, object_part_s=5, object_retries=1)


@pytest.fixture
def bucket(object_bucket: ObjectBucket) -> Bucket:
    return Bucket(object_bucket.url, limits=QUICK)


async def test_a_small_object_is_read_as_it_was_written_and_told_apart_once_it_changes(bucket: Bucket) -> None:
    assert await bucket.read("a/b.json") is None
    tag = await bucket.write("a/b.json", b"one", over=None)
    assert tag
    first = await bucket.read("a/b.json")
    assert first == Held(b"one", tag)
    assert await bucket.read("a/b.json", first) is first
    assert await bucket.write("a/b.json", b"two", over=tag)
    second = await bucket.read("a/b.json", first)
    assert second is not None
    assert second.body == b"two"


async def test_a_write_whose_condition_does_not_hold_changes_nothing(bucket: Bucket) -> None:
    assert await bucket.write("k", b"nothing was there", over='"tag"') is None
    tag = await bucket.write("k", b"one", over=None)
    assert await bucket.write("k", b"two", over=None) is None
    assert await bucket.write("k", b"two", over='"another"') is None
    assert await bucket.read("k") == Held(b"one", tag or "")


async def test_objects_lie_below_the_prefix_and_are_listed_and_removed(
    bucket: Bucket, object_bucket: ObjectBucket
) -> None:
    for key in ("a/1", "a/2", "b/1"):
        await bucket.write(key, b"", over=None)
    assert object_bucket.listed() == ["netra/a/1", "netra/a/2", "netra/b/1"]
    assert [meta["path"] async for page in bucket.pages("a") for meta in page] == ["a/1", "a/2"]
    await bucket.remove(["a/1", "b/1", "never/there"])
    await bucket.remove([])
    assert [meta["path"] async for page in bucket.pages() for meta in page] == ["a/2"]


@pytest.mark.parametrize("size", [0, 1, 9 << 20, 33 << 20])
async def test_a_large_object_comes_back_as_it_was_put(bucket: Bucket, tmp_path: Path, size: int) -> None:
    (tmp_path / "put").write_bytes(bytes(range(256)) * (size // 256) + b"x" * (size % 256))
    digest = digest_of(tmp_path / "put")
    await bucket.upload("large", tmp_path / "put")
    await bucket.download("large", tmp_path / "got", size, digest)
    assert digest_of(tmp_path / "got") == digest
    assert (tmp_path / "got").stat().st_mode & 0o777 == 0o600


async def test_a_large_object_that_is_not_there_is_told(bucket: Bucket, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await bucket.download("absent", tmp_path / "got", 1, "")


async def test_a_download_that_is_not_what_was_put_is_noticed(
    bucket: Bucket, object_bucket: ObjectBucket, tmp_path: Path
) -> None:
    (tmp_path / "put").write_bytes(b"x" * 1000)
    digest = digest_of(tmp_path / "put")
    await bucket.upload("large", tmp_path / "put")
    object_bucket.go_wrong({"kind": "altered", "method": "GET", "key": "large", "times": 1})
    with pytest.raises(Truncated):
        await bucket.download("large", tmp_path / "altered", 1000, digest)
    object_bucket.put("netra/large", b"x" * 999)
    with pytest.raises(Truncated):
        await bucket.download("large", tmp_path / "shorter", 1000, digest)
    object_bucket.put("netra/large", b"x" * 1000)
    object_bucket.go_wrong({"kind": "cut", "method": "GET", "key": "large", "times": 9})
    with pytest.raises(DependencyUnavailable):
        await bucket.download("large", tmp_path / "cut", 1000, digest)


async def test_a_fault_that_passes_is_not_noticed(bucket: Bucket, object_bucket: ObjectBucket) -> None:
    await bucket.write("k", b"one", over=None)
    object_bucket.go_wrong({"kind": "500", "method": "GET", "times": 1})
    held = await bucket.read("k")
    assert held is not None
    assert held.body == b"one"


@pytest.mark.parametrize("kind", ["500", "403"])
async def test_a_store_that_refuses_is_told_as_what_may_pass_without_what_it_said(
    bucket: Bucket, object_bucket: ObjectBucket, tmp_path: Path, kind: str
) -> None:
    (tmp_path / "put").write_bytes(b"x")
    object_bucket.go_wrong({"kind": kind, "times": 1000})
    calls = (
        bucket.read("k"),
        bucket.write("k", b"", over=None),
        bucket.remove(["k"]),
        bucket.upload("k", tmp_path / "put"),
        bucket.download("k", tmp_path / "got", 1, ""),
        anext(bucket.pages()),
    )
    for call in calls:
        with pytest.raises(DependencyUnavailable) as caught:
            await call
        assert caught.value.retry_after_ms
        assert object_bucket.name not in caught.value.message


@contextmanager
def nobody_there(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{taken.getsockname()[1]}")
        yield


async def test_a_store_that_is_down_is_told_as_what_may_pass(
    object_bucket: ObjectBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    with nobody_there(monkeypatch), pytest.raises(DependencyUnavailable):
        await Bucket(object_bucket.url, limits=QUICK).read("k")


async def test_a_store_that_does_not_answer_in_time_is_told_and_is_used_again_when_it_does(
    object_bucket: ObjectBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    host, _, port = object_bucket.endpoint.removeprefix("http://").partition(":")
    async with CuttableLink(host, int(port)) as link:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{link.port}")
        bucket = Bucket(object_bucket.url, limits=Limits(object_answer_s=0.3, object_retries=0))
        link.stall()
        with pytest.raises(DependencyUnavailable):
            await bucket.read("k")
        link.flow()
        patient = Bucket(object_bucket.url, limits=QUICK)
        assert await patient.read("k") is None
        await link.cut()
        with pytest.raises(DependencyUnavailable):
            await patient.read("k")
        await link.mend()
        assert await patient.read("k") is None


async def test_a_bucket_that_is_not_there_is_not_an_empty_one(object_bucket: ObjectBucket) -> None:
    with pytest.raises(DependencyUnavailable):
        await Bucket("s3://netra-never-made", limits=QUICK).read("k")


async def test_a_store_that_does_as_it_must_is_asked_once_and_keeps_nothing_of_it(
    bucket: Bucket, object_bucket: ObjectBucket
) -> None:
    await bucket.prove()
    assert object_bucket.listed() == []
    object_bucket.go_wrong({"kind": "500", "times": 1000})
    await bucket.prove()


@pytest.mark.validation_point("datasets.bucket")
async def test_a_store_that_ignores_conditions_is_refused(bucket: Bucket, object_bucket: ObjectBucket) -> None:
    object_bucket.go_wrong({"kind": "ignored", "method": "PUT", "times": 1000})
    with pytest.raises(ConfigurationError) as caught:
        await bucket.prove()
    assert "If-None-Match" in caught.value.faults[0]
    assert object_bucket.listed() == []


async def test_a_store_that_refuses_every_condition_is_refused(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(key: str, body: bytes, *, over: str | None) -> None:
        """No write is ever taken."""

    monkeypatch.setattr(bucket, "write", never)
    with pytest.raises(ConfigurationError, match="data could never be changed"):
        await bucket.prove()


async def test_a_bucket_that_cannot_be_used_is_told_with_what_to_check(object_bucket: ObjectBucket) -> None:
    with pytest.raises(ConfigurationError) as caught:
        await Bucket("s3://netra-never-made", limits=QUICK).prove()
    (fault,) = caught.value.faults
    assert "NETRA_DATASETS_URL=s3://netra-never-made" in fault
    assert "check bucket, region, credentials" in fault
    assert object_bucket.environment["AWS_SECRET_ACCESS_KEY"] not in fault


async def test_a_store_in_the_clear_on_another_machine_is_used_only_where_an_operator_says_so(
    object_bucket: ObjectBucket,
) -> None:
    elsewhere = {"AWS_ENDPOINT_URL": "http://store.example.com:9000"}
    with pytest.raises(ConfigurationError, match="use https://"):
        await Bucket(object_bucket.url, environ=elsewhere).prove()
    allowed = Bucket(object_bucket.url, environ={**elsewhere, "AWS_ALLOW_HTTP": "true"})
    allowed_faults = [allowed._in_the_clear, allowed._may_be_clear]
    assert allowed_faults == [True, True]
    assert str(allowed) == f"{object_bucket.url} at http://store.example.com:9000"
    assert str(Bucket(object_bucket.url, environ={})) == object_bucket.url


async def test_a_store_that_is_down_proves_nothing_and_is_asked_again(
    bucket: Bucket, object_bucket: ObjectBucket
) -> None:
    object_bucket.go_wrong({"kind": "500", "times": 1000})
    with pytest.raises(DependencyUnavailable):
        await bucket.prove()
    object_bucket.go_wrong({"kind": "403", "times": 1000})
    with pytest.raises(ConfigurationError, match="refused access"):
        await bucket.prove()
    object_bucket.go_wrong()
    await bucket.prove()


def test_what_a_store_said_is_kept_short_and_without_its_document() -> None:
    said = BaseError("Error performing GET\nin 5ms <?xml <Key>canary</Key>" + "x" * 999)
    assert module._unavailable("GET", said).why == "Error performing GET in 5ms"
    assert module._unavailable("GET", TimeoutError()).why == "TimeoutError"
