"""Where 0.1.0 had what an agent is written with; it is in ``netra_server`` now. Goes with the next release."""

from __future__ import annotations

from ..core.former_names import former_names

_HOME = "netra_backend.app.agents.interface"

__getattr__ = former_names(__name__, {name: (_HOME, f"netra_server.{name}") for name in ("AgentResult", "RunScope")})
