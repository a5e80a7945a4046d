import json

from netra_backend.app.usage.profile import MODELS_SHOWN, data_profile
from netra_backend.app.usage.rows import Capability
from test_framework.usage_rows import usage_rows


def test_with_no_data_it_says_so_and_how_to_import() -> None:
    with usage_rows([]) as rows:
        told = data_profile(rows, {})
    assert (told["rows"], told["datasets"]) == (0, [])
    assert told["how_to_import"]["command"] == "netra import FILE"


def test_rows_requests_tokens_and_models_are_summed() -> None:
    bucket = {"model": "gpt-5", "requests": 40, "granularity": "hour", "cache_read_tokens": 7, "at": 86_400}
    failed = {"status": "error", "cost_reported_usd": "0.25"}
    with usage_rows([{}, bucket, failed, {"requests": None, "status": "gateway_cache"}]) as rows:
        told = data_profile(rows, {})
    assert (told["rows"], told["requests"], told["failed_rows"], told["gateway_cache_rows"]) == (4, 42, 1, 1)
    assert told["tokens"] == {"input": 4000, "cache_read": 7, "cache_write": None, "output": 400, "reasoning": None}
    assert [(model["model"], model["rows"], model["requests"]) for model in told["models"]] == [
        ("gpt-4o", 3, 2),
        ("gpt-5", 1, 40),
    ]
    assert told["cost_reported_usd"] == "0.25"
    assert told["period"] == {"from": "2026-11-02T12:00:00.000Z", "to": "2026-11-03T12:00:00.000Z", "days": 1.0}
    json.dumps(told)


def test_what_all_datasets_can_tell_is_told_apart_from_what_some_can_and_none() -> None:
    with usage_rows([{}], capabilities=["per_request", "sessions"]) as rows:
        rows.execute(
            "INSERT INTO datasets SELECT 'ds_2', name, format, imported_at, rows, rejected, first_ts, last_ts, "
            "['per_request'], true, 'gpt-4o' FROM datasets"
        )
        told = data_profile(rows, {})
    assert (told["capabilities"], told["capabilities_of_some"]) == (["per_request"], ["sessions"])
    assert set(told["missing"]) == {capability.value for capability in Capability} - {"per_request", "sessions"}
    assert (told["generated"], told["priced_as"], len(told["datasets"])) == (True, ["gpt-4o"], 2)


def test_models_without_end_are_counted_and_only_the_largest_shown() -> None:
    with usage_rows([{"model": f"m{n}", "input_tokens": n} for n in range(MODELS_SHOWN + 5)]) as rows:
        told = data_profile(rows, {})
    assert told["models_count"] == MODELS_SHOWN + 5
    assert len(told["models"]) == MODELS_SHOWN
    assert told["models"][0]["model"] == f"m{MODELS_SHOWN + 4}"
