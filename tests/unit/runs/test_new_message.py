"""What a request brings into its thread: parts and files, and what it supersedes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from netra_backend.app.agents.interface import AgentResult
from netra_backend.app.core.errors import DependencyUnavailable, FrameRefused, LimitRefused, NotFound
from netra_backend.app.core.events import AgentCancelled, RunQueued, RunSuperseded, StepStarted, UserMessage
from netra_backend.app.core.message_parts import DataPart, FilePart, TextPart
from netra_backend.app.runs.new_message import AttachedFiles


@pytest.fixture
def reader(workshop: Any) -> None:
    """An agent that says what it was given: the parts of its message, its files' content, and what was said before."""

    async def run(scope: Any) -> AgentResult:
        files = [await scope.read_file(part["file_id"]) for part in scope.parts if part["type"] == "file"]
        told = [[(part.get("text") or part["type"]) for part in each.parts] async for each in scope.messages]
        data = {"parts": scope.parts, "files": [each.decode() for each in files], "told": told}
        return AgentResult(f"answer to {scope.message}", data)

    workshop.agent("reader", run)


async def uploaded(workshop: Any, owner: str = "user_ada", content: bytes = b"a,b\n1,2\n") -> str:
    async def parts() -> AsyncIterator[bytes]:
        yield content

    return str((await workshop.files.receive(owner, "text/csv", 0, parts())).file_id)


async def data_of(client: Any, accepted: Any) -> dict[str, Any]:
    return dict((await client.ended(accepted.run_id))[-1].result["data"])


