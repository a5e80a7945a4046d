"""The input of a served agent: a message with its files, and the thread's earlier ones."""

from __future__ import annotations

import base64
from types import SimpleNamespace
from typing import Any

from netra_backend.app.agents.frameworks.openai_agents.messages import MOST_MESSAGES, Attached, ThreadSession
from netra_backend.app.agents.interface import ThreadMessage


async def nothing_kept(most: int) -> dict[str, str]:
    return {}


class Scope:
    """Two earlier messages, and files."""

    context = SimpleNamespace(thread_id="thread_1")
    framework = SimpleNamespace(messages_before=nothing_kept)

    @property
    async def messages(self) -> Any:
        said = [{"type": "text", "text": "hi"}]
        yield ThreadMessage("user", "hi", "run_1", "m1", 1, "a", said)
        yield ThreadMessage("agent", "hello", "run_1", "m2", 2, "a", [{"type": "text", "text": "hello"}])

    async def read_file(self, file_id: str) -> bytes:
        return file_id.encode()


SCOPE: Any = Scope()


async def test_one_text_is_a_text() -> None:
    said = await Attached(1000).message(SCOPE, [{"type": "text", "text": "hi"}])
    assert said == {"role": "user", "content": "hi"}


async def test_parts_are_told_in_their_order_with_their_content() -> None:
    parts: list[dict[str, Any]] = [
        {"type": "text", "text": "look"},
        {"type": "data", "data": {"n": 1}},
        {"type": "file", "file_id": "image", "media": "image/png", "bytes": 5},
        {"type": "file", "file_id": "paper", "media": "application/pdf", "bytes": 5},
    ]
    item: Any = await Attached(1000).message(SCOPE, parts)
    assert item["content"] == [
        {"type": "input_text", "text": "look"},
        {"type": "input_text", "text": '{"n": 1}'},
        {
            "type": "input_image",
            "image_url": f"data:image/png;base64,{base64.b64encode(b'image').decode()}",
            "detail": "auto",
        },
        {
            "type": "input_file",
            "file_data": f"data:application/pdf;base64,{base64.b64encode(b'paper').decode()}",
            "filename": "paper",
        },
    ]


async def test_a_session_is_the_thread_and_what_the_run_adds() -> None:
    session = ThreadSession(SCOPE, "a", Attached(1000))
    earlier = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}]
    assert await session.get_items() == earlier
    await session.add_items([{"role": "user", "content": "more"}])
    assert await session.get_items(2) == [earlier[1], {"role": "user", "content": "more"}]
    assert await session.get_items(0) == []
    assert await session.pop_item() == {"role": "user", "content": "more"}
    await session.clear_session()
    assert (await session.get_items(), await session.pop_item()) == ([], None)


async def test_files_that_there_is_no_room_for_are_named_the_oldest_first() -> None:
    class Full(Scope):
        @property
        async def messages(self) -> Any:
            for number in range(2):
                part = {"type": "file", "file_id": f"f{number}", "media": "image/png", "bytes": 2000}
                yield ThreadMessage("user", "", "run_1", f"m{number}", number, "a", [part])

    scope: Any = Full()
    session = ThreadSession(scope, "a", Attached(3000))
    items: list[Any] = list(await session.get_items())
    assert items[0]["content"] == "(A file of 2,000 bytes, image/png, is not attached.)"
    assert items[1]["content"][0]["type"] == "input_image"


async def test_what_a_run_added_is_kept_for_later_ones_of_the_same_agent() -> None:
    kept: list[bytes] = []

    async def blob(ref: str) -> bytes:
        return {"ref_1": b'[{"type": "function_call"}, {"role": "assistant", "content": "hello"}]'}[ref]

    async def kept_by_runs(most: int) -> dict[str, str]:
        assert most == MOST_MESSAGES
        return {"run_1": "ref_1"}

    class Keeping(Scope):
        framework = SimpleNamespace(blob=blob, keep_messages=kept.append, messages_before=kept_by_runs)

        @property
        async def messages(self) -> Any:
            yield ThreadMessage("user", "hi", "run_1", "m1", 1, "a", [{"type": "text", "text": "hi"}])
            yield ThreadMessage("agent", "hello", "run_1", "m2", 2, "a", [])

    scope: Any = Keeping()
    mine, others = ThreadSession(scope, "a", Attached(1000)), ThreadSession(scope, "b", Attached(1000))
    earlier: list[Any] = list(await mine.get_items())
    assert [each.get("type") or each["role"] for each in earlier] == ["user", "function_call", "assistant"]
    assert len(await others.get_items()) == 2
    await mine.add_items([{"role": "user", "content": "more"}])
    await mine.add_items([{"role": "assistant", "content": "yes"}])
    mine.keep()
    assert kept == [b'[{"role": "assistant", "content": "yes"}]']
