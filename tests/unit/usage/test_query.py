import json
from typing import Any

import pytest

from netra_backend.app.core.errors import QueryRejected, ToolError
from netra_backend.app.usage.query import DIMENSIONS, FILTERED, METRICS, database_query
from test_framework.usage_rows import usage_rows

ROWS: list[dict[str, Any]] = [
    {"team": "a", "latency_ms": 100.0, "cache_read_tokens": 500},
    {"team": "a", "latency_ms": 300.0, "status": "error", "at": 3600},
    {"team": "b", "model": "gpt-5", "latency_ms": 50.0, "input_tokens": 10, "at": 86_400, "cost_reported_usd": "0.5"},
    {"team": None, "model": "gpt-5", "requests": 7, "at": 86_400 * 2, "is_batch": True},
]


def asked(**query: Any) -> dict[str, Any]:
    with usage_rows(ROWS) as rows:
        answer = database_query(rows, query)
    json.dumps(answer)
    return answer


def test_without_anything_it_counts_requests() -> None:
    assert asked() == {"columns": ["requests"], "rows": [[10]], "truncated": False, "timezone": "UTC"}


def test_groups_come_by_the_first_metric_and_ties_by_name() -> None:
    assert asked(metrics=["requests", "input_tokens"], group_by=["team"])["rows"] == [
        [None, 7, 1000],
        ["a", 2, 2000],
        ["b", 1, 10],
    ]


def test_dimensions_of_time_go_up() -> None:
    assert [row[0] for row in asked(group_by=["day"])["rows"]] == ["2026-11-02", "2026-11-03", "2026-11-04"]
    assert asked(group_by=["weekday", "hour_of_day"])["rows"][0] == ["Monday", 12, 1]


def test_days_are_cut_where_the_user_lives() -> None:
    assert asked(group_by=["hour"], timezone="Asia/Tokyo", limit=1)["rows"][0][0] == "2026-11-02T21:00:00"
    with usage_rows([{"at": 12 * 3600}]) as rows:
        answer = database_query(rows, {"group_by": ["day"], "timezone": "America/New_York"})
    assert answer["rows"] == [["2026-11-02", 1]]


def test_order_may_be_named() -> None:
    assert asked(group_by=["day"], order_by="requests")["rows"][0] == ["2026-11-04", 7]
    assert [row[0] for row in asked(group_by=["model"], order_by="model")["rows"]] == ["gpt-4o", "gpt-5"]


def test_rates_latencies_and_money_are_computed() -> None:
    metrics = ["error_rate", "p50_latency_ms", "cache_hit_rate", "cost_reported_usd", "errors", "total_tokens"]
    assert asked(metrics=metrics)["rows"] == [[0.25, 100.0, 0.5, "0.500000000000", 1, 3410]]


@pytest.mark.parametrize(
    ("condition", "count"),
    [
        ({"column": "team", "value": "a"}, 2),
        ({"column": "team", "op": "!=", "value": "a"}, 8),
        ({"column": "team", "op": "in", "value": ["a", "b"]}, 3),
        ({"column": "team", "op": "not_in", "value": ["a"]}, 8),
        ({"column": "team", "op": "is_null"}, 7),
        ({"column": "team", "op": "not_null"}, 3),
        ({"column": "model", "op": "contains", "value": "GPT-5"}, 8),
        ({"column": "latency_ms", "op": ">", "value": 100}, 1),
        ({"column": "input_tokens", "op": "<=", "value": 10}, 1),
        ({"column": "is_batch", "value": True}, 7),
        ({"column": "team", "value": "a' OR '1'='1"}, None),
    ],
)
def test_filters_compare_values_and_nothing_else(condition: dict[str, Any], count: int | None) -> None:
    assert asked(filters=[condition])["rows"] == [[count]]


def test_a_period_includes_its_start_and_not_its_end() -> None:
    period = {"from": "2026-11-02T13:00:00Z", "to": "2026-11-04T12:00:00Z"}
    assert asked(period=period)["rows"] == [[2]]
    assert asked(period={"from": "2026-11-03T13:30:00+02:00"})["rows"] == [[8]]


def test_a_period_may_reach_to_the_ends_of_the_calendar() -> None:
    assert asked(period={"from": "0001-01-01T00:00:00+14:00", "to": "9999-12-31T23:59:59-12:00"})["rows"] == [[10]]


def test_rows_beyond_the_limit_are_cut_and_that_is_told() -> None:
    answer = asked(group_by=["day"], limit=2)
    assert (len(answer["rows"]), answer["truncated"]) == (2, True)


@pytest.mark.parametrize("name", sorted(METRICS))
def test_every_metric_of_the_list_can_be_asked(name: str) -> None:
    assert asked(metrics=[name])["columns"] == [name]


@pytest.mark.parametrize("name", DIMENSIONS)
def test_every_dimension_of_the_list_can_be_asked(name: str) -> None:
    assert asked(group_by=[name])["columns"] == [name, "requests"]


@pytest.mark.parametrize("name", FILTERED)
def test_every_filter_of_the_list_can_be_asked(name: str) -> None:
    assert asked(filters=[{"column": name, "op": "not_null"}])["columns"] == ["requests"]


@pytest.mark.validation_point("query.structure")
@pytest.mark.parametrize(
    "wrong",
    [
        {"metrics": ["sum(input_tokens)"]},
        {"metrics": []},
        {"metrics": ["requests", "requests"]},
        {"group_by": ["model; DROP TABLE usage"]},
        {"group_by": ["prompt_hash"]},
        {"group_by": ["model", "model"]},
        {"group_by": ["model", "provider", "team", "feature", "status", "source", "day"]},
        {"filters": [{"column": "1=1 --", "value": "x"}]},
        {"filters": [{"column": "team", "op": "in", "value": "a"}]},
        {"filters": [{"column": "team", "op": "in", "value": []}]},
        {"filters": [{"column": "team", "op": "in", "value": ["x"] * 101}]},
        {"filters": [{"column": "team", "value": ["a"]}]},
        {"filters": [{"column": "team"}]},
        {"filters": [{"column": "team", "op": "is_null"}] * 21},
        {"order_by": "model"},
        {"limit": 0},
        {"limit": 1001},
    ],
)
def test_what_is_not_on_the_lists_is_refused_with_the_lists(wrong: dict[str, Any]) -> None:
    with pytest.raises(QueryRejected) as caught:
        asked(**wrong)
    assert "error_rate" in caught.value.hint


@pytest.mark.parametrize(
    "wrong",
    [
        {"sql": "SELECT 1"},
        {"metrics": "requests"},
        {"filters": [{"column": "team", "op": "like", "value": "x"}]},
        {"limit": "x"},
    ],
)
def test_arguments_of_another_shape_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ToolError) as caught:
        asked(**wrong)
    assert caught.value.code == "INVALID_ARGUMENTS"


def test_with_no_data_it_says_so() -> None:
    with usage_rows([]) as rows, pytest.raises(ToolError) as caught:
        database_query(rows, {})
    assert caught.value.code == "NO_DATA"
    assert "netra import" in caught.value.hint
