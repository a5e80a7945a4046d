"""Where 0.1.0 had what a tool is written with; it is in ``netra_server`` now. Goes with the next release."""

from __future__ import annotations

from ...core.former_names import former_names

_HOME = "netra_backend.app.agents.tools.definition"

__getattr__ = former_names(
    __name__, {"Arguments": (_HOME, "netra_server.ToolArguments"), "Tool": (_HOME, "netra_server.Tool")}
)
