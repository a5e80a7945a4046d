"""The JSON of the report's parts, which are the answers of five questions as they were given.

Money is a decimal string of USD, a percentage a number from 0 to 100, a time ISO 8601 in UTC. ``None`` means that the data does
not say. Renderings and the OpenAPI document are made of these types; a test holds the answers to them.
"""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict

Period = TypedDict("Period", {"from": str, "to": str, "days": float})
"""From the first row to the last."""


# --- profile: data_profile -------------------------------------------------------------------------------------------


class ProfiledTokens(TypedDict):
    """Tokens of all rows; ``input`` includes what was read from and written to a cache."""

    input: int
    cache_read: int | None
    cache_write: int | None
    output: int
    reasoning: int | None


class ProfiledModel(TypedDict):
    """One of the models with most tokens."""

    provider: str | None
    model: str
    rows: int
    requests: int | None
    input_tokens: int
    output_tokens: int


_ProfiledTimes = TypedDict("_ProfiledTimes", {"from": str, "to": str})


class ProfiledDataset(_ProfiledTimes):
    """One import. ``capabilities`` are what its rows can tell; ``priced_as`` the model that stands for one it does not name."""

    dataset_id: str
    name: str
    format: str
    imported_at: str
    rows: int
    rejected: int
    capabilities: list[str]
    generated: bool
    priced_as: str | None


class Profile(TypedDict):
    """What usage data there is. Without rows it is ``rows``, ``requests``, ``datasets`` and ``how_to_import``."""

    rows: int
    requests: int
    datasets: list[ProfiledDataset]
    how_to_import: NotRequired[dict[str, str]]
    period: NotRequired[Period]
    tokens: NotRequired[ProfiledTokens]
    cost_reported_usd: NotRequired[str | None]
    failed_rows: NotRequired[int]
    gateway_cache_rows: NotRequired[int]
    models_count: NotRequired[int]
    models: NotRequired[list[ProfiledModel]]
    generated: NotRequired[bool]
    priced_as: NotRequired[list[str]]
    capabilities: NotRequired[list[str]]
    capabilities_of_some: NotRequired[list[str]]
    missing: NotRequired[list[str]]


# --- summary: cost_summary -------------------------------------------------------------------------------------------


class Tokens(TypedDict):
    """Tokens of the rows in scope; ``input`` includes what was read from and written to a cache."""

    input: int
    cache_read: int
    cache_write: int
    output: int


class UnitEconomics(TypedDict):
    """What one of a kind costs on average; ``None`` if there is none of it."""

    per_request_usd: str | None
    per_success_usd: str | None
    per_session_usd: str | None
    sessions: int
    failure_percent: float
    cache_hit_percent: float
    input_tokens_per_request: float | None
    output_tokens_per_request: float | None


class Share(TypedDict):
    """One part of a split, largest first (days: in order). ``key`` ``None`` is what has no name. With ``rest`` it gathers
    all that is beyond the largest parts, and has no counts."""

    key: str | None
    usd: str
    percent: float
    rest: NotRequired[bool]
    rows: NotRequired[int]
    requests: NotRequired[int]
    input_tokens: NotRequired[int]
    cache_read_tokens: NotRequired[int]
    cache_write_tokens: NotRequired[int]
    output_tokens: NotRequired[int]
    failures: NotRequired[int]
    unpriced_rows: NotRequired[int]


class UnpricedModel(TypedDict):
    """A model that the price list does not have."""

    model: str
    provider: str | None
    rows: int
    tokens: int


class Unpriced(TypedDict):
    """Rows without a list price: they are in no sum."""

    rows: int
    rows_percent: float
    tokens: int
    tokens_percent: float
    models: list[UnpricedModel]


class Reported(TypedDict):
    """What the source said that rows cost, beside their list price."""

    usd: str
    rows: int
    list_price_usd: str
    gap_usd: str
    gap_percent: float
    of_which_unpriced_usd: str


class StandardPriceAssumed(TypedDict):
    """Rows of a tier or batch for which the list had no price at their time."""

    rows: int
    usd: str


