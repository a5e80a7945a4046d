"""What a tool returned, as JSON that the SDK takes for the same."""

from __future__ import annotations

import json
from typing import Any

from agents import ToolOutputFileContent, ToolOutputImage, ToolOutputText

_PARTS = ToolOutputText | ToolOutputImage | ToolOutputFileContent


def plain(output: Any) -> Any:
    """The output as JSON. The SDK gives a model the text of whatever is no part of an answer (``str``), so what JSON does not
    give back as it was is that text."""
    if isinstance(output, str | None):
        return output
    if isinstance(output, _PARTS):
        return output.model_dump(mode="json", exclude_none=True)
    if isinstance(output, list | tuple) and any(isinstance(each, _PARTS) for each in output):
        return [plain(each) for each in output]
    try:
        again = json.loads(json.dumps(output))
    except (TypeError, ValueError):
        return str(output)
    return again if str(again) == str(output) else str(output)
