"""What the author of a tool says about it, in its metadata: ``{"netra": {"idempotent": True, "timeout_s": 5}}``."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from pydantic_ai.exceptions import UserError
from pydantic_ai.tools import ToolDefinition

KEY: Final = "netra"


class ToolOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """As those of ``agents.tools.definition.Tool``."""

    idempotent: bool = False
    timeout_s: float | None = None
    permission: str | None = None
    approval: bool | str = False
    redact: bool = True
    user_mcp: bool = False
    """It is one of an MCP server of the user's. Said by ``user_mcp`` alone."""


_NONE: Final = ToolOptions()


def options_of(definition: ToolDefinition | None, name: str) -> ToolOptions:
    """What the metadata say. Raises ``UserError`` for what they cannot say."""
    said: Any = None if definition is None or definition.metadata is None else definition.metadata.get(KEY)
    if said is None:
        options = _NONE
    elif said is False:
        raise UserError(
            f"The tool {name!r} says {KEY!r}: False, but each call is recorded. If it may be made again, say "
            "{'idempotent': True}."
        )
    else:
        try:
            options = msgspec.convert(said, ToolOptions)
        except msgspec.ValidationError as fault:
            raise UserError(f"The metadata {KEY!r} of the tool {name!r} are wrong: {fault}") from None
    if options.timeout_s is not None and options.timeout_s <= 0:
        raise UserError(f"timeout_s of the tool {name!r} is how long a call may take: more than 0 seconds.")
    own_s = None if definition is None else definition.timeout
    if own_s is not None and options.timeout_s is None:  # that one ends the call first, and lets the model try again
        options = msgspec.structs.replace(options, timeout_s=own_s + 1)
    return options
