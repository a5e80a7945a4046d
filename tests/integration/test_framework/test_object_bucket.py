"""The test server and its bucket: an S3-compatible store that does as it is told, also wrongly."""

import httpx
import pytest

from test_framework.object_bucket import ObjectBucket


def test_what_is_put_is_got_and_listed_and_deleted(object_bucket: ObjectBucket) -> None:
    object_bucket.put("a/1", b"one")
    assert object_bucket.get("a/1") == b"one"
    assert object_bucket.listed() == ["a/1"]
    object_bucket.delete("a/1")
    assert object_bucket.listed() == []


def test_each_bucket_is_a_tests_own(object_bucket: ObjectBucket) -> None:
    object_bucket.put("k", b"")
    assert ObjectBucket.make(object_bucket.endpoint).listed() == []
    assert object_bucket.url == f"s3://{object_bucket.name}/netra"


def test_faults_come_as_often_as_they_were_told_and_only_where(object_bucket: ObjectBucket) -> None:
    object_bucket.put("k", b"one")
    object_bucket.put("other", b"two")
    object_bucket.go_wrong({"kind": "500", "method": "GET", "key": "/k", "times": 1})
    assert object_bucket.get("other") == b"two"
    with pytest.raises(httpx.HTTPStatusError, match="500"):
        object_bucket.get("k")
    assert object_bucket.get("k") == b"one"


def test_an_answer_can_be_lost_altered_or_cut(object_bucket: ObjectBucket) -> None:
    object_bucket.go_wrong({"kind": "lost", "method": "PUT", "times": 1})
    with pytest.raises(httpx.HTTPStatusError, match="500"):
        object_bucket.put("k", b"one")
    object_bucket.go_wrong({"kind": "altered", "method": "GET", "times": 1})
    assert object_bucket.get("k") != object_bucket.get("k") == b"one"
    object_bucket.go_wrong({"kind": "cut", "method": "GET", "times": 1})
    with pytest.raises(httpx.RemoteProtocolError):
        object_bucket.get("k")
