"""Google ADK's api server with an agent of our own that yields five events without a model. Sessions in memory."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from typing import Any

import uvicorn
from golden_events import TEXTS
from google.adk.agents import BaseAgent
from google.adk.cli.fast_api import get_fast_api_app
from google.adk.cli.utils.base_agent_loader import BaseAgentLoader
from google.adk.events import Event
from google.genai import types


class GoldenAgent(BaseAgent):  # type: ignore[misc]  # checked against nothing: the peers have an environment of their own
    """Yields what a golden run shows, but for the user's own message, which ADK stores itself."""

    async def _run_async_impl(self, context: Any) -> AsyncIterator[Event]:
        for text in TEXTS[1:]:
            yield Event(
                author=self.name,
                invocation_id=context.invocation_id,
                content=types.Content(role="model", parts=[types.Part(text=text)]),
            )


class OneAgent(BaseAgentLoader):  # type: ignore[misc]
    """There is one agent, and it is made once."""

    agent = GoldenAgent(name="golden")

    def load_agent(self, agent_name: str) -> BaseAgent:
        return self.agent

    def list_agents(self) -> list[str]:
        return [self.agent.name]


if __name__ == "__main__":
    application = get_fast_api_app(
        agents_dir=sys.argv[2],
        agent_loader=OneAgent(),
        session_service_uri="memory://",
        use_local_storage=False,
        web=False,
        auto_create_session=True,
    )
    uvicorn.run(application, port=int(sys.argv[1]), loop="uvloop", log_level="error", access_log=False, backlog=4096)
