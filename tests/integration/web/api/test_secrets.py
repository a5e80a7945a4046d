"""``/api/secrets`` on a whole server: kept sealed, listed by name, in no export, and each user's own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.integration.web.api.conftest import Served

pytestmark = pytest.mark.integration
