"""What a message says about how: the lever, the dimension to group by, and a supposed change of volume."""

from __future__ import annotations

import re
from typing import Final

from .calendar_words import number_of
from .text import Text

_F: Final = re.ASCII

_LEVERS: Final[tuple[tuple[str, str], ...]] = (
    (
        "duplicates",
        r"dedup\w*|de-dup\w*|duplicat\w+|memoi[sz]\w+|semantic(?:ally)? cach\w+|(?:response|answer|result|exact[- ]match|output|reply|completion)s? "
        r"cach\w+|cach\w+ (?:\w+ ){0,3}(?:responses?|answers?|results?|completions?|repl(?:y|ies)|outputs?)|"
        r"(?:identical|repeated|repeat|redundant|same exact|exact same|repetitive) (?:\w+ ){0,2}(?:requests?|calls?|prompts?|quer(?:y|ies)|questions?|messages?|inputs?)|"
        r"(?:same|identical) (?:question|prompt|request|query|call|thing|input)s? (?:\w+ ){0,3}(?:again|twice|over and over|repeatedly|multiple times|many times|more than once)|"
        r"(?:asking|sending|calling|answering|paying for) (?:\w+ ){0,3}the same (?:question|prompt|request|query|call|thing|answer)s?",
    ),
    (
        "prompt_cache",
        r"prompt[- ]?cach\w+|cach\w+ (?:\w+ ){0,4}(?:prompts?|prefix(?:es)?|context|instructions|tokens|inputs?|preamble)|(?:prefix|context|input|system prompt|kv)[- ]?cach\w+|"
        r"cache[- ](?:control|breakpoints?|writes?|hits?|reads?)|cach(?:ing|e)|cached",
    ),
    (
        "batch",
        r"batch\w*|(?:async|asynchronous|non-urgent|overnight|offline|bulk) (?:\w+ ){0,2}(?:api|jobs?|processing|endpoint|requests?|mode)|flex (?:tier|processing|pricing)",
    ),
    (
        "off_peak",
        r"off[- ]?peak|off[- ]?hours?|(?:at|during the|over) night(?:time|s)?|overnight|night[- ]?time|nightly window|time[- ]of[- ]day|quieter hours|cheap(?:er)? hours|"
        r"(?:outside|outside of) (?:peak|business|working|office) hours|peak hours|after hours|cheaper (?:time|hours)",
    ),
    (
        "retries",
        r"retr(?:y|ies|ying|ied)|re-?try\w*|re-?send\w*|resent|re-?submi\w+|(?:failed|failing|errored|timed[- ]out|broken) (?:\w+ ){0,2}(?:calls?|requests?|attempts?|runs?|jobs?|generations?)|"
        r"failures|back-?off|timeouts?|(?:calls?|requests?) that (?:fail|error|time out)\w*",
    ),
    (
        "context_growth",
        r"context (?:growth|bloat|creep|window (?:growth|bloat|usage)|grow\w*|compaction|pruning|accumul\w+|length)|(?:conversation|chat|message|session|thread)s? (?:history|histories|memory|length)|"
        r"(?:long|longer|growing|endless|huge|old) (?:\w+ ){0,2}(?:conversations?|chats?|sessions?|threads?|histor(?:y|ies)|contexts?)|compact\w*|histor(?:y|ies) (?:trunc\w+|trim\w+|summar\w+|window|size)|"
        r"(?:truncat\w+|trim\w*|summari[sz]\w+|prun\w+|cap\w*|limit\w*|shorten\w*|drop\w*|compress\w*|forget\w*) (?:\w+ ){0,3}(?:conversations?|chats?|histor(?:y|ies)|old(?:er)? (?:turns|messages)|turns|threads?|memory|sessions?|context)|"
        r"sliding window|last \w+ turns|turns of (?:history|context)|fewer turns|(?:whole|entire|full) (?:\w+ ){0,1}(?:conversation|history|thread|transcript|context)",
    ),
    (
        "output_length",
        r"max[_ -]?(?:output[_ -]?|completion[_ -]?|new[_ -]?)?tokens|(?:shorter|briefer|terser|less verbose|concise|short|smaller|shorten\w*|shortening|fewer|trim\w*|cap\w*|limit\w*|reduc\w+|cut\w*|restrict\w*|long|lengthy|tighter|verbose|wordy|excessive|rambling) "
        r"(?:\w+ ){0,4}(?:output|outputs|responses?|answers?|completions?|repl(?:y|ies)|generations?|output tokens|completion tokens)|"
        r"(?:output|response|answer|completion|reply|generation) (?:length|size|limit|cap|verbosity|token limit|token cap)s?|verbos\w+|wordy|wordiness|chatty|long[- ]winded|rambl\w+|"
        r"(?:outputs?|responses?|answers?|completions?|replies) (?:\w+ ){0,3}(?:shorter|too long|so long|concise|brief|short|less verbose|terse)|(?:be|being|more) concise|brevity|terse\w*",
    ),
    (
        "prompt_trim",
        r"(?:shorter|smaller|trim\w*|shorten\w*|compress\w*|cut\w*|prun\w+|reduc\w+|slim\w*|lean\w*|tighten\w*|long|lengthy|bloated|huge|oversized|verbose|condens\w+|clean\w* up|minif\w+|simplif\w+|strip\w*|optimi[sz]\w+|rewrit\w+|fat|big|leaner|tighter) "
        r"(?:\w+ ){0,4}(?:prompts?|system prompts?|instructions|few[- ]?shots?|examples|preamble|boilerplate|input tokens|inputs?|tool definitions|tool schemas?|templates?|system messages?)|"
        r"prompt (?:trim\w*|compress\w*|length|size|bloat|engineering|optimi[sz]ation|short\w+|diet|prun\w+)s?|(?:prompts?|instructions|inputs?) (?:\w+ ){0,3}(?:shorter|too long|so long|too big|bloated|smaller|leaner|trimmed)|"
        r"few[- ]?shot\w*|(?:less|fewer) (?:\w+ ){0,2}(?:input|prompt|context) tokens|fewer examples|(?:unused|unnecessary) (?:\w+ ){0,2}(?:context|tools?|instructions)|rag chunks?|fewer chunks",
    ),
    (
        "provider_change",
        r"(?:switch\w*|chang\w+|mov\w+|migrat\w+|swap\w*|leav\w+|hop\w*|shop\w*) (?:\w+ ){0,4}(?:providers?|vendors?|hosts?|hosting|clouds?|platforms?)|(?:different|another|other|cheaper|alternative|alternate|new|second|rival|third[- ]party) (?:\w+ ){0,2}(?:providers?|vendors?|hosts?|hosting|inference (?:host|provider|platform)s?|platforms?)|"
        r"provider (?:change|switch\w*|swap|migration|arbitrage|shopping)|same (?:\w+ ){0,2}(?:model|weights)s? (?:\w+ ){0,3}(?:elsewhere|somewhere else|on (?:another|a different)|from (?:another|a different)|at (?:another|a different)|hosted)|"
        r"(?:through|via|on|to|with|from|over|use|using|than) (?:aws )?(?:bedrock|vertex(?: ai)?|azure(?: openai)?|together(?: ?ai)?|fireworks(?: ?ai)?|groq|openrouter|deepinfra|cerebras|sambanova|replicate|anyscale|nebius|novita|baseten|hyperbolic)(?: instead| rather)?|"
        r"self[- ]?host\w*|elsewhere",
    ),
    (
        "right_size",
        r"(?:smaller|cheaper|lighter|weaker|lesser|less (?:expensive|powerful|capable|costly)|low(?:er)?[- ](?:cost|end|tier|priced)|cheap|small|tiny|mini|budget|simpler|lower|inexpensive|lightweight|faster|dumber|affordable|economical) "
        r"(?:\w+ ){0,3}(?:models?|llms?|ones?|tiers?|variants?|versions?)|right[- ]?siz\w+|down-?siz\w+|down-?grad\w+|overkill|over-?powered|too (?:big|powerful|strong|large|smart|expensive) (?:of )?(?:a |an )?(?:models?|llms?)|"
        r"(?:model|llm|smart) (?:routing|router|cascade|cascading|downgrade|tiering|selection|right-?sizing|distillation)|rout\w+ (?:\w+ ){0,4}(?:cheaper|smaller|lighter|models?)|(?:big|large|flagship|frontier|premium|expensive|heavy|top|top[- ]tier|biggest|largest) (?:\w+ ){0,2}models? (?:\w+ ){0,5}(?:simple|easy|small|trivial|everything|basic|need|necessary|overkill)|"
        r"distil\w*|fine[- ]?tun\w+ a small\w*",
    ),
)
_LEVER_PATTERNS: Final = tuple((name, re.compile(rf"\b(?:{pattern})\b", _F)) for name, pattern in _LEVERS)


