"""How an attempt of the drill is judged: what is another's must give the same bytes as what does not exist."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from .actor import Actor, DrillFailed, Frame, HttpAnswer

REFUSED: Final = "refused"
LEAKED: Final = "LEAKED"


@dataclass(frozen=True, slots=True)
class Belongings:
    """What the owner has, and ids of the same kind that nobody has."""

    thread_id: str
    epoch: str
    run_id: str
    key: str
    dataset_id: str
    file_id: str
    canary: str
    absent: Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Row:
    """What became of one endpoint: ``refused`` or ``LEAKED``, and what was answered."""

    endpoint: str
    verdict: str
    answer: str


@dataclass(frozen=True, slots=True)
class Stage:
    """An owner with belongings, and an intruder."""

    owner: Actor
    intruder: Actor
    has: Belongings
    agent: str


Attempt = Callable[[Stage], Awaitable[Row]]
"""Tries one endpoint."""


def shown(answer: Frame | HttpAnswer) -> str:
    """An answer in a few words."""
    if isinstance(answer, HttpAnswer):
        try:
            told = json.loads(answer.body).get("error", "")
        except (ValueError, AttributeError):
            told = ""
        return f"{answer.status} {told}".strip()
    return str(answer.get("error") or answer["type"])


def _bytes(answer: Frame | HttpAnswer, *ids: str) -> str:
    """An answer without what was chosen by the asker: its key, and the id it asked for."""
    if isinstance(answer, HttpAnswer):
        text = f"{answer.status} {answer.body.decode(errors='replace')}"
    else:
        text = json.dumps({name: value for name, value in answer.items() if name != "id"}, sort_keys=True)
    for id in ids:
        text = text.replace(id, "…")
    return text


def is_refusal(answer: Frame | HttpAnswer) -> bool:
    """Whether it refuses."""
    return answer.status >= 400 if isinstance(answer, HttpAnswer) else answer["type"] == "error"


def judged(endpoint: str, foreign: Frame | HttpAnswer, absent: Frame | HttpAnswer, *ids: str) -> Row:
    """Refused, if what is another's is refused with the same bytes as what does not exist; the ``ids`` of both are left out."""
    if is_refusal(foreign) and _bytes(foreign, *ids) == _bytes(absent, *ids):
        return Row(endpoint, REFUSED, shown(foreign))
    return Row(endpoint, LEAKED, f"{shown(foreign)}; something that does not exist answers {shown(absent)}")


def opened(endpoint: str, answer: Frame | HttpAnswer) -> None:
    """Raises ``DrillFailed`` if the owner was refused: an endpoint that serves nobody proves nothing."""
    if is_refusal(answer):
        raise DrillFailed(f"the owner was refused as well ({endpoint}): {shown(answer)}")


async def by_frame(
    endpoint: str, stage: Stage, frame: Callable[[str], Frame], mine: str, kind: str, about: bool
) -> Row:
    """One endpoint of the WebSocket, tried with an id of the owner's (``mine``) and with one that nobody has."""
    absent = stage.has.absent(kind)
    foreign = await stage.intruder.say(frame(mine), about=mine if about else "")
    nothing = await stage.intruder.say(frame(absent), about=absent if about else "")
    row = judged(endpoint, foreign, nothing, mine, absent)
    opened(endpoint, await stage.owner.say(frame(mine), about=mine if about else ""))
    return row


async def by_http(
    endpoint: str, stage: Stage, method: str, path: str, mine: str, kind: str, body: bytes | None = None
) -> Row:
    """One endpoint of HTTP, tried with an id of the owner's (``mine``) and with one that nobody has."""
    absent = stage.has.absent(kind)
    foreign = await stage.intruder.line.http(method, path.format(mine), body)
    nothing = await stage.intruder.line.http(method, path.format(absent), body)
    row = judged(endpoint, foreign, nothing, mine, absent)
    opened(endpoint, await stage.owner.line.http(method, path.format(mine), body))
    return row
