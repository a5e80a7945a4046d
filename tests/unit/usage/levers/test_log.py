"""The priced log as arrays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pytest

from netra_backend.app.core.errors import ToolError
from netra_backend.app.usage.levers import log as log_module
from netra_backend.app.usage.levers.log import Log, Options, load_log, mixed
from test_framework.usage_rows import usage_rows


def load(rows: Iterable[Mapping[str, Any]], options: Options | None = None, **arguments: Any) -> Log:
    return load_log(usage_rows(rows), arguments, options or Options())


def test_rows_come_in_order_of_time() -> None:
    log = load([{"at": 30, "input_tokens": 3}, {"at": 10, "input_tokens": 1}, {"at": 20, "input_tokens": 2}])
    assert log.input_tokens.tolist() == [1, 2, 3]
    assert len(log) == 3


def test_costs_are_those_of_the_view_and_unpriced_rows_have_none() -> None:
    log = load([{}, {"at": 1, "model": "no-such-model"}])
    assert log.cost.tolist() == [3_500_000_000, 0]
    assert log.priced.tolist() == [True, False]
    assert log.rates("output").tolist() == [10_000_000, 0]


def test_models_are_told_apart_as_the_price_list_has_them() -> None:
    log = load(
        [{"at": 0}, {"at": 1, "provider": None}, {"at": 2, "model": "gpt-4o-mini"}, {"at": 3, "model": "none-such"}]
    )
    first, same, other, unpriced = log.model.tolist()
    assert first == same
    assert len({first, other, unpriced}) == 3
    assert unpriced == -1


def test_kinds_have_their_names() -> None:
    log = load([{"at": 0, "feature": "chat"}, {"at": 1, "feature": None}, {"at": 2, "feature": "chat"}])
    assert [log.kind_names[number] for number in log.kind_number] == [
        ("gpt-4o", "chat"),
        ("gpt-4o", None),
        ("gpt-4o", "chat"),
    ]


def test_kinds_beyond_the_bound_share_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_module, "MAX_KINDS", 1)
    log = load([{"at": 0, "feature": "chat"}, {"at": 1, "feature": "chat"}, {"at": 2, "feature": "rare"}])
    assert [log.kind_names[number][1] for number in log.kind_number] == ["chat", "chat", None]
    assert log.kind_names[-1] == ("(other)", None)


def test_work_is_tagged_by_a_word_of_its_own_or_told() -> None:
    features = ["nightly-report", "evals", "medieval", "chat", None]
    log = load(
        [{"at": at, "feature": feature} for at, feature in enumerate(features)], Options(batch_features=("chat",))
    )
    assert log.tagged.tolist() == [True, True, False, False, False]
    assert log.marked_as_waiting.tolist() == [False, False, False, True, False]


def test_what_a_dataset_can_tell_is_asked_by_row() -> None:
    connection = usage_rows([{"at": 0, "dataset_id": "a"}, {"at": 1, "dataset_id": "b"}], capabilities=["sessions"])
    connection.execute("UPDATE datasets SET capabilities = ['cache_reads'] WHERE dataset_id = 'b'")
    log = load_log(connection, {}, Options())
    assert log.knows("cache_reads").tolist() == [False, True]
    assert log.knows("latencies").tolist() == [False, False]


def test_repeats_are_only_what_was_asked_more_than_once_by_one_tenant() -> None:
    rows = [{"prompt_hash": "h", "at": 0}, {"prompt_hash": "i", "at": 1}, {"prompt_hash": "h", "at": 2}]
    found, key = load([*rows, {"prompt_hash": "h", "team": "other", "at": 3}]).repeats
    assert found.tolist() == [0, 2]
    assert key[0] == key[1]


def test_rows_of_some_prices_are_found() -> None:
    log = load([{"at": 0}, {"at": 1, "model": "gpt-4o-mini"}, {"at": 2, "model": "none-such"}])
    wanted = int(log.price[1])
    assert log.priced_as([wanted]).tolist() == [False, True, False]
    assert not log.priced_as([]).any()


def test_an_unknown_column_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError):
        _ = load([{}]).nothing_of_the_kind


def test_no_rows_are_no_data() -> None:
    with pytest.raises(ToolError) as caught:
        load([])
    assert caught.value.code == "NO_DATA"


def test_mixing_hashes_minds_their_order() -> None:
    a, b = np.array([1, 2], dtype=np.uint64), np.array([2, 1], dtype=np.uint64)
    both = mixed(a, b)
    assert both[0] != both[1]
    assert mixed(a, b).tolist() == both.tolist()
