import statistics
from collections.abc import Callable
from typing import Any

import pytest

from netra_backend.app.core.errors import ToolError
from netra_backend.app.usage.importers.formats.azure_llm_2023 import AZURE_LLM_2023

RECORD = {"TIMESTAMP": "2023-11-16 18:17:03.9799600", "ContextTokens": "4808", "GeneratedTokens": "10"}


def test_a_request_is_priced_as_the_model_that_the_user_names(converted: Callable[..., Any]) -> None:
    (row,), _ = converted(AZURE_LLM_2023, RECORD, model="gpt-4o")
    assert (row.model, row.input_tokens, row.output_tokens) == ("gpt-4o", 4808, 10)
    assert row.ts.isoformat() == "2023-11-16T18:17:03.979960+00:00"


def test_without_a_model_it_cannot_be_priced_and_says_so(converted: Callable[..., Any]) -> None:
    with pytest.raises(ToolError, match="names no model"):
        converted(AZURE_LLM_2023, RECORD)


def test_the_published_trace_has_its_published_medians(opened: Callable[..., Any]) -> None:
    rows = opened("azure_llm_2023/AzureLLMInferenceTrace_code.csv", model="gpt-4o")
    assert len(rows) == 8819
    assert statistics.median(row.input_tokens for row in rows) == 1469
    assert statistics.median(row.output_tokens for row in rows) == 13
