"""The script of an agent of each framework under chaos: what its model says, turn by turn.

First it says a text and calls ``charge`` twice in parallel. Then its user is asked: by a deferred tool, an approval, or a node
that interrupts its graph. Then it says what came of all three.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from ..scripted_model import ModelAnswer, ModelRequest, text_of
from ..simulation.workers import Plan, read_plan

PYDANTIC_AI: Final = "pydantic-ai"
LANGGRAPH: Final = "langgraph"
OPENAI_AGENTS: Final = "openai-agents"
FRAMEWORKS: Final = (PYDANTIC_AI, LANGGRAPH, OPENAI_AGENTS)
"""The names of their agents, and of the model that each of them asks."""

CHARGES: Final = (0, 1)
ASKED: Final = 2
"""The number of what the user is asked about."""

_LAST: Final = 3
_TURNS: Final = {0: 0, len(CHARGES): 1, len(CHARGES) + 1: 2}
_PARTS: Final = 4
_PAUSE_S: Final = 0.02
_NUMBER: Final = re.compile(r"""["']number["']:\s*(\d+)""")
_CODE: Final = re.compile(r"[A-Z]+(?:_[A-Z]+)+")

Came = int | str
"""What a model reads of a tool call: the number of its step or the code of an error. What it reads of a question: the answer."""


def turns_of(framework: str) -> tuple[int, ...]:
    """The turns in which the model is asked. A graph asks its user by itself."""
    return (0, 2) if framework == LANGGRAPH else (0, 1, 2)


def text_of_turn(plan: Plan, turn: int, came: Sequence[Came]) -> str:
    """What the model says in this turn, in which it has read so much."""
    return plan.text(turn) if turn < _LAST - 1 else f"{plan.text(_LAST)} {json.dumps(came)}"


def state_of(request: ModelRequest) -> tuple[Plan, int, list[Came]]:
    """The plan of the run that asks, its turn, and what it reads of its calls and of its user. Raises ``ValueError`` if the
    request is of none."""
    messages = request.messages
    for place in range(len(messages) - 1, -1, -1):
        plan = _plan_in(messages[place])
        if plan is not None:
            came = list(_came(messages[place + 1 :]))
            if len(came) in _TURNS:
                return plan, _TURNS[len(came)], came
            raise ValueError(f"{plan.key} has {len(came)} results: {came}")
    raise ValueError("a request without a plan")


def answer(request: ModelRequest) -> ModelAnswer:
    """What the model says. Raises ``ValueError`` if the request is of no run with a plan."""
    plan, turn, came = state_of(request)
    calls: list[tuple[str, Mapping[str, Any]]] = []
    if turn == 0:
        calls = [("charge", {"number": number}) for number in CHARGES]
    elif turn == 1 and request.body["model"] == OPENAI_AGENTS:
        calls = [("gate", {"number": ASKED})]
    elif turn == 1:
        calls = [("choose", {"question": plan.text(ASKED)})]
    text = text_of_turn(plan, turn, came)
    return ModelAnswer(text, calls, parts=_PARTS, pause_s=_PAUSE_S, call=f"call_{plan.key[-12:]}")


def _plan_in(message: Mapping[str, Any]) -> Plan | None:
    if message.get("role") != "user":
        return None
    try:
        return read_plan(text_of(message["content"]))
    except msgspec.MsgspecError:
        return None


def _came(messages: Sequence[Mapping[str, Any]]) -> Iterator[Came]:
    """Results of tools and words of the user, those of parallel calls in the order of their ids."""
    results: list[tuple[str, Came]] = []
    words: list[Came] = []
    for each in messages:
        if each.get("role") == "tool":
            results.append((each["tool_call_id"], _read(text_of(each["content"]))))
        elif each.get("type") == "function_call_output":
            results.append((each["call_id"], _read(text_of(each["output"]))))
        elif each.get("role") == "user":
            words.append(text_of(each["content"]))
    yield from (came for _, came in sorted(results, key=_place))
    yield from words


def _place(result: tuple[str, Came]) -> tuple[bool, str]:
    """``charge`` comes before what is asked."""
    return "_charge_" not in result[0], result[0]


def _read(text: str) -> Came:
    if (number := _NUMBER.search(text)) is not None:
        return int(number[1])
    code = _CODE.search(text)
    return text if code is None else code[0]
