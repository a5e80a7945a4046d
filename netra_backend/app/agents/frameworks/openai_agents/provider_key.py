"""The key of OpenAI, missed before the first question."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any, Final

import openai
from agents import Agent, RunConfig
from agents.models import _openai_shared as defaults
from agents.models.multi_provider import MultiProvider

from ....core.errors import ExtensionError

_VARIABLE: Final = "OPENAI_API_KEY"


def check_key(reachable: Iterable[Agent[Any]], config: RunConfig) -> None:
    """Raise ``ExtensionError`` if an agent asks OpenAI by the name of a model, and there is no key to do so."""
    if type(config.model_provider) is not MultiProvider or not any(_is_of_openai(each, config) for each in reachable):
        return
    provider = config.model_provider.openai_provider
    given = (provider._client, provider._stored_api_key, defaults.get_default_openai_client())
    if os.environ.get(_VARIABLE) or any(each is not None for each in given):
        return
    try:
        openai.AsyncOpenAI(api_key=defaults.get_default_openai_key())  # it knows other ways to sign in
    except openai.OpenAIError:
        raise ExtensionError([f"the agent asks a model of OpenAI, and there is no key: set {_VARIABLE}"]) from None


def _is_of_openai(agent: Agent[Any], config: RunConfig) -> bool:
    """Whether its model is a name without the prefix of another provider."""
    model = agent.model if config.model is None else config.model
    return model is None or (isinstance(model, str) and (("/" not in model) or model.startswith("openai/")))
