"""The validation points of runs: what keeps one run's fault from being anybody else's."""

from __future__ import annotations

from .points import catalogued as _point

RUN_BEGINNINGS = _point(
    "run.beginnings",
    "agents.supervisor.execution_engine",
    "RunRefused",
    "a run that ended its process, or blocked it, each time it was begun is not begun again",
)
RUN_DEFAULT_AGENT = _point(
    "run.default_agent",
    "services.plan_names",
    "ConfigurationError",
    "the agent of requests that name none is one that the server has",
)
RUN_CODE = _point(
    "run.code",
    "agents.supervisor.execution_engine",
    "RunRefused",
    "a run does not go on with other code than that which recorded its steps",
)
