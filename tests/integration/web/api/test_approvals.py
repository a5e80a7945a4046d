"""Approvals over HTTP: seen by their user, and decided once."""

from __future__ import annotations

import pytest

from netra_backend.app.core.limits import Limits
from netra_backend.app.web.api import approvals
from test_framework.served import Serve, Served

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_call_that_waits_is_seen_by_its_user_alone_and_goes_on_when_it_is_approved(served: Served) -> None:
    user, other = served.user(), served.user()
    async with (
        served.http(user) as http,
        served.http(other) as others,
        served.running(user, "approval_requested", agent="waiting") as (device, asked),
    ):
        (waiting,) = (await http.get("/api/approvals")).json()["approvals"]
        assert waiting["approval_id"] == asked["approval_id"]
        assert waiting["arguments"] == {"text": "hello"}
        assert (await others.get("/api/approvals")).json()["approvals"] == []
        word = {"decision": "approve", "arguments_hash": waiting["arguments_hash"]}
        decided = await http.post(f"/api/approvals/{waiting['approval_id']}", json=word)
        assert decided.json() == {"approval_id": asked["approval_id"], "decision": "approve"}
        assert (await device.wire.until("approval_resolved"))["by"] == approvals.BY
        assert (await device.wire.until("agent_completed"))["result"]["text"] == "allowed"
        assert (await http.get("/api/approvals")).json()["approvals"] == []
        again = await http.post(f"/api/approvals/{waiting['approval_id']}", json=word)
        assert again.json() == decided.json()
        late = await http.post(f"/api/approvals/{waiting['approval_id']}", json={**word, "decision": "deny"})
        assert (late.status_code, late.json()["error"]) == (404, "not_found")


@pytest.mark.validation_point("approval.open")
async def test_a_decision_about_other_arguments_counts_for_nothing(served: Served) -> None:
    user = served.user()
    async with (
        served.http(user) as http,
        served.running(user, "approval_requested", agent="waiting") as (_, asked),
    ):
        word = {"decision": "approve", "arguments_hash": "0" * 64}
        refused = await http.post(f"/api/approvals/{asked['approval_id']}", json=word)
        assert refused.status_code == 404
        assert len((await http.get("/api/approvals")).json()["approvals"]) == 1


@pytest.mark.validation_point("http.body_json")
async def test_another_word_than_yes_or_no_is_refused(served: Served) -> None:
    async with served.http(served.user()) as http:
        refused = await http.post("/api/approvals/apr_x1", json={"decision": "maybe", "arguments_hash": "0"})
        assert (refused.status_code, refused.json().get("field")) == (400, "decision")


async def test_whether_a_decision_was_stored_is_not_promised_before_it_is(
    serve_with: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serve_with(limits=Limits(decision_s=0.0)) as served, served.http(served.user()) as http:
        monkeypatch.setattr(served.runtime.services.approvals, "resolve", lambda *word: None)
        answer = await http.post("/api/approvals/apr_x1", json={"decision": "deny", "arguments_hash": "0"})
    assert (answer.status_code, answer.json()["error"]) == (503, "dependency_unavailable")
