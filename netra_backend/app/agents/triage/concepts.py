"""Concepts: what groups of words mean here, whichever of them a user writes.

The rules combine concepts; the classifier gets them as features beside the words, so that a wording nobody has written
before still looks like one that somebody has.
"""

from __future__ import annotations

import re
from typing import Final

from .lexicon import lexicon

_TARGETED: Final = re.compile(
    r"\b(?:to|on|with|onto|for|use|used|using|uses|through|by|via|into|in|than|as|like|all|only|took|take|adopt|try) "
    r"(?:\w{1,30} ){0,2}modelname|modelname (?:instead|rather|only|everywhere|prices)|"
    r"\b(?:instead of|replac\w{1,9}|swap\w{0,9}|from) (?:\w{1,30} ){0,3}modelname"
)
_SUPPOSED: Final = re.compile(
    r"\b(?:what if|suppos\w{1,4}|simulat\w{1,3}|imagin\w{1,3}|say|assum\w{1,4}|if|had we|were we|hypothetic\w{1,4}|pretend)\b"
)
_DOMAIN: Final = frozenset(
    {
        "COST",
        "PRICE",
        "UNIT",
        "TOKEN",
        "CALL",
        "LATENCY",
        "ERROR",
        "CACHEHIT",
        "LLM",
        "PROVIDER",
        "BUDGET",
        "SAVE",
        "SOURCE",
    }
    | {"MODEL", "LEVER", "HELP", "GREET"}
)


def find_concepts(masked: str, named: set[str]) -> set[str]:
    """The concepts of a text in which ``modelname`` and ``periodspan`` stand for what was named; ``named`` joins them."""
    found = named | set(lexicon("concepts").find(masked))
    if "modelname" in masked:
        found.add("MODEL")
        if _TARGETED.search(masked):
            found.add("TARGETED")
    if _SUPPOSED.search(masked):
        found.add("SUPPOSED")
    if "periodspan" in masked:
        found.add("PERIOD")
    return found | {"DOMAIN" if found & _DOMAIN else "NODOMAIN"}
