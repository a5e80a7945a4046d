from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from netra_backend.app.usage.importers.formats.openai_usage import OPENAI_USAGE

# Shaped like a bucket of the usage API; the numbers are made up. input_tokens includes input_cached_tokens.
RESULT = {
    "object": "organization.usage.completions.result",
    "input_tokens": 5000,
    "input_cached_tokens": 2000,
    "output_tokens": 700,
    "num_model_requests": 9,
    "project_id": "proj_a",
    "user_id": "user-1",
    "api_key_id": "key_1",
    "model": "gpt-4o-2024-08-06",
    "batch": False,
    "service_tier": "default",
}


def bucket(*results: dict[str, Any], seconds: int = 86_400) -> dict[str, Any]:
    return {"object": "bucket", "start_time": 1790812800, "end_time": 1790812800 + seconds, "results": list(results)}


def test_input_has_the_cached_tokens_in_it_already(converted: Callable[..., Any]) -> None:
    (row,), _ = converted(OPENAI_USAGE, bucket(RESULT))
    assert (row.input_tokens, row.cache_read_tokens, row.output_tokens, row.requests) == (5000, 2000, 700, 9)


def test_a_result_is_one_row_with_the_time_and_the_groups_of_its_bucket(converted: Callable[..., Any]) -> None:
    rows, _ = converted(OPENAI_USAGE, bucket(RESULT, {**RESULT, "batch": True}), bucket(), bucket(RESULT))
    assert [row.is_batch for row in rows] == [False, True, False]
    assert {row.ts for row in rows} == {datetime(2026, 10, 1, tzinfo=UTC)}
    assert (rows[0].team, rows[0].end_user, rows[0].feature) == ("proj_a", "user-1", "key_1")
    assert (rows[0].provider, rows[0].model, rows[0].service_tier) == ("openai", "gpt-4o-2024-08-06", "default")


@pytest.mark.parametrize(("seconds", "granularity"), [(60, "minute"), (3600, "hour"), (86_400, "day"), (7, "bucket")])
def test_the_width_of_a_bucket_is_its_granularity(
    converted: Callable[..., Any], seconds: int, granularity: str
) -> None:
    (row,), _ = converted(OPENAI_USAGE, bucket(RESULT, seconds=seconds))
    assert row.granularity == granularity


def test_embeddings_have_no_output_and_images_no_tokens(converted: Callable[..., Any]) -> None:
    embeddings = {"object": "organization.usage.embeddings.result", "input_tokens": 10, "model": "e"}
    images = {"object": "organization.usage.images.result", "images": 4}
    rows, stats = converted(OPENAI_USAGE, bucket(embeddings, images))
    assert [(row.operation, row.output_tokens) for row in rows] == [("embedding", 0)]
    assert stats.as_dict()["skipped"][0]["count"] == 1


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (bucket({**RESULT, "model": None}), "model is missing: ask the API to group by model, or name one"),
        (bucket({**RESULT, "input_cached_tokens": 6000}), "input_cached_tokens is more than input_tokens"),
        (bucket(RESULT, seconds=-1), "the bucket ends before it starts"),
        ({**bucket(), "results": 5}, "the bucket has no list of results"),
        ({**bucket(), "results": [5]}, "a result of the bucket is not a JSON object"),
    ],
)
def test_a_bucket_that_cannot_be_is_rejected(converted: Callable[..., Any], wrong: Any, reason: str) -> None:
    rows, stats = converted(OPENAI_USAGE, bucket(RESULT), wrong)
    assert len(rows) == 1
    assert stats.as_dict()["rejections"][0]["reason"] == reason


def test_a_report_that_was_not_grouped_by_model_takes_the_one_that_is_named(converted: Callable[..., Any]) -> None:
    (row,), _ = converted(OPENAI_USAGE, bucket({**RESULT, "model": None}), model="gpt-4o")
    assert row.model == "gpt-4o"
