"""An owner and an intruder who answer as a script says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

from netra_backend.app.drill.actor import Actor, HttpAnswer
from netra_backend.app.drill.judging import Belongings, Stage

HAS = Belongings("thr_1", "epoch", "run_1", "key_1", "ds_1", "file_1", "canary_1", lambda kind: f"{kind}_absent")
NOT_FOUND = {"type": "error", "error": "not_found"}
GONE = HttpAnswer(404, b'{"error": "not_found"}')


class Scripted:
    """An actor that answers by what it is asked about; it is its own line."""

    def __init__(self, user_id: str, answers: Mapping[str, Any]) -> None:
        self.user_id = user_id
        self.connection_id = f"conn_of_{user_id}"
        self.line = self
        self.heard: list[str] = []
        self._answers = answers

    def _answer(self, asked: str) -> Any:
        return next((answer for about, answer in self._answers.items() if about in asked), self._answers[""])

    async def say(self, frame: Mapping[str, Any], *, about: str = "") -> dict[str, Any]:
        return {"id": "own key", **self._answer(json.dumps(frame))}

    async def run(self, agent: str, message: str, **fields: Any) -> dict[str, Any]:
        return dict(self._answers["run"])

    async def http(self, method: str, path: str, body: bytes | None = None, *, media: str = "") -> HttpAnswer:
        return cast(HttpAnswer, self._answer(path))

    async def knock(self, path_user: str) -> tuple[str, int]:
        return cast(tuple[str, int], self._answer(path_user))


def stage(intruder: Mapping[str, Any], owner: Mapping[str, Any] | None = None) -> Stage:
    actors = [Scripted("owner", owner or {"": {"type": "accepted"}}), Scripted("intruder", intruder)]
    return Stage(cast(Actor, actors[0]), cast(Actor, actors[1]), HAS, "triage_agent")


OPEN = HttpAnswer(200, b"{}")
