"""What each attempt of the drill asks for, and takes for a leak."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from netra_backend.app.drill import endpoints
from netra_backend.app.drill.actor import DrillFailed, HttpAnswer
from netra_backend.app.drill.judging import Attempt, Row
from tests.unit.drill.stages import GONE, NOT_FOUND, OPEN, stage


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        ({"type": "error", "error": "isolation_violation", "message": "SSOT isolation: …"}, "refused"),
        ({"type": "error", "error": "internal", "message": "a fault"}, "LEAKED"),
        ({"type": "accepted", "message": "SSOT isolation"}, "LEAKED"),
    ],
)
async def test_anothers_thread_must_name_ssot_isolation(answer: dict[str, Any], verdict: str) -> None:
    assert (await endpoints.thread(stage({"": answer}))).verdict == verdict


@pytest.mark.parametrize(
    ("accepted", "verdict"),
    [
        ({"run_id": "run_2", "thread_id": "thr_2"}, "refused"),
        ({"run_id": "run_1", "thread_id": "thr_2"}, "LEAKED"),
        ({"run_id": "run_2", "thread_id": "thr_1"}, "LEAKED"),
    ],
)
async def test_anothers_key_must_give_a_run_of_ones_own(accepted: dict[str, Any], verdict: str) -> None:
    assert (await endpoints.cache_key(stage({"run": accepted}))).verdict == verdict


@pytest.mark.parametrize(
    ("knocked", "verdict"),
    [
        ({"": ('{"type": "error", "error": "user_mismatch"}', 4504)}, "refused"),
        ({"owner": ('{"type": "error"}', 4501), "": ('{"type": "error"}', 4504)}, "LEAKED"),
        ({"": ('{"type": "connected"}', 1000)}, "LEAKED"),
    ],
)
async def test_anothers_path_must_close_as_nobodys_does(knocked: Mapping[str, Any], verdict: str) -> None:
    assert (await endpoints.path_user(stage(knocked))).verdict == verdict


@pytest.mark.parametrize(
    ("endpoint", "mine"),
    [(endpoints.tool_context, "owner"), (endpoints.user_id, "owner"), (endpoints.connection_id, "conn_of_owner")],
)
async def test_a_claim_to_be_another_must_be_refused_as_any_false_claim(endpoint: Attempt, mine: str) -> None:
    refused = {"type": "error", "error": "isolation_violation"}
    assert (await endpoint(stage({"": refused}))).verdict == "refused"
    assert (await endpoint(stage({f'"{mine}"': {"type": "accepted"}, "": refused}))).verdict == "LEAKED"


OWN_LIST = {"": HttpAnswer(200, b'["thr_1"]')}


@pytest.mark.parametrize("secret", ["thr_1", "run_1", "ds_1", "file_1", "canary_1", "owner", "conn_of_owner"])
async def test_a_list_must_hold_nothing_of_another(secret: str) -> None:
    listed = endpoints._listing("a list", "/api/threads")
    assert (await listed(stage({"": HttpAnswer(200, b"[]")}, OWN_LIST))).verdict == "refused"
    leaked = HttpAnswer(200, f"[{secret}]".encode())
    assert (await listed(stage({"": leaked}, OWN_LIST))).verdict == "LEAKED"


async def test_a_list_that_shows_its_owner_nothing_proves_nothing() -> None:
    with pytest.raises(DrillFailed, match="nothing that the drill could look for"):
        await endpoints._listing("a list", "/api/threads")(stage({"": OPEN}, {"": OPEN}))


async def test_the_audit_trail_is_looked_at_when_there_is_a_row_of_the_owner() -> None:
    rows = HttpAnswer(200, b'[{"connection_id": "conn_of_owner"}]')
    owner = {"/api/audit": rows, "": {"type": "error", "error": "factory_command_refused"}}
    assert (await endpoints.audit_trail(stage({"": HttpAnswer(200, b"[]")}, owner))).verdict == "refused"
    assert (await endpoints.audit_trail(stage({"": rows}, owner))).verdict == "LEAKED"


@pytest.mark.parametrize(("status", "verdict"), [(403, "refused"), (404, "LEAKED"), (200, "LEAKED")])
async def test_an_operators_view_must_be_forbidden(status: int, verdict: str) -> None:
    assert (await endpoints.operator(stage({"": HttpAnswer(status, b"not json")}))).verdict == verdict


@pytest.mark.parametrize(("heard", "verdict"), [([], "refused"), (["x"], "refused"), (["a canary_1 b"], "LEAKED")])
async def test_nothing_heard_may_hold_the_canary(heard: list[str], verdict: str) -> None:
    scene = stage({})
    scene.intruder.heard.extend(heard)
    assert (await endpoints.everything_heard(scene)).verdict == verdict


@pytest.mark.parametrize(
    ("endpoint", "mine"),
    [
        (endpoints.run_record, "run_1"),
        (endpoints.run_page, "run_1"),
        (endpoints.export, "thr_1"),
        (endpoints.title, "thr_1"),
        (endpoints.dataset, "ds_1"),
        (endpoints.dataset_report, "ds_1"),
    ],
)
async def test_every_endpoint_of_http_asks_for_what_is_the_owners(endpoint: Attempt, mine: str) -> None:
    row = await endpoint(stage({mine: OPEN, "": GONE}, {mine: OPEN, "": GONE}))
    assert row == Row(row.endpoint, "LEAKED", "200; something that does not exist answers 404 not_found")


async def test_a_resume_from_anothers_position_must_answer_as_an_absent_thread() -> None:
    assert (await endpoints.resume_position(stage({"": NOT_FOUND}))).verdict == "refused"
    assert (await endpoints.resume_position(stage({"thr_1": {"type": "live"}, "": NOT_FOUND}))).verdict == "LEAKED"


EXPORTED = b'{"kind":"thread"}\n{"kind":"blob","ref":"aa11"}\n{"kind":"end"}\n'


@pytest.mark.parametrize(
    ("intruder", "verdict"),
    [
        ({"": GONE}, "refused"),
        ({"aa11": OPEN, "": GONE}, "LEAKED"),
        ({"aa11": HttpAnswer(403, b""), "": GONE}, "LEAKED"),
    ],
)
async def test_a_blob_of_the_owners_thread_is_tried_and_must_be_open_to_the_owner(
    intruder: Mapping[str, Any], verdict: str
) -> None:
    owner = {"export": HttpAnswer(200, EXPORTED), "aa11": OPEN, "": GONE}
    assert (await endpoints.blob(stage(intruder, owner))).verdict == verdict
    with pytest.raises(DrillFailed, match="read another user's blob"):
        await endpoints.blob(stage(intruder, owner | {"aa11": GONE}))


async def test_of_a_thread_without_blobs_one_that_does_not_exist_is_tried() -> None:
    owner = {"export": HttpAnswer(200, b'{"kind":"end"}\n'), "": GONE}
    assert (await endpoints.blob(stage({"": GONE}, owner))).verdict == "refused"
    assert (await endpoints.blob(stage({"": OPEN}, owner))).verdict == "LEAKED"


@pytest.mark.parametrize(
    ("body", "verdict"),
    [
        (b'{"id": "chatcmpl-run_9"}', "refused"),
        (b'{"id": "chatcmpl-run_1"}', "LEAKED"),
        (b'{"x": "canary_1"}', "LEAKED"),
    ],
)
async def test_a_completion_in_anothers_thread_must_be_in_one_of_ones_own(body: bytes, verdict: str) -> None:
    owner = {"/api/runs": HttpAnswer(200, b'["run_1"]'), "": OPEN}
    assert (await endpoints.chat_completion(stage({"": HttpAnswer(200, body)}, owner))).verdict == verdict
    with pytest.raises(DrillFailed, match="as a client of OpenAI's"):
        await endpoints.chat_completion(stage({"": HttpAnswer(200, b'{"id": "x"}')}, owner | {"": GONE}))


@pytest.mark.parametrize(
    ("body", "verdict"), [(b"thr_other", "refused"), (b'{"threadId":"thr_1"}', "LEAKED"), (b"canary_1", "LEAKED")]
)
async def test_a_chat_in_anothers_thread_must_be_in_one_of_ones_own(body: bytes, verdict: str) -> None:
    assert (await endpoints.chat(stage({"": HttpAnswer(200, body)}, {"": OPEN}))).verdict == verdict
    with pytest.raises(DrillFailed, match="as a client of the AI SDK"):
        await endpoints.chat(stage({"": HttpAnswer(200, b"")}, {"": GONE}))
