"""Runs as OpenAI's clients read them: judged by the types of their own package."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from netra_backend.app.core import events
from netra_backend.app.core.doors.answers import Answer
from netra_backend.app.core.doors.openai_chat import (
    ChatFold,
    Failed,
    Message,
    asked_in,
    completion_of,
    error_of,
    usage_of,
)

AT: dict[str, Any] = {"thread_id": "thr_1", "run_id": "run_1", "seq": 1, "ts": 5_999}
ASKED = events.UserMessage(**AT, request_id="req_1", agent="echo", text="hello")
USAGE = {"input_tokens": 7, "output_tokens": 3, "cache_read_tokens": 2, "reasoning_tokens": 1}
DONE = events.AgentCompleted(**AT, result={"text": "hi"}, usage=USAGE, elapsed_ms=1)
FAILED = events.AgentFailed(**AT, error="tool_fault", message="It broke.")

TEXTS = st.text(max_size=6)
EVENTS = st.one_of(
    st.builds(lambda text: events.AgentThinking(**AT, text=text), TEXTS),
    st.builds(
        lambda text, call, attempt, kind, parent: events.AgentDelta(
            **AT, call_id=call, attempt=attempt, text=text, kind=kind, parent_call_id=parent
        ),
        TEXTS,
        st.sampled_from(["c1", "c2"]),
        st.integers(1, 3),
        st.sampled_from(["", "", "reasoning", "tool_arguments"]),
        st.sampled_from(["", "", "p"]),
    ),
    st.builds(lambda tool: events.ToolExecuting(**AT, call_id="t", tool=tool, arguments={}), TEXTS),
    st.just(events.AgentThinking("thr_1", "run_2", 3, 5, text="of another run")),
    st.just(FAILED),
    st.just(events.AgentCancelled(**AT, by="user")),
    st.builds(
        lambda text, message, reason: events.AgentCompleted(
            **AT, result={"text": text}, usage=USAGE, elapsed_ms=1, message_id=message, finish_reason=reason
        ),
        TEXTS,
        st.sampled_from(["", "c1"]),
        st.sampled_from(["stop", "length", "tool_calls", "content_filter"]),
    ),
)


def folded(*log: events.AnyEvent, has_usage: bool = True) -> list[Any]:
    fold = ChatFold(Answer("run_1"), has_usage)
    return [chunk for event in log for chunk in fold.take(event)]


@given(st.lists(EVENTS, max_size=12), st.data())
def test_a_prefix_and_the_rest_of_any_log_are_all_of_it(log: list[events.AnyEvent], data: st.DataObject) -> None:
    log = [ASKED, *log]
    at = data.draw(st.integers(0, len(log)))
    fold = ChatFold(Answer("run_1"), True)
    first = [chunk for event in log[:at] for chunk in fold.take(event)]
    rest = [chunk for event in log[at:] for chunk in fold.take(event)]
    assert [*first, *rest] == folded(*log)


@given(st.lists(EVENTS, max_size=12))
def test_a_stream_of_any_log_is_one_that_its_clients_read_and_ends_once(log: list[events.AnyEvent]) -> None:
    chunks = folded(ASKED, *log)
    broken = [chunk for chunk in chunks if isinstance(chunk, Failed)]
    read = [ChatCompletionChunk.model_validate(chunk, strict=True) for chunk in chunks if not isinstance(chunk, Failed)]
    assert {chunk.id for chunk in read} == {"chatcmpl-run_1"}
    assert read[0].choices[0].delta.role == "assistant"
    reasons = [choice.finish_reason for chunk in read for choice in chunk.choices if choice.finish_reason]
    has_ended = any(isinstance(event, events.TERMINAL) for event in log)
    assert (len(reasons) + len(broken), bool(broken and reasons)) == (int(has_ended), False)
    if reasons:
        assert read[-1].usage is not None
        assert (read[-1].choices, read[-1].usage.total_tokens) == ([], 10)
        whole = ChatCompletion.model_validate(completion_of(chunks), strict=True)
        text = "".join(choice.delta.content or "" for chunk in read for choice in chunk.choices)
        assert whole.choices[0].message.content == text
        assert whole.choices[0].finish_reason == reasons[0]


def test_a_run_as_its_client_reads_it() -> None:
    chunks = folded(ASKED, events.AgentThinking(**AT, text="hm"), DONE)
    head = {"id": "chatcmpl-run_1", "object": "chat.completion.chunk", "created": 5, "model": "echo"}
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks[:-1]]
    assert deltas == [{"role": "assistant", "content": ""}, {"reasoning_content": "hm\n"}, {"content": "hi"}, {}]
    assert all({name: chunk[name] for name in head} == head for chunk in chunks)
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks[:-1]] == [None, None, None, "stop"]
    assert folded(ASKED, DONE, has_usage=False)[-1]["choices"][0]["finish_reason"] == "stop"


def test_a_run_that_failed_has_no_finish_reason() -> None:
    *chunks, last = folded(ASKED, FAILED)
    assert last == Failed(error_of("It broke.", "server_error", "tool_fault"))
    assert all(chunk["choices"][0]["finish_reason"] is None for chunk in chunks)


def test_tokens_are_counted_as_the_protocol_names_them() -> None:
    assert usage_of(USAGE) == {
        "prompt_tokens": 7,
        "completion_tokens": 3,
        "total_tokens": 10,
        "prompt_tokens_details": {"cached_tokens": 2},
        "completion_tokens_details": {"reasoning_tokens": 1},
    }
    assert usage_of({"input_tokens": None})["total_tokens"] == 0


ONE = {"role": "user", "content": "one"}


def text(words: str) -> dict[str, str]:
    return {"type": "text", "text": words}


@pytest.mark.parametrize(
    ("messages", "words"),
    [
        ([ONE, {"role": "assistant", "content": "x"}, {"role": "user", "content": "two"}], "two"),
        ([{"role": "user", "content": [text("a"), {"type": "image_url"}, text("b")]}], "a\n\nb"),
        ([ONE, {"role": "tool", "content": "x"}], "one"),
        ([], None),
        ([{"role": "system", "content": "x"}], None),
        ([{"role": "user", "content": ""}], None),
        ([{"role": "user", "content": None}], None),
        ([{"role": "user", "content": []}], None),
        ([{"role": "user", "content": [{"type": "text"}, {"type": "image_url", "image_url": {"url": "x"}}]}], None),
        ([{"role": "user"}], None),
    ],
)  # fmt: skip
def test_the_last_words_of_the_user_are_what_is_asked(messages: list[dict[str, Any]], words: str | None) -> None:
    assert asked_in(msgspec.json.decode(msgspec.json.encode(messages), type=list[Message])) == words


@pytest.mark.parametrize("content", [5, True, {}, [5], [[]], [{"type": 5}], [{"text": []}]])
def test_what_is_no_content_is_no_message(content: Any) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(msgspec.json.encode({"role": "user", "content": content}), type=Message)
