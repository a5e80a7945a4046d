"""The model's process notes every request before it answers, and ends with its block."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from test_framework.chaos.framework_script import PYDANTIC_AI
from test_framework.chaos.model_server import ModelServer, read_asked
from test_framework.simulation.workers import Plan

USER, OTHER = "user_" + "1" * 32, "user_" + "2" * 32


def _body(plan: Plan, system: str = "") -> dict[str, Any]:
    said = [{"role": "system", "content": system}, {"role": "user", "content": plan.encoded()}]
    return {"model": PYDANTIC_AI, "messages": said}


def test_requests_are_noted_by_run_turn_words_and_who_is_named(tmp_path: Path) -> None:
    path, plan = tmp_path / "asked", Plan("key-1", USER, ())
    assert read_asked(path) == []
    with ModelServer(path) as model, httpx.Client(trust_env=False, timeout=30) as http:
        url = f"{model.settings['OPENAI_BASE_URL']}/chat/completions"
        for body in (_body(plan), _body(plan), _body(plan, OTHER)):
            said = http.post(url, json=body).json()["choices"][0]["message"]
            assert said["content"] == plan.text(0)
            assert [json.loads(call["function"]["arguments"]) for call in said["tool_calls"]] == [
                {"number": 0},
                {"number": 1},
            ]
    first, again, other = read_asked(path)
    assert (first.framework, first.key, first.turn, first.user, first.named) == (PYDANTIC_AI, "key-1", 0, USER, (USER,))
    assert again == first
    assert other.named == (USER, OTHER)
    assert other.fingerprint != first.fingerprint
    with pytest.raises(httpx.ConnectError):
        httpx.post(url, json=_body(plan), trust_env=False)


def test_a_process_that_cannot_serve_says_so(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="ended with 1"), ModelServer(tmp_path):
        pass
