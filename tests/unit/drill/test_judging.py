"""How an endpoint is judged: the same bytes for what is another's and what does not exist, and nothing less."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from netra_backend.app.drill import endpoints
from netra_backend.app.drill.actor import DrillFailed, HttpAnswer
from tests.unit.drill.stages import GONE, NOT_FOUND, OPEN, stage


@pytest.mark.parametrize(
    ("intruder", "verdict"),
    [
        ({"": NOT_FOUND}, "refused"),
        ({"run_1": {"type": "accepted", "run_id": "run_1"}, "": NOT_FOUND}, "LEAKED"),
        ({"run_1": {"type": "error", "error": "forbidden"}, "": NOT_FOUND}, "LEAKED"),
        ({"run_1": NOT_FOUND | {"message": "no run_1"}, "": NOT_FOUND | {"message": "no run_absent"}}, "refused"),
        ({"run_1": NOT_FOUND | {"hint": "it is not yours"}, "": NOT_FOUND}, "LEAKED"),
        ({"": {"type": "accepted"}}, "LEAKED"),
    ],
)
async def test_a_frame_must_answer_the_same_for_anothers_and_for_nothing(
    intruder: Mapping[str, Any], verdict: str
) -> None:
    assert (await endpoints.run(stage(intruder))).verdict == verdict


@pytest.mark.parametrize(
    ("intruder", "verdict"),
    [
        ({"": GONE}, "refused"),
        ({"thr_1": OPEN, "": GONE}, "LEAKED"),
        ({"thr_1": HttpAnswer(403, GONE.body), "": GONE}, "LEAKED"),
        ({"thr_1": HttpAnswer(404, b"[]"), "": GONE}, "LEAKED"),
        ({"": OPEN}, "LEAKED"),
    ],
)
async def test_http_must_answer_the_same_bytes_for_anothers_and_for_nothing(
    intruder: Mapping[str, Any], verdict: str
) -> None:
    assert (await endpoints.events(stage(intruder, {"": OPEN}))).verdict == verdict


async def test_an_endpoint_that_its_owner_cannot_open_proves_nothing() -> None:
    with pytest.raises(
        DrillFailed, match="the owner was refused as well \\(read another user's events\\): 404 not_found"
    ):
        await endpoints.events(stage({"": GONE}, {"": GONE}))
    with pytest.raises(DrillFailed, match="cancel another user's run\\): not_found"):
        await endpoints.run(stage({"": NOT_FOUND}, {"": NOT_FOUND}))
