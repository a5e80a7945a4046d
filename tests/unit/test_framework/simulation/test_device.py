"""A device keeps to the client rule: told by the frames that come and those that it sends."""

from __future__ import annotations

import json
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from netra_backend.app.core.frames import ExecuteAgent
from test_framework.simulation.device import Command, Device, User
from test_framework.simulation.link import Link
from test_framework.simulation.truth import Truth
from test_framework.simulation.virtual_loop import VirtualLoop


class Server:
    """A server that is played by the test: it notes what comes, and sends what it is told to."""

    def __init__(self) -> None:
        self.loop = VirtualLoop()
        self.truth = Truth()
        self.user = User("user_1")
        self.links: list[Link] = []
        self.got: list[dict[str, Any]] = []
        self.device = Device("d", self.user, self, self.truth, self.loop, Random(1))
        self.pass_time()

    def open_link(self, device: Device) -> Link:
        link = Link(self.loop, device.rng, device, window=device.window, slowest=0.01)
        self.links.append(link)
        link.attach(self)
        return link

    def received(self, raw: bytes | str) -> None:
        self.got.append(json.loads(raw))

    def ponged(self) -> None:
        self.got.append({"type": "pong"})

    def writable(self) -> None:
        """Nothing waits here."""

    def lost(self) -> None:
        """The test knows."""

    def pass_time(self, seconds: float = 2.0) -> None:
        self.loop.call_later(seconds, self.loop.stop)
        self.loop.run_forever()

    def say(self, kind: str, **fields: Any) -> list[dict[str, Any]]:
        """Send a frame; what the device sent because of it."""
        before = len(self.got)
        self.links[-1].send([json.dumps({"type": kind, **fields}).encode()])
        self.pass_time()
        return self.got[before:]

    def event(
        self, seq: int, kind: str = "agent_thinking", thread_id: str = "thr_1", **own: Any
    ) -> list[dict[str, Any]]:
        self.truth.owned.add((thread_id, "user_1"))
        return self.say(kind, thread_id=thread_id, run_id="run_1", seq=seq, **own)

    def top(self, thread_id: str = "thr_1") -> int:
        return self.device.views[thread_id].top


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    server.say("connected")
    yield server
    server.loop.close()


def last_position(sent: list[dict[str, Any]]) -> Any:
    return sent[-1]["positions"]


def test_a_device_asks_for_what_it_missed_as_soon_as_it_is_connected(server: Server) -> None:
    assert server.got == [{"type": "resume", "positions": {}, "id": "d-1"}]


def test_the_next_event_is_taken_and_a_hole_is_asked_for_once(server: Server) -> None:
    server.event(1)
    assert server.event(2) == []
    assert server.top() == 2
    assert last_position(server.event(4)) == {"thr_1": {"epoch": "", "seq": 0}}
    assert server.event(5) == []
    assert server.top() == 2


def test_live_with_the_id_of_the_question_ends_it_and_tells_the_epoch(server: Server) -> None:
    asked = server.event(2)[-1]["id"]
    for seq in (1, 2):
        server.event(seq)
    server.say("live", thread_id="thr_1", epoch="e1", seq=2, id=asked)
    view = server.device.views["thr_1"]
    assert (view.epoch, view.top, view.asked, server.truth.broken) == ("e1", 2, False, [])


def test_live_that_promises_more_than_was_sent_is_a_fault(server: Server) -> None:
    asked = server.event(2)[-1]["id"]
    server.say("live", thread_id="thr_1", epoch="e1", seq=2, id=asked)
    assert [each.partition(":")[0] for each in server.truth.broken] == ["wire"]


def test_the_top_of_a_thread_that_was_not_named_is_asked_for_where_it_is_new(server: Server) -> None:
    sent = server.say("live", thread_id="thr_9", epoch="e1", seq=7)
    assert last_position(sent) == {"thr_9": {"epoch": "", "seq": 0}}
    assert server.say("live", thread_id="thr_8", epoch="e1", seq=0) == []


def test_a_heartbeat_that_tells_more_than_was_seen_is_a_reason_to_ask(server: Server) -> None:
    server.event(1)
    assert server.say("heartbeat", tops={"thr_1": 1}) == []
    assert last_position(server.say("heartbeat", tops={"thr_1": 2})) == {"thr_1": {"epoch": "", "seq": 0}}


def test_a_reset_that_was_asked_for_forgets_the_thread_and_takes_it_from_its_oldest(server: Server) -> None:
    asked = server.event(2)[-1]["id"]
    sent = server.say("reset", thread_id="thr_1", epoch="e2", oldest=5, top=6, id=asked)
    assert last_position(sent) == {"thr_1": {"epoch": "e2", "seq": 4}}
    server.event(5)
    assert server.top() == 5
    server.say("reset", thread_id="thr_1", epoch="e3", oldest=1, top=1, id="d-99")
    assert "nobody asked for" in server.truth.broken[-1]


