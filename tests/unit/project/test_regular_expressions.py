"""Every regular expression of the product takes time in proportion to its text, whatever a stranger makes of it."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
import time
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path
from re import _constants as sre  # type: ignore[attr-defined]  # the parser has no public name
from re import _parser  # type: ignore[attr-defined]
from types import BuiltinMethodType, ModuleType
from typing import Any, Final

import netra_backend
import netra_server
from netra_backend.app.agents.triage.text import HEAD, TAIL
from netra_backend.app.core.ids import MAX_LENGTH
from netra_backend.app.usage.importers.reading.values import MAX_TEXT

LARGE: Final = 16_000
JUDGED_FROM_S: Final = 0.03
"""Below that the larger text takes no time worth judging; the square of its length takes a second."""
OFTEN: Final = 64
MOST: Final = 24.0
"""Between the times of the two, which are eight times as long, and so sixty-four times for a square."""

MATCHED_AT_ONE_PLACE: Final = {
    # Asked by ``match`` alone, between two places of a text that is searched once, or of lines of our own.
    r"\s*(?:-|to|until|till|through|thru|up to|and)\s*\Z",
    r"\s+(?:so far|on(?:wards?)?|till now|until now|to now|until today)\b",
    r"[A-Za-z_]+\Z",
    r"[A-Za-z0-9][A-Za-z0-9 .,/_-]*(?:: ?[A-Za-z0-9][A-Za-z0-9 .,_-]*)*\Z",
}
BOUNDED: Final = {".agents.triage.": HEAD + TAIL, ".core.ids": 2 * MAX_LENGTH, ".usage.levers.": MAX_TEXT}
"""How much of a text the expressions of a module are given: the same constants cut it where it comes in."""


def as_given(module: str, text: str) -> str:
    """As much of a text as the module looks at, and to triage with single spaces (``triage.text``)."""
    if ".agents.triage." in module:
        text = re.sub(r"[^\S\n]+", " ", text)
    return text[: next((most for place, most in BOUNDED.items() if place in module), None)]


def patterns() -> dict[str, tuple[str, re.Pattern[str]]]:
    """Those that modules keep, and those that stand as a literal in a call."""
    found: dict[str, tuple[str, re.Pattern[str]]] = {}
    for package in (netra_backend, netra_server):
        for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            found_at = find_spec(info.name)
            if found_at is None or "import re\n" not in Path(str(found_at.origin)).read_text(encoding="utf-8"):
                continue
            module = importlib.import_module(info.name)
            for pattern in (*kept(module), *literal(module)):
                found.setdefault(pattern.pattern, (info.name, pattern))
    return found


def kept(module: ModuleType) -> Iterator[re.Pattern[str]]:
    for value in vars(module).values():
        yield from inside(value, 3)


def inside(value: Any, depth: int) -> Iterator[re.Pattern[str]]:
    if isinstance(value, BuiltinMethodType):
        value = value.__self__
    if isinstance(value, re.Pattern) and isinstance(value.pattern, str):
        yield value
    elif depth and isinstance(value, (tuple, list, frozenset)):
        for each in value:
            yield from inside(each, depth - 1)
    elif depth and isinstance(value, dict):
        for each in (*value.keys(), *value.values()):
            yield from inside(each, depth - 1)


def literal(module: ModuleType) -> Iterator[re.Pattern[str]]:
    if module.__file__ is None:
        return
    for node in ast.walk(ast.parse(Path(module.__file__).read_text(encoding="utf-8"))):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name)
            and node.func.value.id == "re"
            and node.args
            and isinstance(node.args[0], ast.Constant)
            and isinstance(node.args[0].value, str)
        ):
            yield re.compile(node.args[0].value)


def sample(tree: Any) -> str:
    """A text that this part of an expression matches, or nearly: enough to lead it astray."""
    return "".join(map(one, tree))


def one(item: Any) -> str:
    kind, argument = item
    if kind is sre.LITERAL:
        return chr(int(argument))
    if kind is sre.NOT_LITERAL:
        return "a" if argument != ord("a") else "b"
    if kind is sre.ANY:
        return "a"
    if kind is sre.IN:
        return str(of_class(argument))
    if kind in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT):
        low, _, body = argument
        return str(sample(body) * min(max(int(low), 1), 20))
    if kind is sre.SUBPATTERN:
        return sample(argument[3])
    if kind is sre.ATOMIC_GROUP:
        return sample(argument)
    if kind is sre.BRANCH:
        return sample(argument[1][0])
    return ""


def of_class(items: Any) -> str:
    wanted = [item for item in items if item[0] is not sre.NEGATE]
    negated = len(wanted) < len(items)
    one_of_it = re.compile("[" + ("^" if negated else "") + "".join(map(written, wanted)) + "]")
    return next(letter for letter in ("a1-_ .,:'A\n\t$/*!" + edges(wanted)) if one_of_it.match(letter))


def written(item: Any) -> str:
    kind, argument = item
    if kind is sre.LITERAL:
        return re.escape(chr(argument))
    if kind is sre.RANGE:
        return f"{re.escape(chr(argument[0]))}-{re.escape(chr(argument[1]))}"
    return {
        sre.CATEGORY_DIGIT: r"\d",
        sre.CATEGORY_NOT_DIGIT: r"\D",
        sre.CATEGORY_SPACE: r"\s",
        sre.CATEGORY_NOT_SPACE: r"\S",
        sre.CATEGORY_WORD: r"\w",
        sre.CATEGORY_NOT_WORD: r"\W",
    }[argument]


def edges(items: Any) -> str:
    """The first letter of each range of a class."""
    letters = (argument if kind is sre.LITERAL else argument[0] for kind, argument in items if kind is not sre.CATEGORY)
    return "".join(map(chr, letters))


def repeated(tree: Any, before: str = "") -> Iterator[tuple[str, str]]:
    """For each part that repeats often: what leads to it, and what it repeats."""
    for item in tree:
        kind, argument = item
        if kind in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT):
            if argument[1] > OFTEN:
                yield before, sample(argument[2])
            yield from repeated(argument[2], before)
        elif kind is sre.SUBPATTERN:
            yield from repeated(argument[3], before)
        elif kind is sre.ATOMIC_GROUP:
            yield from repeated(argument, before)
        elif kind is sre.BRANCH:
            for branch in argument[1]:
                yield from repeated(branch, before)
        elif kind in (sre.ASSERT, sre.ASSERT_NOT):
            yield from repeated(argument[1], before)
        before += one(item)


def pumps(pattern: re.Pattern[str]) -> Iterable[tuple[str, str]]:
    """What to begin with and what to repeat: texts that are long, never match to their end, or begin a match everywhere."""
    tree = _parser.parse(pattern.pattern, pattern.flags & ~re.DEBUG)
    found = {("", sample(tree)), ("", " "), ("", "a"), ("", "1"), ("", "a-"), ("", "a ")}
    for before, body in repeated(tree):
        found |= {(before, body), ("", before + body), ("", "-" + before + body), ("", before)}
    return sorted(pump for pump in found if pump[1] and len(pump[0]) < 200 and len(pump[1]) < 200)


def seconds(module: str, pattern: re.Pattern[str], pump: tuple[str, str], size: int) -> float:
    text = as_given(module, (pump[0] + pump[1] * (size // len(pump[1]) + 1))[:size] + "\x00")
    began = time.process_time()
    if pattern.pattern not in MATCHED_AT_ONE_PLACE:
        for _ in pattern.finditer(text):
            pass
    pattern.match(text)
    pattern.fullmatch(text)
    return time.process_time() - began


def slow(module: str, pattern: re.Pattern[str]) -> list[str]:
    """What takes too long, smaller texts first, so that what takes the cube of one is noticed and not waited for."""
    found = []
    for pump in pumps(pattern):
        for large in (LARGE // 8, LARGE):
            taken = seconds(module, pattern, pump, large)
            if taken > JUDGED_FROM_S:
                small = max(min(seconds(module, pattern, pump, large // 8) for _ in range(3)), 1e-4)
                taken = min(taken, seconds(module, pattern, pump, large))
                if taken > JUDGED_FROM_S and taken / small > MOST:
                    found.append(f"{pump!r}: {taken / small:.0f} times as long for 8 times the text")
                    break
    return found


def test_what_takes_the_square_of_a_text_is_noticed() -> None:
    assert slow("", re.compile(r"\beyJ[\w-]{4,}\.[\w-]{2,}"))
    assert slow("", re.compile(r"\s+\Z"))
    assert not slow("", re.compile(r"[a-z]{1,40}\d"))


def test_no_expression_takes_more_than_time_in_proportion_to_its_text() -> None:
    every = patterns()
    assert len(every) > 80, "they are no longer found"
    assert every.keys() >= MATCHED_AT_ONE_PLACE
    found = {text: faults[:2] for text, (module, pattern) in every.items() if (faults := slow(module, pattern))}
    assert found == {}
