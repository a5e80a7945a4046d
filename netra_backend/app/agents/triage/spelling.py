"""Mends misspelt words of the domain, so that rules and classifier see the word that was meant.

Only words that carry meaning here are targets, and only from the same first letter at a distance of one edit (two from
eight letters on); ordinary words that happen to be that near are left alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from rapidfuzz.distance import OSA

_TARGETS: Final = """
    yesterday tomorrow month months quarter quarterly january february september october november december monday tuesday
    wednesday thursday saturday monthly weekly weekend
    budget budgets token tokens request requests forecast forecasts latency breakdown anomaly anomalies provider providers
    caching cached batch batching import imports importing imported export exported duplicate duplicates duplicated average
    model models feature features pricing savings optimize optimise optimization optimisation expensive cheaper cheapest
    spending spike department customer customers prompt prompts output outputs response responses retries retrying failed
    failure failures errors context history average million percent overview summary invoice expense expenses project
    projected projection predict estimate compare upload uploaded dataset columns rejected format
    conversation conversations message messages usage
    claude sonnet haiku gemini llama mistral mixtral deepseek chatgpt codestral anthropic openai bedrock langfuse litellm
""".split()  # fmt: skip

_SHORT: Final = {
    "wek": "week", "weeek": "week", "spnd": "spend", "spedn": "spend", "spned": "spend", "spemd": "spend",
    "cots": "cost", "csot": "cost", "cst": "cost", "cossts": "costs", "costes": "costs", "moeny": "money",
    "tokes": "tokens", "tkns": "tokens", "toks": "tokens", "gtp": "gpt", "gpr": "gpt", "opuss": "opus", "mnth": "month",
    "mnths": "months", "lst": "last", "laste": "last", "reqs": "requests", "wht": "what", "wat": "what", "waht": "what",
    "pls": "please", "plz": "please", "mch": "much", "muhc": "much", "hw": "how", "hwo": "how", "teh": "the",
    "thsi": "this", "tihs": "this", "dya": "day", "daay": "day", "yestarday": "yesterday", "yesturday": "yesterday",
    "tmrw": "tomorrow", "tommorow": "tomorrow", "shud": "should", "cud": "could", "wud": "would", "caost": "cost",
    "temas": "teams", "tema": "team", "modle": "model", "modles": "models", "prcie": "price", "prise": "price",
    "bugdet": "budget", "pormpt": "prompt", "promt": "prompt", "promts": "prompts", "sonet": "sonnet",
    "chepaer": "cheaper", "caches": "caches", "hte": "the", "usge": "usage", "useage": "usage", "spendings": "spending",
}  # fmt: skip

_ORDINARY: Final = frozenset(
    """
    taken takes spent speed expects match moth moths mouth mouths mount worth bath watch modal modals mode modes models
    prize pride prince rice terms seams steams uses used sailed future futures features creature pricking catching
    coaching matching patching latched ratched import imports important impart improved imported report reports
    exports expert experts expect predict product project projects protect protects propose process provided provide
    provides provider provision formal former format forma formats contest content contexts history historic requests
    require requires request bequest responds respond response reasons reason season sections failing filed fails
    fail facture messages passage massage message usages sausage reject rejected ejected projected injected
    prompt prompts promptly outputs output input inputs saving savings having raving person customs customer costumer
    consumer consumers costume columns column volumes column errors terrors mirrors savage average averages
    budgets budge gadget widget widgets spikes spoke strike spice space speaking spelling sending spending pending
    blending lending cheater cheaper cheapest deepest caching cashing cache cachet catched batches batched batch botch
    bench patch pitch monthly months month moth monday money monkeys modern models model moved token tokens taken spoken
    clause clauses cloud claude laude bonnet sonnets sonnet haikus haiku llamas llama gemini mistrial mystical mixture
    weekend weekends weekly weekday weekdays weakly quarters quarter quarterly quartile charter retires retire retries
    retiring retrying detailed summary summery summarize summaries invoices invoice involve voice expenses expense
    expanse expansive expensive extensive compare compares compile compact company complete compute estate estimate
    estimates ultimate upload uploads unload dataset datasets dates historical openai opening million billion millions
    percent present parent persons optimal optimism optimum optimistic optimizer forecasts broadcast
    average departments apartment department departure duplicates duplicate conversion conversations conversation
    conversions conservation messages latently latest october overviews overview interview
    """.split()
)  # fmt: skip
_BY_LETTER: Final = {
    letter: tuple(word for word in dict.fromkeys(_TARGETS) if word[0] == letter) for letter in {w[0] for w in _TARGETS}
}
_KNOWN: Final = _ORDINARY.union(_TARGETS)
_WORD: Final = re.compile(r"(?<![a-z0-9])[a-z]{2,20}(?![a-z0-9])")


@dataclass(frozen=True, slots=True)
class Edit:
    """Where a mended word stands in the mended text, and where the one it stands for does in the given one."""

    start: int
    end: int
    given_start: int
    given_end: int


def mend(lower: str) -> tuple[str, tuple[Edit, ...]]:
    """The text with misspelt words of the domain mended, and the edits in order."""
    pieces: list[str] = []
    edits: list[Edit] = []
    done = length = 0
    for start, end, word in _misspelt(lower):
        pieces.append(lower[done:start])
        length += start - done
        edits.append(Edit(length, length + len(word), start, end))
        pieces.append(word)
        length += len(word)
        done = end
    return "".join([*pieces, lower[done:]]), tuple(edits)


def _misspelt(lower: str) -> Iterator[tuple[int, int, str]]:
    for match in _WORD.finditer(lower):
        word = match.group()
        meant = _SHORT.get(word) or _nearest(word)
        if meant is not None and meant != word:
            yield match.start(), match.end(), meant


def _nearest(word: str) -> str | None:
    length = len(word)
    if length < 5 or word in _KNOWN:
        return None
    allowed = 1 if length < 8 else 2
    best, nearest = allowed + 1, None
    for target in _BY_LETTER.get(word[0], ()):
        if abs(len(target) - length) > allowed or len(target) < 5 or _is_inflected(word, target):
            continue
        distance = OSA.distance(word, target, score_cutoff=allowed)
        if distance < best:
            best, nearest = distance, target
    return nearest


def _is_inflected(word: str, target: str) -> bool:
    """``prompted`` is not a misspelt ``prompts``: what only adds or drops an ending is a word of its own."""
    shorter, longer = sorted((word, target), key=len)
    return longer.startswith(shorter) or (
        shorter[:-1] == longer[: len(shorter) - 1] and longer[-2:] in ("ed", "er", "es", "ly", "or", "ng")
    )
