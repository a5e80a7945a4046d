"""Closes what a test had factories make, so that a test may leave that to its base class."""

from __future__ import annotations

import functools
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final

from .closing import close_method

# Factories whose products are scopes: module, class, creating method (all async).
_MAKERS: Final = (
    ("netra_backend.app.services.websocket_bridge_factory", "WebSocketBridgeFactory", "create_user_emitter"),
    ("netra_backend.app.agents.supervisor.execution_engine_factory", "ExecutionEngineFactory", "create_for_user"),
)


@asynccontextmanager
async def closing_what_factories_make() -> AsyncIterator[None]:
    """Within it, what the application's factories make is remembered; it is closed at the end, in reverse order.

    Only modules that are imported already are looked at: a test that does not use a factory does not load it.
    """
    async with AsyncExitStack() as stack:
        for module, name, method in _MAKERS:
            if module in sys.modules:
                factory = getattr(sys.modules[module], name)
                made = getattr(factory, method)
                setattr(factory, method, _remembering(made, stack))
                stack.callback(setattr, factory, method, made)
        yield


def _remembering(create: Callable[..., Any], stack: AsyncExitStack) -> Callable[..., Any]:
    @functools.wraps(create)
    async def creating(*args: Any, **kwargs: Any) -> Any:
        made = await create(*args, **kwargs)
        stack.push_async_callback(close_method(made))
        return made

    return creating