class SummarisedDataset(TypedDict):
    """One import; ``generated`` ones are made up for demonstration."""

    dataset_id: str
    name: str
    format: str
    generated: bool
    priced_as: str | None


class Prices(TypedDict):
    """The price list."""

    list: str
    version: str
    newest_price_from: str


class Summary(TypedDict):
    """The bill at list prices. ``breakdowns`` splits it by model, provider, team, feature, day and dataset."""

    total_usd: str
    rows: int
    requests: int
    period: Period
    tokens: Tokens
    unit_economics: UnitEconomics
    breakdowns: dict[str, list[Share]]
    unpriced: Unpriced
    reported: Reported | None
    standard_price_assumed: StandardPriceAssumed
    bucket_rows: int
    datasets: list[SummarisedDataset]
    prices: Prices


# --- savings: combine_savings ----------------------------------------------------------------------------------------


class ByScenario(TypedDict):
    """One value for each of the three bills: percent, or USD."""

    low: float
    base: float
    high: float


class UsdByScenario(TypedDict):
    """One amount for each of the three bills."""

    low: str
    base: str
    high: str


class SavedFrom(TypedDict):
    """A kind of request that a lever saves on."""

    model: str
    feature: str | None
    usd: str
    requests: int


class Lever(TypedDict):
    """One way to spend less. ``status`` is ``ok``, ``none_found`` or ``not_assessable``; the last has ``missing`` and
    ``remedy``, the others all that follows them."""

    lever: str
    title: str
    formula: str
    quality_risk: str
    status: str
    missing: NotRequired[list[str]]
    remedy: NotRequired[str]
    low_usd: NotRequired[str]
    base_usd: NotRequired[str]
    high_usd: NotRequired[str]
    percent_of_bill: NotRequired[ByScenario]
    coverage_percent: NotRequired[float]
    confidence: NotRequired[str]
    assumptions: NotRequired[list[str]]
    top: NotRequired[list[SavedFrom]]
    details: NotRequired[dict[str, Any]]


class Total(TypedDict):
    """All levers, one after the other."""

    low_usd: str
    base_usd: str
    high_usd: str
    percent_of_bill: ByScenario
    remaining_usd: UsdByScenario


class Month(TypedDict):
    """Thirty days at this pace."""

    bill_usd: str
    low_usd: str
    base_usd: str
    high_usd: str
    from_days: float


class Savings(TypedDict):
    """The levers in the order in which they are applied. ``total`` and ``month`` are there if they were combined; ``month`` is
    ``None`` for a log that is too short."""

    bill_usd: str
    rows: int
    unpriced_rows: int
    newest_rows_only: bool
    levers: list[Lever]
    total: NotRequired[Total]
    month: NotRequired[Month | None]


# --- anomalies: detect_anomalies -------------------------------------------------------------------------------------


class Cause(TypedDict):
    """What volume, mix, tokens or price contributed to an anomaly."""

    part: str
    usd: str


class Anomaly(TypedDict):
    """A day or hour that cost more (``jump``) or less (``drop``) than expected. ``top`` names the model, team and feature that
    changed most."""

    at: str
    direction: str
    usd: str
    expected_usd: str
    excess_usd: str
    percent: float | None
    z: float
    reference_usd: str
    explained_by: list[Cause]
    top: dict[str, str]


class Point(TypedDict):
    """One day or hour."""

    at: str
    usd: str
    expected_usd: str


class Anomalies(TypedDict):
    """Days or hours (``unit``) that differ from what was expected, newest first."""

    unit: str
    points: int
    method: str
    z_limit: float
    floor_usd: str
    smallest_percent: int
    anomalies: list[Anomaly]
    series: list[Point]


# --- forecast: forecast_spend ----------------------------------------------------------------------------------------


class Budget(TypedDict):
    """A budget against the forecast."""

    usd: str
    verdict: str
    left_in_base_usd: str


class Forecast(TypedDict):
    """The bill at the end of the month in which the log ends."""

    month: str
    as_of: str
    days_left: int
    history_days: int
    method: str
    so_far_usd: str
    low_usd: str
    base_usd: str
    high_usd: str
    budget: NotRequired[Budget]
