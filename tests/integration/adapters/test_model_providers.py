"""``NETRA_MODEL`` of each documented provider, against a server on loopback that speaks its protocol."""

from __future__ import annotations

import gc

import pytest

from netra_backend.app.adapters.models.pydantic_ai import PydanticAIModel
from netra_backend.app.core.errors import DependencyUnavailable
from netra_backend.app.core.model_part import ModelPart
from tests.integration.adapters.provider_servers import INPUT, KEY, OUTPUT, PROTOCOLS, WORDS, Protocol, serving

pytestmark = pytest.mark.parametrize("protocol", PROTOCOLS.values(), ids=PROTOCOLS)


async def asked(protocol: Protocol, url: str, monkeypatch: pytest.MonkeyPatch, *, times: int = 1) -> list[ModelPart]:
    """All parts of the last answer of a model that was configured as the documentation says."""
    for name, value in protocol.settings(url).items():
        monkeypatch.setenv(name, value)
    model = PydanticAIModel(protocol.model)
    try:
        for _ in range(times):
            parts = [part async for part in model.stream("How much?", system="Be exact.", max_tokens=77)]
        return parts
    finally:
        await model.close()
        gc.collect()  # what was left open is reported here, and not in another test


async def test_an_answer_streams_with_its_usage(protocol: Protocol, monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(protocol) as server:
        parts = await asked(protocol, server.url, monkeypatch)
    assert [part.text for part in parts if part.text] == list(WORDS)
    usage = parts[-1].usage
    assert usage is not None
    assert (usage["input_tokens"], usage["output_tokens"], parts[-1].finish_reason) == (INPUT, OUTPUT, "stop")
    assert server.paths == [protocol.path]
    (body,) = server.bodies
    assert (protocol.prompt(body), protocol.system(body)) == ("How much?", "Be exact.")
    assert not protocol.header or KEY in server.headers[0].get(protocol.header, ""), server.headers


@pytest.mark.filterwarnings("ignore:Failed to extract usage")  # the library says that it misses it
async def test_an_answer_without_usage_is_no_fault(protocol: Protocol, monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(protocol, usage=False) as server:
        parts = await asked(protocol, server.url, monkeypatch)
    assert "".join(part.text for part in parts) == "".join(WORDS)
    usage = parts[-1].usage
    assert usage is not None
    assert (usage["input_tokens"], usage["output_tokens"]) == (0, 0)
    assert "cost_usd" not in usage


@pytest.mark.parametrize("status", [400, 401, 429, 500])
async def test_a_refusal_is_told_without_the_providers_words(
    protocol: Protocol, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(protocol, status=status) as server:
        with pytest.raises(DependencyUnavailable) as told:
            await asked(protocol, server.url, monkeypatch)
    assert KEY not in f"{told.value} {told.value.hint}"


@pytest.mark.parametrize("breaks", [True, False], ids=["connection", "answer"])
async def test_an_answer_that_is_cut_short_is_none(
    protocol: Protocol, breaks: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = next(number for number, frame in enumerate(protocol.frames(True), 1) if WORDS[0] in str(frame))
    async with serving(protocol, frames=begun, breaks=breaks) as server:
        with pytest.raises(DependencyUnavailable):
            await asked(protocol, server.url, monkeypatch)


async def test_connections_are_used_again(protocol: Protocol, monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(protocol) as server:
        await asked(protocol, server.url, monkeypatch, times=3)
    assert len(server.paths) == 3
    assert server.connections == 1
