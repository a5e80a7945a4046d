"""A scripted model speaks the Responses API as its clients read it."""

from __future__ import annotations

import json

import httpx
import pytest

from test_framework.scripted_model import ModelAnswer, scripted_model

SCRIPT = [ModelAnswer("It was $5.", tool_calls=[("pay", {"amount": 5})], parts=2, call="first")]


@pytest.mark.parametrize("given", ["How much?", [{"role": "user", "content": "How much?"}]])
async def test_it_answers_with_text_and_calls(given: object) -> None:
    async with scripted_model(SCRIPT) as model, httpx.AsyncClient(trust_env=False, timeout=20) as http:
        body = {"model": "scripted", "instructions": "Be exact.", "input": given}
        response = (await http.post(f"{model.url}/v1/responses", json=body)).json()
    message, call = response["output"]
    assert message["content"][0]["text"] == "It was $5."
    assert (call["call_id"], call["name"], call["arguments"]) == ("first_pay_0", "pay", '{"amount": 5}')
    assert response["usage"]["total_tokens"] == 15
    assert (model.prompts(), model.requests[0].system) == (["How much?"], "Be exact.")


async def test_it_streams_text_in_pieces_and_ends_with_the_whole() -> None:
    async with scripted_model(SCRIPT) as model, httpx.AsyncClient(trust_env=False, timeout=20) as http:
        body = {"model": "scripted", "input": "How much?", "stream": True}
        text = (await http.post(f"{model.url}/v1/responses", json=body)).text
    events = [json.loads(line.removeprefix("data: ")) for line in text.split("\n\n") if line]
    deltas = [event["delta"] for event in events if event["type"] == "response.output_text.delta"]
    assert deltas == ["It wa", "s $5."]
    assert [event["sequence_number"] for event in events] == list(range(1, len(events) + 1))
    assert events[-1]["type"] == "response.completed"
    assert [item["type"] for item in events[-1]["response"]["output"]] == ["message", "function_call"]
