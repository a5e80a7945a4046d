"""What a source format is: how it is recognised, and how its records become usage rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from ...core.errors import ToolError
from ..rows import Capability
from .reading.batch import Record
from .reading.page import Columns, Page
from .reading.records import Head
from .reading.values import Times

Expand = Callable[[Record], Iterable[Record]]


class ImportOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the user says about a file. All of it is optional.

    ``format``: the name of a format, where recognition should not decide. ``model``: the model that the rows are priced as
    where the file names none. ``start``: when a trace of offsets began (ISO 8601). ``map``: usage column → column of the
    file, for tables. ``name``: what the dataset is called; the file's name where absent. ``generated``: the rows are made up
    for demonstration. ``preview``: recognise and show, import nothing.
    """

    format: str | None = None
    model: str | None = None
    start: str | None = None
    map: dict[str, str] = {}
    name: str | None = None
    generated: bool = False
    preview: bool = False

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> ImportOptions:
        """Options from plain JSON. Raises ``ToolError`` (``INVALID_ARGUMENTS``)."""
        try:
            return msgspec.convert(dict(given), cls)
        except msgspec.ValidationError as error:
            raise ToolError(
                "INVALID_ARGUMENTS",
                f"The import options are not valid: {error}.",
                hint=f"The options are {', '.join(cls.__struct_fields__)}.",
            ) from None


def column_mapping(pairs: Iterable[str]) -> dict[str, str]:
    """The option ``map`` from pairs ``usage column=column of the file``. Raises ``ToolError`` (``INVALID_ARGUMENTS``)."""
    mapping: dict[str, str] = {}
    for pair in pairs:
        target, _, column = pair.partition("=")
        if not target or not column:
            raise ToolError(
                "INVALID_ARGUMENTS",
                f"The mapping {pair[:64]!r} does not name two columns.",
                hint="Write usage column = column of the file, for example: ts=created_at",
            )
        mapping[target] = column
    return mapping


@dataclass(frozen=True, slots=True)
class Reading:
    """How one file is read: decided once, from its head and the user's options.

    ``convert`` makes columns of the records of a page, and says there which of them are no rows (``by_row`` makes it of a
    function that converts one record). ``expand`` splits a record that holds several first. ``provides`` are the capabilities
    that the format has by its nature; those that show in the data (sessions, cache reads, …) are found there. ``mapping`` and
    ``notes`` are shown to the user.
    """

    convert: Callable[[Page], Columns]
    provides: frozenset[Capability]
    expand: Expand | None = None
    mapping: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    priced_as: str | None = None


@dataclass(frozen=True, slots=True)
class Format:
    """One source format. ``recognise`` says why a file is of it, or ``None``; ``read`` raises ``ToolError`` where an option
    is missing."""

    name: str
    title: str
    recognise: Callable[[Head], str | None]
    read: Callable[[Head, ImportOptions, Times], Reading]


REQUESTS: Final = frozenset({Capability.PER_REQUEST, Capability.REAL_TIMES})
"""What a log with a row a request and real times tells."""


def model_needed(what: str) -> ToolError:
    """The answer where a trace names no model and the user did not, either."""
    return ToolError(
        "INVALID_ARGUMENTS",
        f"{what} names no model, so it has no price.",
        hint="Name the model to price it as, for example: netra import FILE --model gpt-4o",
        details={"missing": "model"},
    )
