"""What a child of the ledger said, or how it ended, as the exception that the asker gets."""

from __future__ import annotations

import logging
import signal
from collections.abc import Mapping
from typing import Any, Final

from ...core import errors, validation
from ...core.errors import NetraError, ToolError
from ...usage.importers.reading.source import broken
from ..process.child import ChildDied

_log: Final = logging.getLogger(__name__)


def rebuilt(reply: Mapping[str, Any], work: str) -> NetraError:
    """The fault or the refusal that a child told; ``work`` is what it was doing."""
    fault, rejected = reply.get("fault"), reply.get("rejected")
    if fault is not None:
        return ToolError(fault["code"], fault["message"], hint=fault["hint"], details=fault["details"])
    if rejected is not None:
        point = validation.CATALOGUE[rejected["point"]]
        refusal: type[errors.Refusal] = getattr(errors, point.error)
        return refusal(rejected["message"], point=point, field=rejected["field"], hint=rejected["hint"])
    _log.error("ledger child failed at %s: %s", work, reply.get("broken"))
    return ToolError(
        "TOOL_FAILED",
        f"{work} failed ({reply.get('broken')}).",
        hint="This is an error in the server: tell the operator. Your data is intact.",
    )


def out_of_time() -> ToolError:
    """The answer to a question, or an import, that took too long and was ended."""
    return ToolError(
        "QUERY_TIMEOUT",
        "This took too long and was stopped.",
        hint="Ask for a shorter period, fewer groups or fewer rows; import large files in parts.",
    )


def too_much() -> ToolError:
    """The answer to a file whose import would keep more than it may."""
    return broken("What the file holds is larger than an import is allowed to keep.", "Import it in parts.")


def death_error(death: ChildDied) -> ToolError:
    """The answer where the child ended instead of answering: the system stopped it at one of its bounds."""
    if death.status == -signal.SIGXCPU:
        return out_of_time()
    return ToolError(
        "RESULT_TOO_LARGE",
        "This needed more resources than a query or an import is allowed, and was stopped.",
        hint="Ask for a shorter period, fewer groups or fewer rows; import large files in parts.",
    )