def test_a_thread_that_is_gone_is_forgotten(server: Server) -> None:
    asked = server.event(2)[-1]["id"]
    server.say("error", error="not_found", id=asked)
    assert "thr_1" not in server.device.views
    assert server.truth.broken == []


def test_a_question_that_cannot_be_answered_now_is_asked_again_and_nothing_is_forgotten(server: Server) -> None:
    for thread_id in ("t", "u"):
        server.event(1, thread_id=thread_id)
    question = server.say("connected")[-1]
    assert list(question["positions"]) == ["t", "u"]
    told = [server.say("error", id=question["id"], error="dependency_unavailable", retryable=True) for _ in "tu"]
    assert [list(asked["positions"]) for (asked,) in told] == [["t"], ["u"]]
    assert set(server.device.views) == {"t", "u"}
    assert server.truth.broken == []


def test_after_a_break_it_comes_back_and_resumes_where_it_surely_was(server: Server) -> None:
    server.say("accepted", id="k", thread_id="thr_2", epoch="e1", run_id="run_1", seq=1)
    server.user.commands["k"] = Command("k", ExecuteAgent("a", "m", id="k"))
    server.say("accepted", id="k", thread_id="thr_1", epoch="e1", run_id="run_1", seq=1)
    server.event(1)
    server.event(1, thread_id="thr_3")  # whose epoch was never told
    server.device.drop(0.0)
    server.pass_time()
    assert len(server.links) == 2
    assert last_position(server.say("connected")) == {"thr_1": {"epoch": "e1", "seq": 1}}


def test_a_request_is_repeated_until_it_is_answered(server: Server) -> None:
    server.user.commands["k"] = Command("k", ExecuteAgent("a", "m", id="k"))
    server.device.request("k")
    server.pass_time()
    assert server.got[-1]["id"] == "k"
    again = server.say("error", error="dependency_unavailable", id="k")
    assert [frame["id"] for frame in again] == ["k"]
    server.device.drop(0.0)
    server.pass_time()
    assert server.say("connected")[-1]["id"] == "k"
    server.say("accepted", id="k", thread_id="thr_1", epoch="e1", run_id="run_1", seq=1)
    assert server.user.commands["k"].accepted == [(0, "thr_1", "run_1", 1)]
    assert server.say("error", error="dependency_unavailable", id="k") == []


def test_a_refusal_for_good_is_an_answer(server: Server) -> None:
    server.user.commands["k"] = Command("k", ExecuteAgent("a", "m", id="k"))
    assert server.say("error", error="isolation_violation", id="k") == []
    assert server.user.commands["k"].is_answered


def test_a_word_about_an_approval_is_repeated_until_it_is_seen_to_count(server: Server) -> None:
    first = server.event(1, "approval_requested", approval_id="apr_1", arguments_hash="h")
    assert {frame["type"] for frame in first} == {"resolve_approval"}
    assert server.say("error", error="not_found", id=first[-1]["id"])[-1]["approval_id"] == "apr_1"
    server.event(2, "approval_resolved", approval_id="apr_1")
    before = len(server.got)
    server.pass_time(10.0)
    assert server.got[before:] == []


@pytest.mark.parametrize("code", [1011, 4501, 4530, 1002])
def test_a_close_that_should_not_have_been_is_a_fault(server: Server, code: int) -> None:
    server.links[-1].close(code, "")
    server.pass_time()
    assert server.truth.broken == [f"closes: d was closed with {code}"]


@pytest.mark.parametrize("code", [1012, 4401, 4408, 4409])
def test_a_close_that_says_come_back_is_not(server: Server, code: int) -> None:
    server.links[-1].close(code, "")
    server.pass_time()
    assert (server.truth.broken, len(server.links)) == ([], 2)


def test_an_event_of_another_user_and_an_internal_fault_are_faults(server: Server) -> None:
    server.say("agent_thinking", thread_id="thr_other", run_id="run_1", seq=1)
    server.say("error", error="internal", message="A fault of ours.")
    assert [each.partition(":")[0] for each in server.truth.broken] == ["owners", "errors"]


def test_other_bytes_in_a_known_place_are_a_fault(server: Server) -> None:
    server.event(1, text="one")
    server.event(1, text="another")
    assert [each.partition(":")[0] for each in server.truth.broken] == ["wire", "bytes"]


def test_it_rests_when_it_has_everything(server: Server) -> None:
    server.event(1)
    assert server.device.unrest({"thr_1": ("e1", 1)}) == ""
    assert "whose top is 2" in server.device.unrest({"thr_1": ("e1", 2)})
    assert "has None of thr_2" in server.device.unrest({"thr_2": ("e1", 1)})
    assert server.device.unrest({"thr_2": ("e1", 0)}) == ""
    server.device.views["thr_1"].epoch = "e0"
    assert "which is now e1" in server.device.unrest({"thr_1": ("e1", 1)})
    server.links[-1].stall()
    assert "does not read" in server.device.unrest({})
    server.device.leave()
    server.pass_time(5.0)
    assert "is not connected" in server.device.unrest({})
    assert len(server.links) == 1
