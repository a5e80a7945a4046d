"""Runs the tests by category and pattern, and proves that they can fail: ``python tests/unified_test_runner.py --help``."""

from __future__ import annotations

import sys
from pathlib import Path

from test_framework.runner import main

if __name__ == "__main__":
    sys.exit(main(Path(__file__).resolve().parent, sys.argv[1:]))
