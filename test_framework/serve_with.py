"""``python -m test_framework.serve_with MODULE --port 0 --data-dir DIR``: ``netra serve`` with agents and tools of MODULE.

MODULE has ``AGENTS`` and ``TOOLS``, which are added to the server's own as an embedding application adds them.
"""

from __future__ import annotations

import argparse
import importlib
import os
from collections.abc import Sequence
from pathlib import Path

from netra_backend.app.adapters.process.json_logs import configure_logging
from netra_backend.app.config import Settings
from netra_backend.app.serving import serve


def main(argv: Sequence[str] | None = None) -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m test_framework.serve_with")
    parser.add_argument("module")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--workers", type=int, default=1)
    given = parser.parse_args(argv)
    added = importlib.import_module(given.module)
    settings = Settings.load(os.environ, data_dir=given.data_dir, port=given.port, workers=given.workers)
    configure_logging()
    serve(settings, agents=added.AGENTS, tools=added.TOOLS)


if __name__ == "__main__":
    main()
