"""Questions over HTTP, approvals among them: seen by their user, and answered once."""

from __future__ import annotations

import pytest

from netra_backend.app.core.errors import DependencyUnavailable
from netra_backend.app.core.limits import Limits
from netra_backend.app.core.questions import Said
from netra_backend.app.services.questions import Stored
from netra_backend.app.web.api import questions
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
        assert (await device.wire.until("approval_resolved"))["by"] == questions.BY
        assert (await device.wire.until("agent_completed"))["result"]["text"] == "allowed"
        assert (await http.get("/api/approvals")).json()["approvals"] == []
        again = await http.post(f"/api/approvals/{waiting['approval_id']}", json=word)
        assert again.json() == decided.json()
        late = await http.post(f"/api/approvals/{waiting['approval_id']}", json={**word, "decision": "deny"})
        assert (late.status_code, late.json()["error"]) == (404, "not_found")


@pytest.mark.validation_point("question.open")
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
        monkeypatch.setattr(served.runtime.services.questions, "answer", lambda *_: None)
        answer = await http.post("/api/approvals/apr_x1", json={"decision": "deny", "arguments_hash": "0"})
    assert (answer.status_code, answer.json()["error"]) == (503, "dependency_unavailable")


async def test_a_question_is_seen_by_its_user_alone_and_answered_once_by_what_fits(served: Served) -> None:
    user, other = served.user(), served.user()
    async with (
        served.http(user) as http,
        served.http(other) as others,
        served.running(user, "question_asked", agent="curious") as (device, asked),
    ):
        (waiting,) = (await http.get("/api/questions")).json()["questions"]
        assert waiting["question_id"] == asked["question_id"]
        assert (waiting["text"], waiting["schema"]) == ("How many?", {"type": "integer", "minimum": 1})
        assert (waiting["expires_at"], waiting["approval"]) == (asked["expires_at"], None)
        assert (await others.get("/api/questions")).json()["questions"] == []
        address = f"/api/questions/{asked['question_id']}"
        wrong = await http.post(address, json={"answer": 0})
        assert (wrong.status_code, wrong.json()["error"]) == (422, "invalid_answer")
        assert (await others.post(address, json={"answer": 7})).status_code == 404
        answered = await http.post(address, json={"answer": 7})
        assert answered.json() == {"question_id": asked["question_id"]}
        told = await device.wire.until("question_answered")
        assert (told["by"], told["answer"]) == (questions.BY, 7)
        assert (await device.ended_run())["result"]["text"] == "7"
        assert (await http.post(address, json={"answer": 7})).json() == answered.json()
        assert (await http.post(address, json={"answer": 8})).status_code == 404
        assert (await http.get("/api/questions")).json()["questions"] == []


async def test_a_question_is_answered_over_the_socket_and_an_answer_that_does_not_fit_names_its_command(
    served: Served,
) -> None:
    async with served.running(served.user(), "question_asked", agent="curious") as (device, asked):
        await device.wire.until("accepted")
        device.answer(asked["question_id"], "many", id="wrong")
        error = await device.wire.until("error")
        assert (error["error"], error["id"], error["retryable"]) == ("invalid_answer", "wrong", False)
        device.answer(asked["question_id"], 7, id="right")
        assert (await device.wire.until("accepted"))["id"] == "right"
        assert (await device.ended_run())["result"]["text"] == "7"


async def test_an_approval_is_a_question_and_may_be_given_for_other_arguments(served: Served) -> None:
    user = served.user()
    async with (
        served.http(user) as http,
        served.running(user, "approval_requested", agent="waiting") as (device, asked),
    ):
        (waiting,) = (await http.get("/api/questions")).json()["questions"]
        assert (waiting["question_id"], waiting["schema"]) == (asked["approval_id"], asked["response_schema"])
        assert waiting["approval"]["arguments_hash"] == asked["arguments_hash"]
        address, answer = f"/api/questions/{asked['approval_id']}", {"decision": "approve", "reason": "Louder."}
        wrong = await http.post(address, json={"answer": {**answer, "arguments": {"words": "HELLO"}}})
        assert (wrong.status_code, wrong.json()["error"]) == (422, "invalid_answer")
        await http.post(address, json={"answer": {**answer, "arguments": {"text": "HELLO"}, "remember": True}})
        told = await device.wire.until("approval_resolved")
        assert (told["reason"], told["arguments"], told["remember"]) == ("Louder.", {"text": "HELLO"}, True)
        assert (await device.wire.until("tool_executing"))["arguments"] == {"text": "HELLO"}
        assert (await device.wire.until("tool_completed"))["result"]["text"] == "HELLO"


async def test_the_reason_of_a_decision_over_http_is_told(served: Served) -> None:
    user = served.user()
    async with (
        served.http(user) as http,
        served.running(user, "approval_requested", agent="waiting") as (device, asked),
    ):
        word = {"decision": "deny", "arguments_hash": asked["arguments_hash"], "reason": "Too loud."}
        await http.post(f"/api/approvals/{asked['approval_id']}", json=word)
        assert "Too loud." in (await device.wire.until("tool_completed"))["error"]["message"]


@pytest.mark.validation_point("id.placeholder")
async def test_a_placeholder_is_no_question(served: Served) -> None:
    async with served.http(served.user()) as http:
        refused = await http.post("/api/questions/placeholder_1", json={"answer": 1})
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_context")


async def test_an_answer_that_was_taken_and_not_stored_is_to_be_given_again(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = served.user()
    async with (
        served.http(user) as http,
        served.running(user, "question_asked", agent="curious") as (_, asked),
    ):
        questions_here = served.runtime.services.questions

        def lost(owner: str, said: Said, by: str, stored: Stored) -> None:
            stored(DependencyUnavailable("lost"))

        monkeypatch.setattr(questions_here, "answer", lost)
        answered = await http.post(f"/api/questions/{asked['question_id']}", json={"answer": 7})
    assert (answered.status_code, answered.json()["error"]) == (503, "dependency_unavailable")
