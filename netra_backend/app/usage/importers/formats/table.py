"""Any table of requests: CSV, JSON Lines, JSON or Parquet, by a mapping from usage columns to its own.

The mapping is guessed from the header, shown, and may be given instead. Names of nested members are joined by dots.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from operator import add, gt, methodcaller
from typing import Any, Final

from ....core.errors import ToolError
from ...rows import COLUMNS, Capability, Granularity, Status
from ..format import REQUESTS, Format, ImportOptions, Reading
from ..reading.batch import Record
from ..reading.page import Columns, Page
from ..reading.records import Head
from ..reading.source import unsupported
from ..reading.values import Times, block_hashes, optional_tokens, tokens
from ..reading.values import mapping as mapping_of
from ..row import ERROR, OK, REQUEST, BadRow
from .table_names import UNCACHED_INPUT, guess

_STOPPED: Final = ("stop", "length", "tool_calls", "end_turn", "max_tokens")
"""Why a model stopped, which some tables give as the status."""
_OK_WORDS: Final = frozenset(
    ("ok", "success", "succeeded", "successful", "completed", "complete", "done", "true", *_STOPPED)
)
_ERROR_WORDS: Final = frozenset(
    ("error", "errored", "failure", "failed", "fail", "false", "timeout", "timed_out", "cancelled", "canceled")
)
_CACHE_WORDS: Final = frozenset(["gateway_cache", "cache_hit", "cached"])
_TRUE: Final = frozenset({"true", "1", "yes", "t", "y"})
_FALSE: Final = frozenset({"false", "0", "no", "f", "n"})

MAX_COLUMNS: Final = 200
"""So many columns of a file are listed in an answer."""

TARGETS: Final = frozenset(COLUMNS) - {"source", "granularity"} | {UNCACHED_INPUT, "latency_s"}
"""What a mapping may name: usage columns, input tokens told without the cached ones, and latency in seconds."""


def _recognise(head: Head) -> str | None:
    mapping = guess(columns_of(head))
    if mapping.keys() >= {"ts", "output_tokens"} and mapping.keys() & {"input_tokens", UNCACHED_INPUT}:
        return "its columns look like " + ", ".join(f"{target} = {column}" for target, column in mapping.items())
    return None


def columns_of(head: Head) -> tuple[str, ...]:
    """The names of all columns, nested ones as ``outer.inner``."""
    names: dict[str, None] = {}
    for record in head.records:
        for name, value in record.items():
            if isinstance(value, dict):
                names.update(dict.fromkeys(f"{name}.{inner}" for inner in value))
            else:
                names[name] = None
    return tuple(names)


def _read(head: Head, options: ImportOptions, times: Times) -> Reading:
    columns = columns_of(head)
    mapping = {**guess(columns), **_given(options.map, columns)}
    if UNCACHED_INPUT in options.map:
        mapping.pop("input_tokens", None)
    missing = [name for name in ("ts", "output_tokens") if name not in mapping]
    if "input_tokens" not in mapping and UNCACHED_INPUT not in mapping:
        missing.append("input_tokens")
    if "model" not in mapping and options.model is None:
        missing.append("model")
    if missing:
        raise unsupported(
            f"No column was recognised as {', '.join(missing)}.",
            "Name the columns: netra import FILE --map "
            + " --map ".join(f"{name}=COLUMN" for name in missing)
            + (" (or --model NAME)" if "model" in missing else ""),
            missing=missing,
            columns=list(columns)[:MAX_COLUMNS],
            mapping=mapping,
        )
    notes = []
    if "input_tokens" in mapping and _leaves_cache_out(head, mapping):
        mapping[UNCACHED_INPUT] = mapping.pop("input_tokens")
        notes.append(
            f"{mapping[UNCACHED_INPUT]} is sometimes less than the number of cached tokens, so it is assumed "
            "not to include them."
        )
    elif "input_tokens" in mapping and mapping.keys() & {"cache_read_tokens", "cache_write_tokens"}:
        notes.append(
            f"{mapping['input_tokens']} is assumed to include cached tokens. If it does not, map "
            f"{UNCACHED_INPUT}={mapping['input_tokens']}."
        )
    provides = REQUESTS if "requests" not in mapping else frozenset({Capability.REAL_TIMES})
    return Reading(
        _converter(mapping, options.model, times),
        provides | ({Capability.STATUSES} if "status" in mapping else set()),
        mapping=mapping,
        notes=tuple(notes),
        priced_as=None if "model" in mapping else options.model,
    )


def _given(given: Mapping[str, str], columns: Sequence[str]) -> Mapping[str, str]:
    wrong = [f"{target}={column}" for target, column in given.items() if target not in TARGETS or column not in columns]
    if wrong:
        raise ToolError(
            "INVALID_ARGUMENTS",
            f"The mapping names columns that do not exist: {', '.join(wrong)}.",
            hint="Write a mapping as usage column = column of the file, such as ts=created_at.",
            details={
                "usage_columns": sorted(TARGETS),
                "columns": list(columns)[:MAX_COLUMNS],
                "mapping": guess(columns),
            },
        )
    return given


def _leaves_cache_out(head: Head, mapping: Mapping[str, str]) -> bool:
    cached = [getter(mapping[name]) for name in ("cache_read_tokens", "cache_write_tokens") if name in mapping]
    whole = getter(mapping["input_tokens"])
    for record in head.records:
        try:
            parts = sum(optional_tokens(get(record), "cached") or 0 for get in cached)
            if parts > tokens(whole(record), "input"):
                return True
        except BadRow:
            continue
    return False


def getter(column: str) -> Callable[[Record], Any]:
    """Reads a column of a record: a plain name first, else a path of nested members."""
    plain = methodcaller("get", column)
    outer, _, inner = column.partition(".")
    if not inner:
        return plain

    def read(record: Record) -> Any:
        value = plain(record)
        return mapping_of(record.get(outer)).get(inner) if value is None else value

    return read


def _converter(mapping: Mapping[str, str], model: str | None, times: Times) -> Callable[[Page], Columns]:
    checked = [(target, column) for target, column in mapping.items() if target != "ts"]
    granularity = Granularity.BUCKET.value if "requests" in mapping else REQUEST

    def convert(page: Page) -> Columns:
        columns = {target: _check(page, target, _values(page, name), name) for target, name in checked}
        _add_cache(page, columns)
        if (seconds := columns.pop("latency_s", None)) is not None:
            columns["latency_ms"] = [None if one is None else one * 1000 for one in seconds]
        return {
            "requests": 1,
            **columns,
            "model": _model(page, columns.get("model"), model),
            "status": columns.get("status", OK),
            "operation": [word or "chat" for word in columns["operation"]] if "operation" in columns else "chat",
            "ts": page.timestamps(_values(page, mapping["ts"]), mapping["ts"], times),
            "source": TABLE.name,
            "granularity": granularity,
        }

    return convert


def _values(page: Page, column: str) -> list[Any]:
    """What stands in a column of each record; see ``getter``."""
    plain = page.member(column)
    outer, _, inner = column.partition(".")
    if not inner or None not in plain:
        return plain
    around = page.member(outer)
    return [mapping_of(of).get(inner) if it is None else it for it, of in zip(plain, around, strict=True)]


def _check(page: Page, target: str, values: list[Any], name: str) -> list[Any]:
    """One column as the usage table holds it."""
    if target in ("input_tokens", "output_tokens", UNCACHED_INPUT):
        return page.tokens(values, name)
    if target in _COUNTS:
        return page.optional_tokens(values, name)
    if target in ("latency_ms", "latency_s"):
        return page.milliseconds(values, name)
    if target == "cost_reported_usd":
        return page.money(values, name)
    if target in _BY_VALUE:
        check, instead = _BY_VALUE[target]
        return page.of_few(lambda value: check(value, name), instead, values)
    return page.text(values)


def _add_cache(page: Page, columns: dict[str, list[Any]]) -> None:
    """Make ``input_tokens`` the total, or see that it is."""
    parts = [columns[name] for name in ("cache_read_tokens", "cache_write_tokens") if name in columns]
    cached = [0] * len(page)
    for part in parts:
        cached = [so_far + (more or 0) for so_far, more in zip(cached, part, strict=True)]
    uncached = columns.pop(UNCACHED_INPUT, None)
    if uncached is not None:
        columns["input_tokens"] = list(map(add, uncached, cached))
    elif any(map(gt, cached, columns["input_tokens"])):
        for place, (read, whole) in enumerate(zip(cached, columns["input_tokens"], strict=True)):
            if read > whole:
                page.refuse(place, BadRow("the cached tokens are more than the input tokens", read))


def _model(page: Page, found: list[str | None] | None, named: str | None) -> Any:
    """The model of each row; where the column says nothing, the one that the user named."""
    if found is None:
        return named
    if named is None:
        for place in (place for place, name in enumerate(found) if name is None):
            page.refuse(place, BadRow("model is missing"))
    return [name or named or "" for name in found] if None in found else found


def _status(value: object, name: str) -> str:
    if value is None or value == "" or value is True:
        return OK
    word = str(value).strip().lower().replace(" ", "_")
    if word in _OK_WORDS or re.fullmatch(r"[123]\d\d(\.0)?", word):
        return OK
    if word in _ERROR_WORDS or re.fullmatch(r"[45]\d\d(\.0)?", word):
        return ERROR
    if word in _CACHE_WORDS:
        return Status.GATEWAY_CACHE.value
    raise BadRow(f"{name} means neither success nor failure", value)


def _flag(value: object, name: str) -> bool | None:
    if value is None or value == "":
        return None
    word = str(value).strip().lower()
    if word in _TRUE or word in _FALSE:
        return word in _TRUE
    raise BadRow(f"{name} is neither true nor false", value)


_COUNTS: Final = frozenset(
    ("requests", "cache_read_tokens", "cache_write_tokens", "cache_write_1h_tokens", "reasoning_tokens", "block_tokens")
)
_BY_VALUE: Final[Mapping[str, tuple[Callable[[object, str], Any], Any]]] = {
    "status": (_status, OK),
    "is_batch": (_flag, None),
    "prefix_blocks": (block_hashes, None),
}
"""Columns that are checked value by value, and what stands at the place of a fault."""

TABLE: Final = Format("table", "Any table with a header (CSV, JSON Lines, JSON, Parquet)", _recognise, _read)
