"""What the services' tests have in common: a clock, chance, and a way to sign any claims."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from jwt.api_jws import PyJWS

from test_framework.clock import ManualClock, SeededEntropy


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def entropy(seed: str) -> SeededEntropy:
    return SeededEntropy(seed)


@pytest.fixture
def sign(clock: ManualClock) -> Callable[..., str]:
    """``sign(key, algorithm="HS256", kid=None, typ="JWT", **claims)``: claims over good ones; ``None`` leaves out a claim, or
    the type."""

    def signed(key: Any, algorithm: str = "HS256", kid: str | None = None, typ: Any = "JWT", **claims: Any) -> str:
        now = clock.now_ms() / 1000
        good = {"sub": "user_ada", "iat": now, "exp": now + 3600, "iss": "own", "jti": "t1"}
        chosen = {name: value for name, value in {**good, **claims}.items() if value is not None}
        headers = {"typ": typ, **({"kid": kid} if kid else {})}
        return PyJWS().encode(json.dumps(chosen).encode(), key, algorithm=algorithm, headers=headers)

    return signed