def find_lever(text: Text) -> str | None:
    """The lever that a message names; the first named where it names several."""
    best: tuple[int, int, str] | None = None
    for rank, (name, pattern) in enumerate(_LEVER_PATTERNS):
        if (match := pattern.search(text.lower)) is not None:
            weak = match.group() in _WEAK
            candidate = (1000 if weak else match.start() // 8, rank, name)
            best = candidate if best is None or candidate < best else best
    return None if best is None else best[2]


_WEAK: Final = frozenset(
    {"elsewhere", "compact", "failures", "timeouts", "timeout", "overnight", "cached", "cache", "caching"}
)

_DIMENSION_WORDS: Final = {
    "model": r"models?|llms?|engines?|model names?",
    "team": r"teams?|departments?|depts?|squads?|groups?|orgs?|organi[sz]ations?|business units?|cost cent(?:er|re)s?|projects?|divisions?|workspaces?",
    "feature": r"features?|use[- ]cases?|endpoints?|products?|apps?|applications?|services?|workflows?|pipelines?|agents?|bots?|tasks?|routes?|functions?|tags?|environments?|operations?|modules?",
    "user": r"users?|end[- ]users?|customers?|clients?|tenants?|accounts?|people|persons?|person|seats?|members?|employees?|developers?|devs?|engineers?|api keys?|keys?|individuals?|who",
    "provider": r"providers?|vendors?|suppliers?|platforms?|ai compan(?:y|ies)|labs?|api providers?",
    "day": r"days?|daily|dates?|day[- ]by[- ]day|weekdays?|time series|over time|timeline|trend|trends|day of (?:the )?week|per-day",
}
_ANY: Final = "|".join(_DIMENSION_WORDS.values())
_GROUP: Final = re.compile(
    rf"\b(?:by|per|for each|for every|each|every|across|between|among|amongst|split (?:by|across|between|into|up by)|broken (?:down|out|up) (?:by|per|into)|breakdown (?:by|per|of|for)|group(?:ed)? by|"
    rf"which|what|top (?:\d+|five|ten|three|few)?|most expensive|costliest|priciest|cheapest|biggest|largest|our|of the|rank(?:ed|ing)?(?: the| our| of)?|list(?: the| of)?|compare(?: the| our)?|all(?: the| our)?|different|individual|highest[- ]spending|heaviest|worst|one|single|"
    rf"split of|distribution (?:of|by|across|over))[ -](?:\w+ ){{0,1}}?(?P<word>{_ANY})\b",
    _F,
)
_WISE: Final = re.compile(
    rf"\b(?P<word>{_ANY})[- ](?:wise|level|by[- ](?:day|team|model|user|feature)|split|breakdown|ranking|distribution|leaderboard|mix)\b",
    _F,
)
_ALONE: Final = re.compile(r"\b(?P<word>daily|day[- ]by[- ]day|over time|who|timeline|trend|trends)\b", _F)
_OF_WORD: Final = tuple((name, re.compile(rf"(?:{words})\Z", _F)) for name, words in _DIMENSION_WORDS.items())


def find_group_by(text: Text) -> tuple[str, ...]:
    """The dimensions that a message asks to split by, in order, each once."""
    found: dict[str, None] = {}
    spans = sorted(
        (match.start("word"), match["word"])
        for pattern in (_GROUP, _WISE, _ALONE)
        for match in pattern.finditer(text.lower)
    )
    for _, word in spans:
        for name, pattern in _OF_WORD:
            if pattern.match(word):
                found[name] = None
                break
    for match in re.finditer(
        rf"\b(?:{'|'.join(_DIMENSION_WORDS)})s? (?:and|or|x|,|&|then) (?P<word>{_ANY})\b", text.lower
    ):
        if found:
            found.update({name: None for name, pattern in _OF_WORD if pattern.match(match["word"])})
    return tuple(found)


_WORD_NUMBER: Final = (
    r"\d{1,9}(?:[.,]\d{1,6})?|two|three|four|five|six|seven|eight|nine|ten|twenty|fifty|hundred|a hundred"
)
_VOLUMES: Final = (
    (
        re.compile(rf"\b(?P<n>{_WORD_NUMBER})[- ]?(?:x|times|fold)\b(?! (?:a|per|each) )|\bx ?(?P<m>\d{{1,4}})\b", _F),
        "times",
    ),
    (re.compile(r"\bdoubl(?:e|es|ed|ing)\b|\btwice\b|\btwofold\b|\b2x\b", _F), 2.0),
    (re.compile(r"\btripl(?:e|es|ed|ing)\b|\bthrice\b|\bthreefold\b", _F), 3.0),
    (re.compile(r"\bquadrupl(?:e|es|ed|ing)\b|\bfourfold\b", _F), 4.0),
    (re.compile(r"\bquintupl(?:e|es|ed|ing)\b", _F), 5.0),
    (re.compile(r"\bhal(?:f|ve|ves|ved|ving)\b(?! (?:of|a|the) (?:year|month|day|week))", _F), 0.5),
    (
        re.compile(
            r"\b(?P<sign>grow\w*|grew|increas\w+|ris\w+|rose|up|climb\w*|gain\w*|jump\w*|add\w*|scal\w+|go(?:es)? up|went up|drop\w*|fall\w*|fell|declin\w+|shrink\w*|shrank|decreas\w+|down|los\w+|cut\w*|reduc\w+|plus|minus)"
            r"(?: \w+){0,3}? (?:by )?(?:an? |another |extra )?(?P<n>\d{1,4}(?:\.\d{1,2})?) ?(?:%|percent|pct)",
            _F,
        ),
        "percent",
    ),
    (
        re.compile(
            r"(?P<n>\d{1,4}(?:\.\d{1,2})?) ?(?:%|percent|pct) (?P<sign>more|increase|growth|higher|extra|additional|rise|up|bigger|less|fewer|lower|drop|decrease|decline|reduction|down|smaller)\b(?! (?:expensive|cheap))",
            _F,
        ),
        "percent",
    ),
    (
        re.compile(
            r"\b(?:another|an extra|extra|additional|add(?:ing|ed)?|onboard(?:ing|ed)?|gain(?:ing|ed)?|\+) ?(?:about |another )?\d[\d,.]{0,12} ?(?:k|m|b|million|thousand|billion)? (?:more |new |extra |additional |paying |active |daily |monthly )?"
            r"(?:users?|customers?|requests?|calls?|tokens?|messages?|clients?|seats?|teams?|documents?)\b",
            _F,
        ),
        None,
    ),
    (
        re.compile(
            r"\b\d[\d,.]{0,12} ?(?:k|m|b|million|thousand|billion)? (?:more |new |extra |additional |paying |active |daily |monthly )?(?:users?|customers?|requests?|calls?|tokens?|messages?|queries|chats?|conversations?|documents?|sessions?)"
            r"(?: (?:a|per|each|every|/) ?(?:second|minute|hour|day|week|month|year|user))?\b",
            _F,
        ),
        None,
    ),
)
_LESS: Final = re.compile(
    r"(?:drop|fall|fell|declin|shrink|shrank|decreas|down|los|cut|reduc|less|fewer|lower|minus|smaller)"
)


def find_volume_change(text: Text) -> tuple[str, float | None] | None:
    """The change of volume that a message supposes: as said, and as a factor where it is one."""
    best: tuple[int, int, int, float | None] | None = None
    for rank, (pattern, meaning) in enumerate(_VOLUMES):
        if (match := pattern.search(text.lower)) is None:
            continue
        if best is None or rank < best[0]:
            best = (rank, match.start(), match.end(), _factor(match, meaning))
    if best is None:
        return None
    _, start, end, factor = best
    return text.cite(start, end).strip(), factor


def _factor(match: re.Match[str], meaning: str | float | None) -> float | None:
    if not isinstance(meaning, str):
        return meaning
    if meaning == "times":
        return _number(match["n"] or match["m"])
    share = float(match["n"]) / 100
    return round(max(0.0, 1 - share) if _LESS.match(match["sign"]) else 1 + share, 6)


def _number(word: str) -> float:
    if word[0].isdigit():
        return float(word.replace(",", ""))
    return {"twenty": 20.0, "fifty": 50.0, "hundred": 100.0, "a hundred": 100.0}.get(word) or float(number_of(word))
