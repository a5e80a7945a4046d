"""What agents are given."""

from __future__ import annotations

from netra_backend.app.agents.interface import ThreadMessage


def test_a_message_is_told_in_parts() -> None:
    parts = [{"type": "text", "text": "Hello"}]
    message = ThreadMessage("user", "Hello", "run_1", "req_1", 1, "golden", parts)
    assert (message.text, message.parts, message.data) == ("Hello", parts, None)
