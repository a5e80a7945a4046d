"""What Markdown and HTML say alike of a report: the sentences around the bill, the splits worth a table, and how names look."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from .money import display
from .report_parts import Lever, Month, Prices, Savings, Share, Summary, Total

TITLE: Final = "Where the money goes, and where to cut"
NO_NAME: Final = "(not named)"
MODELS_NAMED: Final = 5

Name = Callable[[object], str]
"""How a rendering shows a name of the data, such as a model's."""

_SPLITS: Final = (
    ("model", "By model"),
    ("team", "By team"),
    ("feature", "By feature"),
    ("provider", "By provider"),
    ("user", "By user"),
    ("status", "By status"),
    ("dataset", "By dataset"),
)


class Remark(NamedTuple):
    """A sentence: ``lead`` is what a rendering sets off (may be empty), ``rest`` follows it without a space."""

    lead: str
    rest: str


class Split(NamedTuple):
    """The bill by one dimension: its parts with the names to show."""

    dimension: str
    title: str
    parts: list[tuple[str, Share]]


def splits(summary: Summary, name: Name) -> list[Split]:
    """The splits that tell something: not those into one part that has no name, or that only repeats the total."""
    datasets = {dataset["dataset_id"]: dataset["name"] for dataset in summary["datasets"]}
    found = []
    for dimension, title in _SPLITS:
        parts = summary["breakdowns"].get(dimension, [])
        if not parts or (len(parts) == 1 and (parts[0]["key"] is None or dimension in ("dataset", "status"))):
            continue
        named = [(name(_known(dimension, part["key"], datasets) or NO_NAME), part) for part in parts]
        found.append(Split(dimension, title, named))
    return found


def _known(dimension: str, key: str | None, datasets: dict[str, str]) -> str | None:
    return datasets.get(key, key) if dimension == "dataset" and key is not None else key


def cost(part: Share) -> str:
    """What a part costs. If none of its rows has a price, that is not nothing but unknown."""
    return (
        "unpriced"
        if part.get("unpriced_rows") and part.get("unpriced_rows") == part.get("rows")
        else display(part["usd"])
    )


def count(part: Share) -> str:
    """The requests of a part; empty if they are not counted."""
    return f"{part['requests']:,}" if "requests" in part else ""


def warnings(summary: Summary, name: Name) -> list[Remark]:
    """What must be known before the bill is read: data that is made up, and models that were assumed."""
    remarks = []
    for dataset in summary["datasets"]:
        if dataset["generated"]:
            made_up = f" {name(dataset['name'])} was made up for demonstration; nobody paid this."
            remarks.append(Remark("Generated sample.", made_up))
        if dataset["priced_as"]:
            assumed = f"{name(dataset['name'])} names no model; it is priced as {name(dataset['priced_as'])}."
            remarks.append(Remark("", assumed))
    return remarks


def caveats(summary: Summary, name: Name) -> list[Remark]:
    """How far the bill can be trusted: what has no price, what the source reported, what was assumed."""
    unpriced, reported, assumed = summary["unpriced"], summary["reported"], summary["standard_price_assumed"]
    remarks = []
    if unpriced["rows"]:
        names = ", ".join(name(model["model"]) for model in unpriced["models"][:MODELS_NAMED])
        left_out = (
            f": {unpriced['rows']:,} rows ({unpriced['rows_percent']} %) and {unpriced['tokens_percent']} % of the tokens "
            f"have no list price and are not in the bill: {names}."
        )
        remarks.append(Remark("Unpriced", left_out))
    if reported:
        gap = (
            f"The source reported {display(reported['usd'])} for {reported['rows']:,} rows; at list prices they are "
            f"{display(reported['list_price_usd'])}: a gap of {display(reported['gap_usd'])} ({reported['gap_percent']} %)."
        )
        remarks.append(Remark("", gap))
    if assumed["rows"]:
        standard = (
            f"{assumed['rows']:,} rows ({display(assumed['usd'])}) ran in a tier or batch for which the list has no price at "
            "their time; the standard price stands for it."
        )
        remarks.append(Remark("", standard))
    if summary["bucket_rows"]:
        sums = f"{summary['bucket_rows']:,} rows are sums over a time; their size tier is that of the mean request."
        remarks.append(Remark("", sums))
    return remarks


def unit_costs(summary: Summary) -> str:
    """What one request, success and session costs, and how many were cached or failed."""
    units = summary["unit_economics"]
    each = (
        ("request", units["per_request_usd"]),
        ("success", units["per_success_usd"]),
        ("session", units["per_session_usd"]),
    )
    costs = ", ".join(f"{display(usd)} a {unit}" for unit, usd in each if usd is not None)
    return (
        f"{costs}; {units['cache_hit_percent']} % of the input was read from a cache, {units['failure_percent']} % of the "
        "requests failed."
    )


def by_status(savings: Savings) -> tuple[list[Lever], list[Lever], list[Lever]]:
    """The levers that save, those that would save nothing, and those that this log cannot tell of."""
    found, none, unknown = (
        [lever for lever in savings["levers"] if lever["status"] == status]
        for status in ("ok", "none_found", "not_assessable")
    )
    return found, none, unknown


def amounts(figures: Lever | Total) -> list[str]:
    """Low, base and high of a saving, and the base's share of the bill."""
    scenarios = (figures["low_usd"], figures["base_usd"], figures["high_usd"])
    return [*map(display, scenarios), f"{figures['percent_of_bill']['base']} %"]


def nothing_found(levers: Iterable[Lever]) -> str:
    """Which levers were looked at in vain."""
    return f"Nothing found: {', '.join(lever['title'].lower() for lever in levers)}."


def at_this_pace(month: Month) -> str:
    """Thirty days, and what could go of them."""
    return (
        f"At the pace of these {month['from_days']} days, thirty days cost {display(month['bill_usd'])}; of that "
        f"{display(month['low_usd'])} to {display(month['high_usd'])} could go, {display(month['base_usd'])} in base."
    )


def price_source(prices: Prices) -> str:
    """Where prices come from."""
    return f"Prices: {prices['list']} {prices['version']}, each by the date of its request."
