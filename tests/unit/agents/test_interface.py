"""What agents are given."""

from __future__ import annotations

from netra_backend.app.agents.interface import ThreadMessage


def test_a_message_is_told_in_parts() -> None:
    message = ThreadMessage("user", "Hello", "run_1", "req_1", 1, "golden")
    assert message.parts == [{"type": "text", "text": "Hello"}]
