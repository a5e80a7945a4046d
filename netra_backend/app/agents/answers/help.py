"""What can be asked, how to bring data in, and what is outside."""

from __future__ import annotations

from ...usage.markdown import text
from ..triage_agent import CAPABILITIES
from .asked import Answer, Asked

IMPORTS = (
    "To import usage data, run `netra import FILE`, or upload a file on the page: LiteLLM spend logs, "
    "Langfuse observations, the usage APIs of OpenAI and Anthropic, OpenTelemetry GenAI spans, or any CSV, "
    "JSON Lines or Parquet file with a time, a model and token counts; plain, gzip or zip. If a trace names "
    "no model, name one: `netra import trace.jsonl --model gpt-4o`. A file is imported completely or not at "
    "all; rows that cannot be used are counted, with reasons."
)


def no_data() -> Answer:
    """The answer to every question about data if the user has no data."""
    return Answer(
        f"There is no usage data yet, so there is nothing to compute.\n\n{IMPORTS}",
        {"code": "NO_DATA", "hint": IMPORTS},
    )


async def import_help(asked: Asked) -> Answer:
    """How to bring data in, and what came of the imports so far."""
    lines = [IMPORTS]
    for dataset in asked.profile.get("datasets", ()):
        rejected = f", {dataset['rejected']:,} rejected" if dataset["rejected"] else ""
        lines.append(f"- {text(dataset['name'])} ({text(dataset['format'])}): {dataset['rows']:,} rows{rejected}.")
    return Answer("\n".join([lines[0], "", *lines[1:]]), {"datasets": list(asked.profile.get("datasets", ()))})


async def agent_help(asked: Asked) -> Answer:
    """What can be asked."""
    return Answer(CAPABILITIES)


def refusal() -> Answer:
    """The answer to what is outside."""
    return Answer(f"I cannot help with that. {CAPABILITIES}", {"refused": True})