class TestParts:
    async def test_the_agent_gets_the_parts_and_the_files_content(self, workshop: Any, reader: None) -> None:
        client, file_id = workshop.connect(), await uploaded(workshop)
        parts = (DataPart({"n": 1}), FilePart(file_id))
        accepted = await workshop.ask(client, "reader", "Look.", parts=parts, client_run_id="mine")
        data = await data_of(client, accepted)
        assert [part["type"] for part in data["parts"]] == ["text", "data", "file"]
        assert (data["parts"][2]["media"], data["parts"][2]["bytes"], data["files"]) == ("text/csv", 8, ["a,b\n1,2\n"])
        message = client.events[0]
        assert isinstance(message, UserMessage)
        assert (message.text, message.client_run_id, message.parts) == ("Look.", "mine", data["parts"])
        later = await data_of(client, await workshop.ask(client, "reader", thread_id=accepted.thread_id))
        assert later["told"] == [["Look.", "data", "file"], ["answer to Look."]]

    async def test_a_message_may_be_parts_alone(self, workshop: Any, reader: None) -> None:
        client = workshop.connect()
        accepted = await workshop.ask(client, "reader", "", parts=(TextPart("one"), TextPart("two")))
        assert (await client.ended(accepted.run_id))[-1].result["text"] == "answer to one\n\ntwo"

    async def test_after_a_crash_the_run_goes_on_with_its_parts(self, workshop: Any) -> None:
        begun: list[Any] = []

        async def run(scope: Any) -> AgentResult:
            begun.append(scope.parts)
            if len(begun) == 1:
                await asyncio.get_running_loop().create_future()
            return AgentResult("done")

        workshop.agent("reader", run)
        client, file_id = workshop.connect(), await uploaded(workshop)
        accepted = await workshop.ask(client, "reader", "Look.", parts=(FilePart(file_id),))
        await workshop.until(lambda: begun)
        await workshop.kill()
        client = workshop.connect()
        await workshop.turns.recovery.take_over()
        await client.ended(accepted.run_id)
        assert begun[0] == begun[1]
        assert begun[1][1]["file_id"] == file_id

    @pytest.mark.validation_point("file.owned")
    async def test_another_users_file_is_as_one_that_there_is_not(self, workshop: Any, reader: None) -> None:
        client, theirs = workshop.connect(), await uploaded(workshop, "user_bob")
        told = []
        for file_id in (theirs, "file_absent"):
            with pytest.raises(NotFound) as refused:
                await workshop.ask(client, "reader", "Look.", parts=(FilePart(file_id),), thread_id="thr_1")
            told.append((refused.value.message, refused.value.field, refused.value.hint))
        assert told[0] == told[1]
        assert workshop.log.known("thr_1").top == 0
        await workshop.files.owned("user_bob", theirs)

    @pytest.mark.validation_point("file.claimed")
    async def test_a_file_belongs_to_one_message(self, workshop: Any, reader: None) -> None:
        client, file_id = workshop.connect(), await uploaded(workshop)
        accepted = await workshop.ask(client, "reader", "Look.", parts=(FilePart(file_id),))
        await client.ended(accepted.run_id)
        with pytest.raises(FrameRefused, match="A message has this file"):
            await workshop.ask(client, "reader", "Look.", parts=(FilePart(file_id),))

    async def test_a_repeated_key_gives_the_first_answer_and_claims_nothing_anew(
        self, workshop: Any, reader: None
    ) -> None:
        client, file_id = workshop.connect(), await uploaded(workshop)
        first = await workshop.ask(client, "reader", "Look.", id="k1", parts=(FilePart(file_id),))
        assert await workshop.ask(client, "reader", "Look.", id="k1", parts=(FilePart(file_id),)) == first

    async def test_the_files_of_a_refused_request_are_free_again(self, workshop: Any, reader: None) -> None:
        client, file_id = workshop.connect(), await uploaded(workshop)
        workshop.turns.scheduler.draining = True
        with pytest.raises(LimitRefused):
            await workshop.ask(client, "reader", "Look.", parts=(FilePart(file_id),))
        workshop.turns.scheduler.draining = False
        accepted = await workshop.ask(client, "reader", "Look.", parts=(FilePart(file_id),))
        assert (await data_of(client, accepted))["files"] == ["a,b\n1,2\n"]

    async def test_a_thread_that_is_lost_while_files_are_claimed_is_looked_for_again(
        self, workshop: Any, reader: None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        client, file_id = workshop.connect(), await uploaded(workshop)
        claim = workshop.files.claim
        lost: list[str] = []

        async def claim_and_lose(owner: str, file_ids: Any, thread_id: str, run_id: str, **how: bool) -> Any:
            found = await claim(owner, file_ids, thread_id, run_id, **how)
            if not lost:
                lost.append(run_id)
                workshop.log.known(thread_id).fence = 0
            return found

        async def acquire(head: Any) -> Any:
            head.fence = 1
            return []

        monkeypatch.setattr(workshop.files, "claim", claim_and_lose)
        monkeypatch.setattr(workshop.log, "acquire", acquire)
        accepted = await workshop.ask(client, "reader", "Look.", parts=(FilePart(file_id),), thread_id="thr_1")
        assert accepted.run_id != lost[0]
        assert (await data_of(client, accepted))["files"] == ["a,b\n1,2\n"]

    async def test_files_that_cannot_be_released_now_keep_nobody_waiting(
        self, workshop: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def away(*_: Any) -> None:
            raise DependencyUnavailable("The store is away.")

        monkeypatch.setattr(workshop.files, "release", away)
        await AttachedFiles(workshop.files, "user_ada", "run_1").release()


class TestSuperseding:
    async def test_an_edited_message_stands_in_the_place_of_what_came_after(self, workshop: Any, reader: None) -> None:
        client = workshop.connect()
        runs = [await workshop.ask(client, "reader", text, thread_id="thr_1") for text in ("one", "two", "three")]
        for run in runs:
            await client.ended(run.run_id)
        edited = await workshop.ask(client, "reader", "TWO", supersedes=runs[1].run_id)
        assert edited.thread_id == "thr_1"
        assert (await data_of(client, edited))["told"] == [["one"], ["answer to one"]]
        superseded = await client.saw(RunSuperseded)
        assert (superseded.run_id, superseded.by, superseded.since) == (runs[1].run_id, edited.run_id, runs[1].seq)
        assert superseded.seq == edited.seq + 1
        again = await workshop.ask(client, "reader", "four", thread_id="thr_1")
        assert (await data_of(client, again))["told"] == [["one"], ["answer to one"], ["TWO"], ["answer to TWO"]]
        once_more = await workshop.ask(client, "reader", "2", supersedes=edited.run_id)
        assert (await data_of(client, once_more))["told"] == [["one"], ["answer to one"]]

    async def test_an_edited_message_may_bring_the_files_of_its_thread_again_and_further_ones(
        self, workshop: Any, reader: None
    ) -> None:
        client, first, further = workshop.connect(), await uploaded(workshop), await uploaded(workshop)
        asked = await workshop.ask(client, "reader", "Look.", parts=(FilePart(first),))
        await client.ended(asked.run_id)
        edited = await workshop.ask(
            client, "reader", "LOOK.", supersedes=asked.run_id, parts=(FilePart(first), FilePart(further))
        )
        assert (await data_of(client, edited))["files"] == ["a,b\n1,2\n"] * 2
        again = await workshop.ask(client, "reader", "?", supersedes=edited.run_id, parts=(FilePart(further),))
        assert (await data_of(client, again))["files"] == ["a,b\n1,2\n"]
        for file_id in (first, further):
            assert (await workshop.files.owned("user_ada", file_id)).thread_id == asked.thread_id

    @pytest.mark.validation_point("file.claimed")
    async def test_an_edited_message_does_not_get_the_files_of_another_thread(
        self, workshop: Any, reader: None
    ) -> None:
        client, file_id = workshop.connect(), await uploaded(workshop)
        await client.ended((await workshop.ask(client, "reader", "Look.", parts=(FilePart(file_id),))).run_id)
        other = await workshop.ask(client, "reader", "elsewhere")
        await client.ended(other.run_id)
        with pytest.raises(FrameRefused, match="A message has this file"):
            await workshop.ask(client, "reader", "?", supersedes=other.run_id, parts=(FilePart(file_id),))

    async def test_an_edited_message_that_is_refused_leaves_the_files_to_their_thread(
        self, workshop: Any, reader: None
    ) -> None:
        client, first, further = workshop.connect(), await uploaded(workshop), await uploaded(workshop)
        asked = await workshop.ask(client, "reader", "Look.", parts=(FilePart(first),))
        await client.ended(asked.run_id)
        workshop.turns.scheduler.draining = True
        with pytest.raises(LimitRefused):
            await workshop.ask(
                client, "reader", "?", supersedes=asked.run_id, parts=(FilePart(first), FilePart(further))
            )
        threads = [(await workshop.files.owned("user_ada", each)).thread_id for each in (first, further)]
        assert threads == [asked.thread_id, ""]
        await workshop.files.delete("user_ada", further)

    @pytest.mark.parametrize("policy", ["enqueue", "reject"])
    async def test_what_still_goes_on_ends_when_it_is_superseded(self, workshop: Any, gates: Any, policy: str) -> None:
        client = workshop.connect()
        gates.shutting("wait")
        first = await workshop.ask(client, "golden", "wait", thread_id="thr_1")
        second = await workshop.ask(client, "golden", "waits for the first", thread_id="thr_1")
        third = await workshop.ask(client, "golden", "go", supersedes=first.run_id, policy=policy)
        for run in (first, second):
            assert (await client.saw(AgentCancelled, run.run_id)).by == "interrupt"
        await client.ended(third.run_id)

    async def test_a_run_before_what_is_superseded_goes_on(self, workshop: Any, gates: Any) -> None:
        client = workshop.connect()
        gates.shutting("wait")
        first = await workshop.ask(client, "golden", "wait", thread_id="thr_1")
        second = await workshop.ask(client, "golden", "second", thread_id="thr_1")
        with pytest.raises(LimitRefused, match="already in progress"):
            await workshop.ask(client, "golden", "third", supersedes=second.run_id, policy="reject")
        third = await workshop.ask(client, "golden", "third", supersedes=second.run_id)
        assert (await client.saw(RunQueued, third.run_id)).queue_position == 2
        await client.saw(AgentCancelled, second.run_id)
        assert workshop.turns.scheduler.get(first.run_id) is not None
        gates.open()
        await client.ended(third.run_id)

    @pytest.mark.validation_point("run.owned")
    async def test_only_a_run_of_the_same_user_and_thread_can_be_superseded(self, workshop: Any, reader: None) -> None:
        ada, bob = workshop.connect(), workshop.connect("user_bob")
        theirs = await workshop.ask(bob, "reader", thread_id="thr_bob")
        mine = await workshop.ask(ada, "reader", thread_id="thr_1")
        await bob.ended(theirs.run_id)
        await ada.ended(mine.run_id)
        told = []
        for more in (
            {"supersedes": theirs.run_id},
            {"supersedes": "run_absent"},
            {"supersedes": mine.run_id, "thread_id": "thr_2"},
        ):
            with pytest.raises(NotFound) as refused:
                await workshop.ask(ada, "reader", **more)
            told.append((refused.value.message, refused.value.field, refused.value.hint))
        assert told[0] == told[1] == told[2]
        assert len(await bob.ended(theirs.run_id)) == len(bob.events)

    async def test_a_run_that_sleeps_long_ends_when_it_is_superseded(self, workshop: Any) -> None:
        async def run(scope: Any) -> AgentResult:
            if scope.message == "sleep":
                await scope.sleep(3600)
            return AgentResult("done")

        workshop.agent("golden", run)
        client = workshop.connect()
        asleep = await workshop.ask(client, "golden", "sleep", thread_id="thr_1")
        await client.saw(StepStarted, asleep.run_id)
        workshop.turns.tick(workshop.clock.monotonic())
        assert workshop.turns.scheduler.parked.get(asleep.run_id) is not None
        edited = await workshop.ask(client, "golden", "go", supersedes=asleep.run_id)
        assert (await client.saw(AgentCancelled, asleep.run_id)).by == "interrupt"
        await client.ended(edited.run_id)
        assert len(workshop.turns.scheduler.parked) == 0

    async def test_it_ends_also_if_its_process_died_before_it_was_stopped(
        self, workshop: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        woken: list[str] = []

        async def run(scope: Any) -> AgentResult:
            if scope.message == "sleep":
                await scope.sleep(3600)
                woken.append(scope.message)
            return AgentResult("done")

        workshop.agent("golden", run)
        client = workshop.connect()
        asleep = await workshop.ask(client, "golden", "sleep", thread_id="thr_1")
        await client.saw(StepStarted, asleep.run_id)
        workshop.turns.tick(workshop.clock.monotonic())
        monkeypatch.setattr(workshop.turns.waking, "stop", lambda *_: [])
        edited = await workshop.ask(client, "golden", "go", supersedes=asleep.run_id)
        await client.ended(edited.run_id)
        await workshop.kill()
        workshop.clock.advance(s=3600)
        client = workshop.connect()
        await workshop.turns.recovery.take_over()
        assert (await client.saw(AgentCancelled, asleep.run_id)).by == "interrupt"
        assert woken == []
