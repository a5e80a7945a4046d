"""What agents return, and what is said of it if it is no result, or none that can be recorded."""

from __future__ import annotations

from typing import Final

from ...core.errors import ToolError
from ...services.redaction import is_too_long
from ..interface import AgentResult

_HINT: Final = "Tell the author of the agent."


def result_of(agent: str, returned: object) -> AgentResult:
    """What this agent returned. Raises ``ToolError`` (``NO_RESULT``) if it is no ``AgentResult``."""
    if not isinstance(returned, AgentResult):
        raise ToolError("NO_RESULT", f"{agent} returned {type(returned).__name__}, not an AgentResult.", _HINT)
    return returned


def not_recordable(agent: str, result: AgentResult, fault: Exception) -> ToolError:
    """What a result of this agent is refused with that could not be recorded because of ``fault``."""
    code = "RESULT_NOT_JSON"
    if not isinstance(result.text, str):
        message = f"The text of {agent}'s result is {type(result.text).__name__}, not str."
    elif isinstance(fault, ValueError) and is_too_long(result.data):
        code = "RESULT_TOO_LARGE"
        message = f"The data of {agent}'s result holds a number of more digits than can be written."
    else:
        message = f"The data of {agent}'s result is not JSON ({type(fault).__name__})."
    return ToolError(code, message, _HINT)
