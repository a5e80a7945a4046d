"""The output of an agent as the result of its run."""

from __future__ import annotations

import json
from typing import Any

from pydantic_core import to_jsonable_python

from ...interface import AgentResult


def result(output: Any) -> AgentResult:
    """A text is the result's text. Anything else is its data, under ``output`` if it has no names, and is shown as JSON."""
    if isinstance(output, str):
        return AgentResult(output)
    plain = to_jsonable_python(output)
    data: dict[str, Any] = plain if isinstance(plain, dict) else {"output": plain}
    return AgentResult(f"```json\n{json.dumps(plain, ensure_ascii=False, indent=2)}\n```", data)
