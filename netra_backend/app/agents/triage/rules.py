"""Rules: what a message asks where its words say so plainly, in the order of precedence that the borders need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .concepts import find_concepts
from .intents import OUT_OF_SCOPE
from .model_names import ModelMention
from .text import Text


@dataclass(frozen=True, slots=True)
class Decision:
    """An intent, how sure, and why."""

    intent: str
    confidence: float
    reasons: tuple[str, ...]


def without_names(text: Text, models: Sequence[ModelMention]) -> Text:
    """The text with each model name replaced by ``MODEL``."""
    lower = text.lower
    for mention in reversed(models):
        lower = f"{lower[: mention.start]}MODEL{lower[mention.end :]}"
    return Text(lower, lower)


def decide(
    text: Text, models: Sequence[ModelMention], *, lever: str | None, dimensions: Sequence[str], volume: bool
) -> Decision:
    """The intent that the words say. A confidence below one half means that they do not."""
    has = find_concepts(without_names(text, models)).__contains__
    short = len(text.words) <= 5
    money = has("COST") or has("PRICE")

    def so(intent: str, confidence: float, why: str) -> Decision:
        return Decision(intent, confidence, (why,))

    if not text.words:
        return so("agent_help", 0.2, "the message has no words")
    if has("INJECT") or has("OTHERS"):
        return so(OUT_OF_SCOPE, 0.95, "it gives orders to the system or asks for what belongs to others")
    if has("ACCOUNT"):
        return so(OUT_OF_SCOPE, 0.85, "it asks for an action on an account")
    if has("FOREIGN_BILL") and not models and not has("LLM"):
        return so(OUT_OF_SCOPE, 0.85, "it is about a bill that is not for language models")
    if (has("CREATE") or has("CODE") or has("WORLD") or has("THEORY")) and not (money and (has("OURS") or models)):
        return so(OUT_OF_SCOPE, 0.8, "it asks for something else than the cost of language models")
    if (has("FILE") and (has("IMPORT") or has("REJECT"))) or (has("SOURCE") and (has("IMPORT") or has("FILE"))):
        return so("data_import_help", 0.85, "it names data and bringing it in")
    if money and has("CHANGE") and (has("WHY") or has("ODD")) or has("ODD") and has("COST"):
        return so("cost_anomaly", 0.85, "it asks about a change of the spend")
    if has("BUDGET") and has("COST") or (has("FUTURE") and (money or has("BUDGET")) and not has("HYPO")):
        return so("forecast_budget", 0.85, "it asks where the spend will end")
    if (models and has("TARGETED") and has("HYPO")) or (volume and has("HYPO")):
        return so("what_if", 0.85, "it supposes another model or another volume")
    if has("UNIT") and (models or has("PRICE")) or (models and has("PRICE")):
        return so("price_lookup", 0.85, "it asks for a price of a model")
    if models and money and not has("OURS") and not has("SPLIT"):
        return so("price_lookup", 0.7, "it asks what a model costs")
    if has("CACHEHIT") or (has("COUNT") and not money) or (has("LATENCY") and not money):
        return so("usage_query", 0.8, "it asks for counts, not money")
    if lever is not None and (has("SAVE") or has("WORTH") or money or short):
        return so("savings_lever", 0.85, f"it names the lever {lever}")
    if dimensions and money:
        return so("cost_breakdown", 0.85, f"it asks for the spend by {dimensions[0]}")
    if has("SAVE"):
        return so("savings_all", 0.8, "it asks for ways to spend less")
    if (has("ERROR") or has("TOKEN") or has("CALL")) and not money:
        return so("usage_query", 0.7, "it names requests, tokens or failures")
    if has("WHY") and has("CHANGE") or has("WHY") and not money and has("OURS"):
        return so("cost_anomaly", 0.6, "it asks why something changed")
    if money:
        return so("cost_overview", 0.75, "it asks about the spend")
    if has("HELP") or (has("GREET") and short):
        return so("agent_help", 0.8, "it greets, or asks what can be done here")
    if has("LLM") or models or lever:
        return so("cost_overview", 0.3, "it is about language models, but does not say what is wanted")
    return so(OUT_OF_SCOPE, 0.6, "nothing in it is about the cost of language models")
