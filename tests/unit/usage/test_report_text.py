"""What every rendering of a report says alike."""

from __future__ import annotations

from typing import Any

from netra_backend.app.usage.report_text import (
    MODELS_NAMED,
    amounts,
    at_this_pace,
    by_status,
    caveats,
    cost,
    count,
    nothing_found,
    splits,
    unit_costs,
    warnings,
)
from netra_backend.app.usage.summary import cost_summary
from test_framework.usage_rows import usage_rows

LEVERS: Any = [{"title": status.upper(), "status": status} for status in ("ok", "none_found", "not_assessable", "ok")]


def summary(rows: list[dict[str, Any]], **arguments: Any) -> Any:
    return cost_summary(usage_rows(rows), arguments)


def quoted(name: object) -> str:
    return f"'{name}'"


def told(remarks: Any) -> list[str]:
    return [remark.lead + remark.rest for remark in remarks]


def test_a_split_tells_something_or_is_left_out() -> None:
    one_of_each = summary([{"team": "search"}], group_by=["model", "team", "feature", "status", "dataset"])
    assert [split.title for split in splits(one_of_each, str)] == ["By model", "By team"]
    two_of_each = summary(
        [{"team": None, "dataset_id": "ds_1"}, {"team": "ads", "status": "error", "dataset_id": "ds_2"}],
        group_by=["dataset", "status", "team"],
    )
    assert [split.title for split in splits(two_of_each, str)] == ["By team", "By status", "By dataset"]


def test_names_are_shown_as_the_rendering_shows_them() -> None:
    of = summary([{"team": None, "dataset_id": "ds_1"}, {"team": "ads", "dataset_id": "ds_2"}])
    names = {split.dimension: sorted(name for name, _ in split.parts) for split in splits(of, quoted)}
    assert names["team"] == ["'(not named)'", "'ads'"]
    assert names["dataset"] == ["'usage of ds_1'", "'usage of ds_2'"]


def test_a_part_of_which_no_row_has_a_price_is_unpriced_and_one_that_is_free_is_not() -> None:
    part: Any = {"key": "a", "usd": "0", "percent": 0.0, "rows": 2, "requests": 1200}
    shares: list[Any] = [{**part, "unpriced_rows": rows} for rows in (2, 1, 0)]
    unpriced, partly, free = shares
    assert cost(unpriced) == "unpriced"
    assert cost(partly) == cost(free) == "$0"
    assert count(part) == "1,200"
    rest: Any = {"key": "(all others)", "rest": True, "usd": "1.5", "percent": 3.0}
    assert (cost(rest), count(rest)) == ("$1.50", "")


def test_made_up_data_and_assumed_models_are_told_first() -> None:
    found = summary([{}])
    assert warnings(found, quoted) == []
    found["datasets"][0] |= {"generated": True, "priced_as": "gpt-4o"}
    assert told(warnings(found, quoted)) == [
        "Generated sample. 'usage of ds_1' was made up for demonstration; nobody paid this.",
        "'usage of ds_1' names no model; it is priced as 'gpt-4o'.",
    ]


def test_what_the_bill_does_not_hold_is_told_and_nothing_where_it_holds_all() -> None:
    assert caveats(summary([{}]), quoted) == []
    rows: list[dict[str, Any]] = [{"model": f"none-{number}"} for number in range(MODELS_NAMED + 1)]
    rows += [{"cost_reported_usd": "0.004"}, {"granularity": "day"}]
    unpriced, gap, sums = told(caveats(summary(rows), quoted))
    assert unpriced.startswith("Unpriced: 6 rows (75.0 %) and 75.0 % of the tokens have no list price")
    assert unpriced.endswith("'none-0', 'none-1', 'none-2', 'none-3', 'none-4'.")
    assert gap == "The source reported $0.004 for 1 rows; at list prices they are $0.0035: a gap of $0.0005 (12.5 %)."
    assert sums.startswith("1 rows are sums over a time")


def test_a_price_that_stands_for_another_is_told() -> None:
    found = summary([{}])
    found["standard_price_assumed"] = {"rows": 1200, "usd": "2.5"}
    assert told(caveats(found, quoted))[0].startswith("1,200 rows ($2.50) ran in a tier or batch")


def test_units_that_there_are_none_of_have_no_cost() -> None:
    assert unit_costs(summary([{"session_id": None}])).startswith(
        "$0.0035 a request, $0.0035 a success; 0.0 % of the input"
    )
    assert "$0.0035 a session" in unit_costs(summary([{"session_id": "s"}]))


def test_levers_are_parted_by_what_could_be_told_of_them() -> None:
    found, none, unknown = by_status({"levers": LEVERS})  # type: ignore[typeddict-item]  # the rest does not matter here
    assert [len(levers) for levers in (found, none, unknown)] == [2, 1, 1]
    assert nothing_found(none) == "Nothing found: none_found."


def test_a_saving_is_a_range_with_its_share_of_the_bill() -> None:
    figures: Any = {"low_usd": "0", "base_usd": "1.5", "high_usd": "20", "percent_of_bill": {"base": 12.5}}
    assert amounts(figures) == ["$0", "$1.50", "$20.00", "12.5 %"]


def test_a_month_is_told_with_what_could_go_of_it() -> None:
    month: Any = {"bill_usd": "30", "low_usd": "1", "base_usd": "2", "high_usd": "3", "from_days": 7.5}
    assert at_this_pace(month) == (
        "At the pace of these 7.5 days, thirty days cost $30.00; of that $1.00 to $3.00 could go, $2.00 in base."
    )
