"""Prices, also against bills and price lists that were not made here."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from genai_prices import Usage, calc_price
from hypothesis import given
from hypothesis import strategies as st

from netra_backend.app.usage import pricing
from netra_backend.app.usage.money import usd

DATA = Path(__file__).resolve().parents[3].parent / "shared" / "data"
needs_data = pytest.mark.skipif(
    not DATA.is_dir(), reason="../shared/data is absent: the checks against real bills do not run"
)
NOVEMBER = datetime(2026, 11, 2, 12, tzinfo=UTC)


def rates(
    model: str, at: datetime = NOVEMBER, tokens: int = 1000, provider: str | None = None, **context: str
) -> pricing.Rates:
    listing = pricing.find(model, provider)
    assert listing is not None
    quote = pricing.quote(listing, at, context)
    assert quote is not None
    return quote.rates(tokens)


def test_cached_tokens_are_part_of_the_input_and_are_charged_once() -> None:
    # gpt-4o: 2.50 in, 1.25 cached, 10 out. 1000 in of which 400 cached: 600·2.5 + 400·1.25 + 100·10 = 3000 µ$.
    assert usd(rates("gpt-4o").cost(1000, cache_read=400, output_tokens=100)) == "0.003"


def test_cache_reads_beyond_the_input_never_make_a_negative_bill() -> None:
    assert rates("gpt-4o").cost(100, cache_read=900, cache_write=900) == rates("gpt-4o").cost(100, cache_read=100)


def test_cache_writes_cost_what_the_provider_adds() -> None:
    # claude-haiku-4-5: 1 in, 1.25 write, 5 out: 200·1 + 800·1.25 = 1200 µ$.
    assert usd(rates("claude-haiku-4-5").cost(1000, cache_write=800)) == "0.0012"


def test_writes_that_are_kept_for_an_hour_have_a_price_of_their_own() -> None:
    # claude-haiku-4-5: 1 in, 1.25 and 2 for writes: 200·1 + 300·1.25 + 500·2 = 1575 µ$.
    assert usd(rates("claude-haiku-4-5").cost(1000, cache_write=800, cache_write_1h=500)) == "0.001575"


def test_where_there_is_no_price_for_an_hour_it_is_that_of_any_write() -> None:
    assert rates("gpt-4o").cache_write_1h == rates("gpt-4o").cache_write


def test_a_model_without_a_cache_price_charges_cached_tokens_as_input() -> None:
    found = rates("o3-pro")
    assert (found.cache_read, found.cache_write) == (found.input, found.input)


def test_a_tier_holds_for_all_tokens_of_the_request() -> None:
    # claude-sonnet-4-5 doubles its input price above 200,000 tokens: 3 → 6.
    assert rates("claude-sonnet-4-5", tokens=200_000).input == 3_000_000
    assert rates("claude-sonnet-4-5", tokens=200_001).input == 6_000_000


def test_a_price_is_that_of_the_requests_own_date() -> None:
    # o3 cost 10 at its launch and 2 from 2025-06-10.
    assert rates("o3", datetime(2025, 6, 9, 23, tzinfo=UTC)).input == 10_000_000
    assert rates("o3", datetime(2025, 6, 10, 0, tzinfo=UTC)).input == 2_000_000


def test_batch_is_cheaper_from_the_day_the_list_knows_it_and_says_so_before() -> None:
    listing = pricing.find("gpt-4o")
    assert listing is not None
    before = pricing.quote(listing, datetime(2026, 6, 1, tzinfo=UTC), pricing.BATCH)
    after = pricing.quote(listing, NOVEMBER, pricing.BATCH)
    assert before is not None
    assert after is not None
    assert (before.context_matched, before.tiers[0].input) == (False, 2_500_000)
    assert (after.context_matched, after.tiers[0].input) == (True, 1_250_000)


def test_a_tier_that_nobody_lists_is_priced_as_standard_and_flagged() -> None:
    listing = pricing.find("gpt-4o")
    assert listing is not None
    quote = pricing.quote(listing, NOVEMBER, pricing.context_for("warp", False))
    assert quote is not None
    assert not quote.context_matched
    assert quote.tiers[0].input == 2_500_000


@pytest.mark.parametrize(
    ("tier", "is_batch", "context"),
    [
        (None, None, {}),
        ("default", False, {}),
        ("Standard", None, {}),
        ("batch", False, {"processing": "batch"}),
        ("flex", False, {"service_tier": "flex"}),
        ("flex", True, {"processing": "batch"}),
    ],
)
def test_a_rows_tier_and_batch_flag_become_the_lists_context(
    tier: str | None, is_batch: bool | None, context: dict[str, str]
) -> None:
    assert pricing.context_for(tier, is_batch) == context


def test_off_peak_prices_follow_the_clock_to_the_minute() -> None:
    # deepseek-chat through its own API: 0.135 in by night, 0.27 from 00:30 to 16:30 UTC.
    assert rates("deepseek-chat", datetime(2025, 5, 1, 0, 29, tzinfo=UTC)).input == 135_000
    assert rates("deepseek-chat", datetime(2025, 5, 1, 0, 30, tzinfo=UTC)).input == 270_000


def test_an_unknown_model_has_no_price_rather_than_none_to_pay() -> None:
    assert pricing.find("no-such-model-9000") is None


def test_a_listed_provider_that_does_not_list_the_model_is_not_overruled_by_the_name() -> None:
    assert pricing.find("gpt-4o", "anthropic") is None


def test_a_provider_that_is_not_listed_is_passed_over_and_said_so() -> None:
    listing = pricing.find("claude-opus-4-8", "my-gateway")
    assert listing is not None
    assert (listing.name, listing.provider_assumed) == ("anthropic:claude-opus-4-8", True)


def test_a_model_name_with_its_provider_before_a_slash_is_understood() -> None:
    listing = pricing.find("openai/gpt-4o")
    assert listing is not None
    assert listing.name == "openai:gpt-4o"


def test_a_model_that_is_not_sold_by_the_token_is_unpriced() -> None:
    listing = pricing.find("whisper-1", "openai")
    assert listing is None or pricing.quote(listing, NOVEMBER) is None


def test_the_source_names_list_and_version() -> None:
    assert pricing.source()["list"] == "genai-prices"
    assert re.fullmatch(r"\d+\.\d+\.\d+", pricing.source()["version"])


@given(
    name=st.sampled_from(
        ["gpt-4o", "claude-sonnet-4-5", "deepseek-chat", "deepseek-v4-pro", "o3", "gemini-2.5-pro", "gpt-5.5"]
    ),
    at=st.datetimes(datetime(2024, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),
    context=st.sampled_from([{}, {"processing": "batch"}, {"service_tier": "priority"}]),
    tokens=st.integers(0, 400_000),
    share=st.integers(0, 100),
)
def test_the_schedules_steps_say_at_every_moment_what_the_list_itself_says(
    name: str, at: datetime, context: dict[str, str], tokens: int, share: int
) -> None:
    at = at.replace(microsecond=0)
    listing = pricing.find(name)
    assert listing is not None
    second = at.hour * 3600 + at.minute * 60 + at.second
    holding = [
        span
        for span in pricing.schedule(listing, context)
        if span.since <= at and (span.until is None or at < span.until) and span.second_from <= second < span.second_to
    ]
    assert len(holding) == 1
    read = tokens * share // 100
    theirs = calc_price(
        Usage(input_tokens=tokens, cache_read_tokens=read, output_tokens=7),
        name,
        genai_request_timestamp=at,
        price_context=context,
    )
    ours = holding[0].quote.rates(tokens).cost(tokens, cache_read=read, output_tokens=7)
    assert Decimal(usd(ours)) == theirs.total_price


@needs_data
def test_tracelabs_nineteen_rounds_cost_what_its_authors_list_says() -> None:
    total = 0
    for line in (DATA / "tracelab" / "example_sessions_sanitized_round_trace.jsonl").read_text().splitlines():
        row = json.loads(line)
        at = datetime.fromisoformat(row["timing_events"][0]["timestamp"])
        total += rates(row["model"], at, row["input_tokens_total"], provider=row["provider"]).cost(
            row["input_tokens_total"],
            row["prefix_tokens"],
            row["claude_cache_creation_input_tokens"] or 0,
            row["output_tokens"],
        )
    assert abs(Decimal(usd(total)) - Decimal("0.668971")) <= Decimal("1e-6")


@needs_data
def test_tracelabs_eight_model_prices_agree_with_ours() -> None:
    listed = json.loads((DATA / "tracelab" / "artifacts_utils_pricing.json").read_text())["exact"]
    assert len(listed) == 8
    for name, theirs in listed.items():
        ours = rates(name.partition(":")[2], datetime(2026, 6, 15, tzinfo=UTC))
        found = {"inputPerM": ours.input, "cachedInputPerM": ours.cache_read, "outputPerM": ours.output}
        if "cacheWrite5mInputPerM" in theirs:
            found["cacheWrite5mInputPerM"] = ours.cache_write
        if "cacheWrite1hInputPerM" in theirs:
            found["cacheWrite1hInputPerM"] = ours.cache_write_1h
        assert {key: Decimal(str(value)) * 10**6 for key, value in theirs.items()} == found, name


@needs_data
def test_five_published_benchmark_bills_are_met_within_half_a_percent() -> None:
    wanted = {"68.63", "65.75", "146.32", "59.62", "1.14"}
    met = []
    for bill in _aider_bills():
        ours = _benchmark_cost(bill)
        if ours is not None and abs(ours - Decimal(bill["total_cost"])) <= Decimal(bill["total_cost"]) / 200:
            met.append(f"{ours:.2f}")
        print(f"{bill['model']:50} theirs {bill['total_cost']:>9} ours {ours}")
    assert wanted <= set(met)


def _aider_bills() -> list[dict[str, str]]:
    bills: list[dict[str, str]] = []
    for line in (DATA / "aider" / "polyglot_leaderboard.yml").read_text().splitlines():
        if line.startswith("- "):
            bills.append({})
        if field := re.match(r"(?:- |  )(\w+): ([^#]*)", line):
            bills[-1][field[1]] = field[2].strip()
    return [bill for bill in bills if "prompt_tokens" in bill]


def _benchmark_cost(bill: dict[str, str]) -> Decimal | None:
    """The list price of a whole benchmark: its tokens are sums, so the tier of small prompts is taken."""
    named = re.search(r"--model (\S+)", bill["command"])
    assert named is not None
    listing = pricing.find(named[1].rpartition("/")[2])
    if listing is None:
        return None
    quote = pricing.quote(listing, datetime.fromisoformat(bill["date"]).replace(tzinfo=UTC))
    assert quote is not None
    return Decimal(usd(quote.tiers[0].cost(int(bill["prompt_tokens"]), output_tokens=int(bill["completion_tokens"]))))
