"""Loads everything that a server of a chaos scenario needs. Forks of this process start in a moment; to import the frameworks
takes several times as long as a server lives under chaos."""

from __future__ import annotations

import gc
import importlib

from ..crashes.zygote import LOADED

_MODULES = (
    *LOADED,
    "netra_backend.app.cli",
    "anyio._backends._asyncio",
    "genai_prices.data",
    "openai.lib.streaming.chat",
    "openai.lib.streaming.responses",
    "openai.resources.chat",
    "pydantic_ai.providers.openai",
    "test_framework.chaos.framework_agents",
)

for _name in _MODULES:
    importlib.import_module(_name)
gc.collect()
gc.freeze()  # a server looks for garbage when it starts: not in all of this
