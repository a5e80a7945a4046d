"""What the user sent, files among it, and what was said before, as the model gets it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from pydantic_ai.messages import (
    BinaryContent,
    BinaryImage,
    ModelMessagesTypeAdapter,
    ModelRequest,
    ModelResponse,
    TextPart,
)

from netra_backend.app.agents.frameworks.pydantic_ai.prompts import MOST_RUNS, history, prompt
from netra_backend.app.agents.interface import ThreadMessage


class Scope:
    """A run's message and the thread before it."""

    def __init__(self, *parts: dict[str, Any], before: list[ThreadMessage] | None = None, kept: str = "") -> None:
        self.parts = list(parts)
        self.message = "".join(part.get("text", "") for part in parts)
        self._before = before or []
        self._kept = kept.split()

    async def read_file(self, file_id: str) -> bytes:
        return f"content of {file_id}".encode()

    @property
    def framework(self) -> Scope:
        return self

    async def messages_before(self, most: int) -> dict[str, str]:
        assert most == MOST_RUNS
        return dict.fromkeys(self._kept, "ref")

    async def blob(self, ref: str) -> bytes:
        assert ref == "ref"
        return ModelMessagesTypeAdapter.dump_json([ModelResponse(parts=[TextPart("as kept")])])

    @property
    async def messages(self) -> AsyncIterator[ThreadMessage]:
        for each in self._before:
            yield each


async def test_a_message_of_one_text_is_that_text() -> None:
    scope: Any = Scope({"type": "text", "text": "What is up?"})
    assert await prompt(scope) == "What is up?"


async def test_files_and_data_are_given_to_the_model() -> None:
    scope: Any = Scope(
        {"type": "text", "text": "Look:"},
        {"type": "file", "file_id": "fil_1", "media": "image/png", "bytes": 3, "sha256": ""},
        {"type": "file", "file_id": "fil_2", "media": "application/pdf", "bytes": 3, "sha256": ""},
        {"type": "data", "data": {"a": 1}},
    )
    content: Any = await prompt(scope)
    text, image, document, data = content
    assert (text, data) == ("Look:", '{"a":1}')
    assert isinstance(image, BinaryImage)
    assert isinstance(document, BinaryContent)
    assert (image.data, image.media_type) == (b"content of fil_1", "image/png")
    assert (document.data, document.media_type) == (b"content of fil_2", "application/pdf")


def said(role: str, text: str, run_id: str = "run_1", agent: str = "golden") -> ThreadMessage:
    return ThreadMessage(role, text, run_id, "msg_1", 1_800_000_000_000, agent, [])


async def test_earlier_messages_keep_their_order_and_time() -> None:
    before = [said("user", "one"), said("agent", "First."), said("agent", "")]
    asked, answered = await history(Scope(before=before), "golden")  # type: ignore[arg-type]
    assert isinstance(asked, ModelRequest)
    assert isinstance(answered, ModelResponse)
    assert (asked.parts[0].content, answered.text) == ("one", "First.")
    assert answered.timestamp.timestamp() == 1_800_000_000


async def test_what_this_agent_kept_is_given_exactly_and_what_another_one_kept_as_text() -> None:
    before = [
        said("user", "one", "run_1"),
        said("agent", "First.", "run_1"),
        said("user", "two", "run_2"),
        said("agent", "Second.", "run_2", agent="other"),
    ]
    found: Any = await history(Scope(before=before, kept="run_1 run_2"), "golden")  # type: ignore[arg-type]
    assert [part.content for message in found for part in message.parts] == ["as kept", "two", "Second."]


async def test_of_a_long_thread_the_last_runs_are_given() -> None:
    before = [said("user", str(number), f"run_{number}") for number in range(MOST_RUNS + 5)]
    found: Any = await history(Scope(before=before), "golden")  # type: ignore[arg-type]
    assert [found[0].parts[0].content, len(found)] == ["5", MOST_RUNS]
