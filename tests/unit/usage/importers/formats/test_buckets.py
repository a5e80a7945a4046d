import pytest

from netra_backend.app.usage.importers.formats import buckets
from netra_backend.app.usage.importers.reading.values import Times
from netra_backend.app.usage.importers.row import BadRow


def test_a_result_goes_before_its_bucket_where_both_tell_something() -> None:
    bucket = {"object": "bucket", "start": 1, "model": "outer", "results": [{"model": "inner"}, {}]}
    assert list(buckets.results_of(bucket)) == [{"start": 1, "model": "inner"}, {"start": 1, "model": "outer"}]


def test_a_bucket_with_absurdly_many_results_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buckets, "MAX_RESULTS", 2)
    with pytest.raises(BadRow):
        list(buckets.results_of({"results": [{}, {}, {}]}))


def test_a_bucket_without_an_end_has_no_width(times: Times) -> None:
    with pytest.raises(BadRow, match="the bucket's end is missing"):
        buckets.width(times, "2026-10-01T00:00:00Z", None)
