"""The threads of tools that are plain functions, so that a blocking tool delays no other user."""

from __future__ import annotations

from typing import Final

from ...core.limits import USUAL
from ...services.shared_threads import SharedThreads

THREADS: Final = SharedThreads("netra-tool", USUAL.process_tool_threads)
"""Those of this process: the composition root says how many."""
