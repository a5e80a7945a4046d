"""What users give to agents and programs, tried by another user."""

from __future__ import annotations

import pytest

from netra_backend.app.drill import credentials
from netra_backend.app.drill.actor import DrillFailed, HttpAnswer
from netra_backend.app.drill.judging import Attempt
from tests.unit.drill.stages import GONE, OPEN, stage

MADE = HttpAnswer(201, b'{"id": "of-the-owner"}')


@pytest.mark.parametrize(
    "attempt", [credentials.api_key_deletion, credentials.mcp_server_deletion, credentials.mcp_server_authorization]
)
async def test_what_the_owner_made_is_tried_and_must_be_open_to_the_owner(attempt: Attempt) -> None:
    owner = {"of-the-owner": OPEN, "": MADE}
    assert (await attempt(stage({"": GONE}, owner))).verdict == "refused"
    assert (await attempt(stage({"of-the-owner": OPEN, "": GONE}, owner))).verdict == "LEAKED"
    with pytest.raises(DrillFailed):
        await attempt(stage({"": GONE}, owner | {"of-the-owner": GONE}))


async def test_a_server_that_keeps_no_secrets_is_tried_all_the_same() -> None:
    refused = {"": HttpAnswer(409, b'{"error": "conflict"}')}
    for attempt in (credentials.secret_deletion, credentials.mcp_server_deletion):
        assert (await attempt(stage({"": GONE}, refused))).verdict == "refused"
        assert (await attempt(stage({"": OPEN}, refused))).verdict == "LEAKED"


async def test_keys_are_kept_by_every_server() -> None:
    with pytest.raises(DrillFailed, match="delete another user's API key"):
        await credentials.api_key_deletion(stage({"": GONE}, {"": GONE}))
