"""What a chat model is asked and answers, as it is recorded: the request's fingerprint, the exact response, and its usage."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

import msgspec
from genai_prices import Usage, calc_price
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, SystemMessage
from langchain_core.outputs import ChatGeneration, ChatResult

from ....services import model_faults
from ...supervisor.framework_steps import ModelRequest, ModelResponse
from .packing import failure, failure_record, packed, unpacked

_DIGITS: Final = re.compile("[0-9]+")
_REASONS: Final = {"stop", "length", "tool_calls"}


def request_of(
    model: BaseChatModel, messages: Sequence[BaseMessage], stop: Sequence[str] | None, options: Mapping[str, Any]
) -> ModelRequest:
    """What a request is recorded as: the same on every replay, so without the ids that LangChain makes up for messages."""
    known = model._get_ls_params(stop=list(stop) if stop else None)
    name = str(known.get("ls_model_name") or getattr(model, "model_name", "") or type(model).__name__)
    asked = [name, stop, dict(options), [_shape(each) for each in messages]]
    text = json.dumps(asked, sort_keys=True, default=_named)
    most = options.get("max_tokens") or known.get("ls_max_tokens")
    return ModelRequest(
        name,
        hashlib.blake2b(text.encode(), digest_size=8).hexdigest(),
        tuple(str(each.text) for each in messages),
        most if isinstance(most, int) and most > 0 else None,
    )


def response_of(model: BaseChatModel, request: ModelRequest, result: ChatResult) -> ModelResponse:
    """What is recorded of a response."""
    generations = [[packed(each.message), packed(each.generation_info)] for each in result.generations]
    recorded = msgspec.json.encode({"generations": generations, "llm_output": packed(result.llm_output)})
    message = result.generations[0].message if result.generations else None
    usage = usage_of(message, str(model._get_ls_params().get("ls_provider") or "")) if message is not None else {}
    usage.setdefault("model", request.model)
    return ModelResponse(recorded, usage, _reason(message))


def failed_response(fault: Exception) -> ModelResponse:
    """What is recorded of a failure: it is raised again as it was."""
    recorded = msgspec.json.encode({"raised": failure_record(fault)})
    return ModelResponse(recorded, {}, "error", model_faults.told(fault))


def result_of(recorded: bytes) -> ChatResult:
    """The response that was recorded. Raises the failure, if it was one."""
    record = msgspec.json.decode(recorded)
    if "raised" in record:
        raise failure(record["raised"])
    generations = [
        ChatGeneration(message=unpacked(message), generation_info=unpacked(info))
        for message, info in record["generations"]
    ]
    return ChatResult(generations=generations, llm_output=unpacked(record["llm_output"]))


def usage_of(message: BaseMessage, provider: str) -> dict[str, Any]:
    """What a response has used, as ``model_completed`` tells it; nothing if the provider does not say."""
    told = message.usage_metadata if isinstance(message, AIMessage) else None
    if not told:
        return {}
    in_detail: Mapping[str, Any] = told.get("input_token_details") or {}
    out_detail: Mapping[str, Any] = told.get("output_token_details") or {}
    usage: dict[str, Any] = {"input_tokens": told["input_tokens"], "output_tokens": told["output_tokens"]}
    details = {
        "cache_read_tokens": in_detail.get("cache_read"),
        "cache_write_tokens": in_detail.get("cache_creation"),
        "reasoning_tokens": out_detail.get("reasoning"),
    }
    usage |= {name: count for name, count in details.items() if count}
    if name := message.response_metadata.get("model_name"):
        usage["model"] = str(name)
        for provider_id in (provider, None):  # LangChain has names of its own for some
            with suppress(LookupError, ValueError, AssertionError):  # without a known price: left out, never 0
                usage["cost_usd"] = str(calc_price(_counted(usage), str(name), provider_id=provider_id).total_price)
                break
    return usage


def _counted(usage: Mapping[str, Any]) -> Usage:
    return Usage(
        input_tokens=usage["input_tokens"],
        output_tokens=usage["output_tokens"],
        cache_read_tokens=usage.get("cache_read_tokens"),
        cache_write_tokens=usage.get("cache_write_tokens"),
    )


def _reason(message: BaseMessage | None) -> str:
    if isinstance(message, AIMessage) and message.tool_calls:
        return "tool_calls"
    told = "" if message is None else message.response_metadata.get("finish_reason", "")
    return told if told in _REASONS else "stop"


def _shape(message: BaseMessage) -> list[Any]:
    """What is sent of a message. Instructions often tell the time, so digits in them do not count."""
    content: Any = message.content
    if isinstance(message, SystemMessage):
        content = _DIGITS.sub("0", json.dumps(content, default=_named))
    return [
        message.type,
        message.name,
        content,
        getattr(message, "tool_call_id", None),
        [[call["name"], call["args"], call["id"]] for call in getattr(message, "tool_calls", ())],
    ]


def _named(value: object) -> str:
    """What stands for a value that is no JSON: never its address."""
    return getattr(value, "__qualname__", None) or type(value).__qualname__
