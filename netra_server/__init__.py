"""What agents, tools and servers of your own are written with. Everything here is public; ``docs/versioning.md`` says what that
means.

- ``client``: talks to a server
- ``testing``: tests what you wrote
- ``pydantic_ai``, ``langgraph``, ``openai_agents``: serve agents of these frameworks

Importing this loads nothing else: each name is loaded when it is first used.
"""

TYPE_CHECKING = False  # what type checkers take for true; ``typing`` has it too, and would be loaded for it
if TYPE_CHECKING:
    from netra_backend.app.agents.interface import Agent, AgentResult, RunScope, ToolOutcome
    from netra_backend.app.agents.tools.decorator import tool
    from netra_backend.app.agents.tools.definition import Tool, ToolArguments
    from netra_backend.app.config import Settings
    from netra_backend.app.core.errors import InvalidContextError, OutcomeUnknown, StateConflict, ToolError
    from netra_backend.app.services.user_execution_context import UserExecutionContext
    from netra_backend.app.wiring import create_app

    __version__: str

__all__ = [
    "Agent",
    "AgentResult",
    "InvalidContextError",
    "OutcomeUnknown",
    "RunScope",
    "Settings",
    "StateConflict",
    "Tool",
    "ToolArguments",
    "ToolError",
    "ToolOutcome",
    "UserExecutionContext",
    "__version__",
    "create_app",
    "tool",
]

_APP = "netra_backend.app."
_HOMES = {
    "Agent": _APP + "agents.interface",
    "AgentResult": _APP + "agents.interface",
    "InvalidContextError": _APP + "core.errors",
    "OutcomeUnknown": _APP + "core.errors",
    "RunScope": _APP + "agents.interface",
    "Settings": _APP + "config",
    "StateConflict": _APP + "core.errors",
    "Tool": _APP + "agents.tools.definition",
    "ToolArguments": _APP + "agents.tools.definition",
    "ToolError": _APP + "core.errors",
    "ToolOutcome": _APP + "agents.interface",
    "UserExecutionContext": _APP + "services.user_execution_context",
    "create_app": _APP + "wiring",
    "tool": _APP + "agents.tools.decorator",
}


def __getattr__(name: str) -> object:
    if name == "__version__":
        from netra_backend.distribution import version

        found: object = version()
    elif name in _HOMES:
        from importlib import import_module

        found = getattr(import_module(_HOMES[name]), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted(__all__)
