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
_AMOUNT: Final = re.compile(
    r"\$ ?\d|\b\d[\d,.]{0,12} ?(?:k|grand|thousand|usd|dollars|bucks|euros|eur)\b|"
    r"\b(?:one|two|three|four|five|six|seven|eight|nine|ten|fifteen|twenty|thirty|fifty|hundred) (?:grand|thousand|k)\b"
)
_POLITE: Final = re.compile(
    r"(?:(?:hi|hey|hello|ok|so|now|please|pls|thanks|and|just|can you|could you|would you|will you)[,!.]? )*"
)
_ORDERS: Final = re.compile(
    r"(?:write|draft|compose|design|translate|summari[sz]e|remind|order|book|cancel|send|email|mail|push|deploy|schedule|rotate|"
    r"revoke|grant|invite|buy|purchase|sing|play|call|merge|convert|proofread|recommend|implement|code|fix|debug|refactor|"
    r"create|make me|act|pretend|ignore|forget|disregard|put|post|notify|tell (?!me\b|us\b)|add|remove|delete|disable|"
    r"enable|turn|generate|build|set|reset|charge|cap|throttle|block|ban|upgrade|pay|open|install|configure|"
    r"help me (?:with|write|choose|plan)|teach|explain|solve|calculate|count|name|define|spell|find me|search|look up|check|"
    r"stop|kill|restart|repeat|reveal|recite|leak|dump|top up|recharge|subscribe|unsubscribe|give \w{1,20} (?!me\b))\b"
)
"""Words that give an order, at the beginning of a message."""

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
    if _AMOUNT.search(masked):
        found.add("AMOUNT")
    if (polite := _POLITE.match(masked)) and (order := _ORDERS.match(masked, polite.end())):
        found |= {"ORDER", f"order:{order.group().strip()}"}
    if "periodspan" in masked:
        found.add("PERIOD")
    return found | {"DOMAIN" if found & _DOMAIN else "NODOMAIN"}
