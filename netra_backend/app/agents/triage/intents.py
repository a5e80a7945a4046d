"""The closed lists: intents, levers, dimensions, and what each intent means in words."""

from __future__ import annotations

from typing import Final

OUT_OF_SCOPE: Final = "out_of_scope"

INTENTS: Final[dict[str, str]] = {
    "cost_overview": "the total spend over a period",
    "cost_breakdown": "how the spend splits by model, team, feature, user, provider or day",
    "cost_anomaly": "why or when spend jumped or dropped",
    "savings_all": "how you can spend less",
    "savings_lever": "what one way to spend less would bring",
    "what_if": "what another model or another volume would cost",
    "price_lookup": "the list price of a model",
    "forecast_budget": "where spend will end up, or how it compares with a budget",
    "usage_query": "counts of requests, tokens or failures, or latencies",
    "data_import_help": "how to import usage data, or why rows were rejected",
    "agent_help": "what this system can do",
    OUT_OF_SCOPE: "anything else",
}
"""Every intent and what the user wants by it."""

LEVERS: Final[dict[str, str]] = {
    "prompt_cache": "prompt caching",
    "duplicates": "caching answers to duplicate requests",
    "batch": "the batch API",
    "right_size": "smaller models",
    "output_length": "shorter outputs",
    "prompt_trim": "shorter prompts",
    "retries": "fewer retries and failures",
    "context_growth": "bounded conversation history",
    "provider_change": "another provider for the same model",
    "off_peak": "off-peak hours",
}
"""Every lever and its name in words."""

DIMENSIONS: Final = ("model", "team", "feature", "user", "provider", "day")
