"""A model by a script, asked over a real socket as its clients ask it."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from test_framework.scripted_model import Answers, ModelAnswer, ModelRequest, ScriptedModel, scripted_model


def _body(prompt: str, **more: Any) -> dict[str, Any]:
    content = [{"type": "text", "text": prompt}]
    return {
        "model": "scripted",
        "messages": [{"role": "system", "content": "Be exact."}, {"role": "user", "content": content}],
        **more,
    }


async def _asked(model: ScriptedModel, prompt: str, **more: Any) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False, timeout=20) as http:
        return await http.post(f"{model.url}/v1/chat/completions", json=_body(prompt, **more))


@pytest.mark.parametrize(
    "answers",
    [
        {"How much?": "It was $5."},
        ["It was $5."],
        lambda request: "It was $5." if request.prompt == "How much?" else "?",
    ],
    ids=["by prompt", "in order", "by a function"],
)
async def test_it_answers_as_the_script_says_and_keeps_what_was_asked(answers: Answers) -> None:
    async with scripted_model(answers) as model:
        whole = (await _asked(model, "How much?")).json()
        assert whole["choices"][0]["message"]["content"] == "It was $5."
        assert whole["usage"]["total_tokens"] == 15
        assert (model.prompts(), model.requests[0].system) == (["How much?"], "Be exact.")
        assert model.settings["OPENAI_BASE_URL"] == f"{model.url}/v1"


async def test_it_streams_its_answer_in_pieces_and_tool_calls_whole() -> None:
    script = [ModelAnswer("It was $5.", tool_calls=[("pay", {"amount": 5})], parts=2)]
    async with scripted_model(script) as model:
        lines = (await _asked(model, "How much?", stream=True)).text.split("\n\n")
    assert lines[-2:] == ["data: [DONE]", ""]
    chunks = [json.loads(line.removeprefix("data: ")) for line in lines[:-2]]
    deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
    assert [each.get("content") for each in deltas] == ["It wa", "s $5.", None, None]
    assert deltas[2]["tool_calls"][0]["function"] == {"name": "pay", "arguments": '{"amount": 5}'}
    assert [choice["finish_reason"] for chunk in chunks for choice in chunk["choices"]][-1] == "tool_calls"
    assert chunks[-1]["usage"]["completion_tokens"] == 5


async def test_it_refuses_what_the_script_does_not_know_or_says_is_refused() -> None:
    async with scripted_model([ModelAnswer("slow down", status=429)]) as model:
        first, second = await _asked(model, "a"), await _asked(model, "b")
        async with httpx.AsyncClient(trust_env=False) as http:
            other = await http.get(f"{model.url}/v1/models")
    assert (first.status_code, first.json()["error"]["message"]) == (429, "slow down")
    assert (second.status_code, other.status_code) == (400, 404)


async def test_it_breaks_off_where_the_script_says() -> None:
    async with scripted_model([ModelAnswer("a b c", parts=3, cut_after=1)]) as model:
        with pytest.raises(httpx.RemoteProtocolError):
            await _asked(model, "How much?", stream=True)


async def test_it_stalls_where_the_script_says_until_it_is_over() -> None:
    script = [ModelAnswer("a b c", parts=3, cut_after=1, stalls=True)]
    async with scripted_model(script) as model, httpx.AsyncClient(trust_env=False, timeout=20) as http:
        asked = http.stream("POST", f"{model.url}/v1/chat/completions", json=_body("x", stream=True))
        async with asked as response:
            lines = response.aiter_lines()
            assert '"content": "a "' in await anext(lines)


def test_the_prompt_is_the_last_message_of_a_user() -> None:
    messages = [{"role": "user", "content": "first"}, {"role": "assistant", "content": "x"}]
    assert ModelRequest({"messages": messages}).prompt == "first"
    assert ModelRequest({"messages": []}).prompt == ""
