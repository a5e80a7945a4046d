"""The formats, and which of them a file is of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib import import_module
from operator import attrgetter
from typing import Final

from ...core.errors import ToolError
from .format import Format
from .formats.anthropic_usage import ANTHROPIC_USAGE
from .formats.azure_llm_2023 import AZURE_LLM_2023
from .formats.langfuse import LANGFUSE
from .formats.litellm import LITELLM
from .formats.mooncake import MOONCAKE
from .formats.netra import NETRA
from .formats.openai_usage import OPENAI_USAGE
from .formats.otel import OTEL
from .formats.table import MAX_COLUMNS, TABLE, columns_of
from .formats.table_names import guess
from .formats.tracelab import TRACELAB
from .reading.records import Head
from .reading.source import unsupported

FORMATS: Final[Sequence[Format]] = (
    LITELLM,
    LANGFUSE,
    OPENAI_USAGE,
    ANTHROPIC_USAGE,
    OTEL,
    MOONCAKE,
    TRACELAB,
    AZURE_LLM_2023,
    NETRA,
    TABLE,
)
"""In the order in which they are asked: the most particular first."""


def load_formats(importers: Iterable[str] = ()) -> Sequence[Format]:
    """Our formats with those of ``importers``, each the ``module:name`` of a format or of several.

    Added ones are asked after ours, so that they do not change how a file was read before, and before the table, which takes
    whatever has columns.
    """
    added: list[Format] = []
    for path in importers:
        module, _, name = path.partition(":")
        found = attrgetter(name)(import_module(module))
        added += [found] if isinstance(found, Format) else found
    *particular, table = FORMATS
    return (*particular, *added, table)


def recognise(head: Head, named: str | None, formats: Sequence[Format] = FORMATS) -> tuple[Format, str]:
    """The format of a file and why, or the one that the user named.

    Raises ``ToolError``: ``UNSUPPORTED_FORMAT`` if none recognises the file, ``INVALID_ARGUMENTS`` for a name that is none.
    """
    if named is not None:
        for candidate in formats:
            if candidate.name == named:
                return candidate, "as requested"
        raise ToolError(
            "INVALID_ARGUMENTS",
            f"There is no format named {named[:64]!r}.",
            hint="The formats are "
            + ", ".join(candidate.name for candidate in formats)
            + ". Leave the format out to have it detected.",
        )
    for candidate in formats:
        reason = candidate.recognise(head)
        if reason is not None:
            return candidate, reason
    columns = columns_of(head)
    raise unsupported(
        "The format of the file was not recognised, and its columns do not look like usage of language models.",
        "Name the columns: netra import FILE --map ts=COLUMN --map model=COLUMN --map input_tokens=COLUMN "
        "--map output_tokens=COLUMN.",
        formats={candidate.name: candidate.title for candidate in formats},
        columns=list(columns)[:MAX_COLUMNS],
        mapping=guess(columns),
    )
