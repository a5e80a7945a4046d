"""One agent for each framework that is measured: four requests to a model that is a function, and three tools. Each module has
``NAME``, ``alone`` and ``whole`` (a run of the agent by itself, with its text shown as it comes or at its end), and ``AGENTS``
(the same agent, served).

- ``pydantic_ai``: pydantic-ai; ``langgraph``: LangGraph; ``openai_agents``: the OpenAI Agents SDK
"""

from __future__ import annotations

import asyncio
from typing import Final

_WAIT_S: Final = [0.0]


def wait_each_time(seconds: float) -> None:
    """Have each model request and each tool call wait so long, as for a network."""
    _WAIT_S[0] = seconds


async def waited() -> None:
    """What a model request or a tool call waits for."""
    if _WAIT_S[0]:
        await asyncio.sleep(_WAIT_S[0])
