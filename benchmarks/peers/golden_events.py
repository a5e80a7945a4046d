"""The six events of a golden run, as every peer sends them: the fields and about the sizes of ours."""

from __future__ import annotations

import json
from typing import Any

_COMMON = {"thread_id": "thr_019ab3c0f1e2d3c4b5a69788796a5b4c", "run_id": "run_019ab3c0f1e2d3c4b5a69788796a5b4c"}
_OWN: list[dict[str, Any]] = [
    {"type": "user_message", "request_id": "req_019ab3c0f1e2d3c4b5a69788", "agent": "golden", "text": "What is up?"},
    {"type": "agent_started", "agent": "golden", "request_id": "req_019ab3c0f1e2d3c4b5a69788"},
    {"type": "agent_thinking", "text": "The question is about the service; its log answers it."},
    {"type": "tool_executing", "call_id": "call_1", "tool": "golden_lookup", "arguments": {"question": "What is up?"}},
    {
        "type": "tool_completed",
        "call_id": "call_1",
        "tool": "golden_lookup",
        "ok": True,
        "result": {"lines": 3},
        "elapsed_ms": 0,
    },
    {
        "type": "agent_completed",
        "result": {"text": "Three lines of the log answer the question.", "data": {"lines": 3}},
        "usage": {"input_tokens": 0, "output_tokens": 0, "cost_usd": "0"},
        "elapsed_ms": 1,
    },
]
EVENTS: list[dict[str, Any]] = [
    {"type": own.pop("type"), **_COMMON, "seq": seq, "ts": 1795000000000, **own} for seq, own in enumerate(_OWN, 1)
]
TEXTS = [json.dumps(event, separators=(",", ":")) for event in EVENTS]
