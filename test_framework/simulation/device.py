"""A device of a user: it keeps to the client rule, comes back by itself, and repeats what was not answered."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final, Protocol

import msgspec

from netra_backend.app.core.events import Position
from netra_backend.app.core.frames import AnswerQuestion, CancelRun, ClientFrame, ExecuteAgent, ResolveApproval, Resume

from .link import Cable
from .truth import Truth
from .views import View, WireCheck

ENDS: Final = frozenset({"agent_completed", "agent_failed", "agent_cancelled"})
_COMES_BACK: Final = frozenset({None, 1012, 4401, 4408, 4409, 4410, 4411, 4429})
_EXPECTED_FINAL: Final = frozenset({"isolation_violation", "not_found", "thread_busy"})


class Came(msgspec.Struct):
    """Any server frame, as far as a device looks at it."""

    type: str
    id: str | None = None
    thread_id: str = ""
    epoch: str = ""
    run_id: str = ""
    seq: int = 0
    oldest: int = 0
    top: int = 0
    error: Any = None
    message: str = ""
    retryable: bool = False
    code: int | None = None
    tops: dict[str, int] = {}
    approval_id: str = ""
    arguments_hash: str = ""
    question_id: str = ""
    text: str = ""


_READ: Final = msgspec.json.Decoder(Came).decode
_WRITE: Final = msgspec.json.Encoder().encode


@dataclass(slots=True)
class Command:
    """A request under its idempotency key; ``accepted`` holds (era, thread, run, seq) of every answer."""

    key: str
    frame: ExecuteAgent
    accepted: list[tuple[int, str, str, int]] = field(default_factory=list)
    refused: str = ""

    @property
    def is_answered(self) -> bool:
        return bool(self.accepted) or bool(self.refused)


class User:
    """A user and what all of the user's devices share: requests by key, and threads in the order of their first event."""

    def __init__(self, user_id: str) -> None:
        self.user_id = user_id
        self.commands: dict[str, Command] = {}
        self.threads: dict[str, None] = {}
        self.runs: dict[str, None] = {}


class Server(Protocol):
    """Where devices connect to."""

    def open_link(self, device: Device) -> Cable:
        """Begin to connect; what comes of it is told to the device later, never while this is called."""


class Device:
    """One device. Everything it does is a reaction to a frame, a timer, or an action of the schedule."""

    def __init__(
        self, name: str, user: User, server: Server, truth: Truth, loop: asyncio.AbstractEventLoop, rng: Random
    ) -> None:
        self.name = name
        self.user = user
        self.views: dict[str, View] = {}
        self.archive: list[View] = []
        self.link: Cable | None = None
        self.is_open = False
        self.misrouted = False
        self._has_left = False
        self._server = server
        self._truth = truth
        self._loop = loop
        self.rng = rng
        self.window = rng.choice([1500, 4000, 64_000])
        self._keys = 0
        self._questions: dict[str, deque[str]] = {}
        self._check = WireCheck(set())
        self._era = 0
        self._asked: dict[str, Came] = {}
        self._loop.call_later(rng.random(), self.connect)

    # --- coming and going -------------------------------------------------------------------------------------------

    def connect(self) -> None:
        """Come (back)."""
        if self.link is None and not self._has_left:
            self.link = self._server.open_link(self)
            self._check = WireCheck(self.link.missing)
            self._era = self._truth.era

    def leave(self) -> None:
        """Go, and do not come back."""
        self._has_left = True
        self.drop(0.0)

    def drop(self, noticed_after: float | None) -> None:
        """Lose the connection."""
        if self.link is not None:
            self.link.cut(noticed_after)
            self.ended(self.link, None)

    def ended(self, link: Cable, code: int | None) -> None:
        """``link.Near``."""
        if link is not self.link:
            return
        if code not in _COMES_BACK and not (code == 4530 and self.misrouted):
            self._truth.broke(f"closes: {self.name} was closed with {code}")
        self.link = None
        self.is_open = False
        self._questions.clear()
        for thread_id, view in list(self.views.items()):
            view.unsettle()
            if view.epoch is None:  # whether it will be the same history cannot be known
                self._forget(thread_id)
        self._loop.call_later(0.05 + self.rng.random(), self.connect)

    def _forget(self, thread_id: str) -> None:
        view = self.views.pop(thread_id)
        del view.frames[view.settled :]
        self.archive.append(view)
        self._drop_asked(lambda asked: asked.thread_id == thread_id)

    def _drop_asked(self, is_over: Callable[[Came], bool]) -> None:
        self._asked = {key: asked for key, asked in self._asked.items() if not is_over(asked)}

    # --- asking -----------------------------------------------------------------------------------------------------

    def send(self, frame: ClientFrame) -> None:
        """Send a frame, where there is a connection."""
        if self.is_open and self.link is not None:
            self.link.send_up(_WRITE(frame).decode())

    def request(self, key: str) -> None:
        """Send one of the user's requests, now and after every interruption until it is answered."""
        self.send(self.user.commands[key].frame)

    def new_key(self) -> str:
        """A key that nobody used."""
        self._keys += 1
        return f"{self.name}-{self._keys}"

    def cancel(self, run_id: str) -> None:
        """Ask for a run to be stopped."""
        self.send(CancelRun(run_id, self.new_key()))

    def pry(self, thread_id: str) -> None:
        """Ask for another user's thread."""
        self._check.resumed(thread_id, 0)  # it may have become this user's own meanwhile
        self._ask({thread_id: Position("", 0)})

    def resume(self, thread_ids: list[str]) -> None:
        """Ask for what is missing."""
        positions = {}
        for thread_id in thread_ids:
            view = self.views[thread_id]
            view.asked = True
            if not view.top:
                view.epoch = None  # of nothing, any history is the continuation
            positions[thread_id] = Position(view.epoch or "", view.top if view.epoch else 0)
            self._check.resumed(thread_id, positions[thread_id].seq)
        self._ask(positions)

    def _ask(self, positions: dict[str, Position]) -> None:
        key = self.new_key()
        self._questions[key] = deque(positions)
        self.send(Resume(positions, key))

    # --- what comes -------------------------------------------------------------------------------------------------

    def came(self, link: Cable, raw: bytes) -> None:
        """``link.Near``."""
        if link is not self.link:
            return
        self._truth.note(raw)
        frame = _READ(raw)
        answer: Callable[[Came], None] | None = getattr(self, f"_on_{frame.type}", None)
        if answer is not None:
            answer(frame)
        else:
            self._event(frame, raw)

    def _on_connected(self, frame: Came) -> None:
        self.is_open = True
        self.resume(list(self.views))
        for key, command in self.user.commands.items():
            if not command.is_answered:
                self.request(key)

    def _event(self, frame: Came, raw: bytes) -> None:
        thread_id = frame.thread_id
        if (thread_id, self.user.user_id) not in self._truth.owned:
            self._truth.broke(f"owners: {self.name} got an event of {thread_id}")
            return
        self.user.threads[thread_id] = None
        if not self._check.is_in_order(thread_id, frame.seq):
            self._truth.broke(f"wire: {self.name} got {frame.seq} of {thread_id} out of order")
        view = self.views.get(thread_id)
        if view is None:
            view = self.views[thread_id] = View(thread_id)
        outcome = view.take(frame.seq, raw)
        if outcome == "taken":
            self._look_at(frame)
        elif outcome == "other" and not view.asked:
            self._truth.broke(f"bytes: {self.name} got another event at {frame.seq} of {thread_id}")
        elif outcome == "hole" and not view.asked:
            self.resume([thread_id])

    def _look_at(self, frame: Came) -> None:
        if frame.type == "agent_started":
            self.user.runs[frame.run_id] = None
        elif frame.type in ("approval_requested", "question_asked"):
            question_id = frame.approval_id or frame.question_id
            self._asked[question_id] = frame
            self._loop.call_later(self.rng.random(), self._decide, question_id)
        elif frame.type in ("approval_resolved", "question_answered"):
            self._asked.pop(frame.approval_id or frame.question_id, None)
        elif frame.type in ENDS:
            self._drop_asked(lambda asked: asked.run_id == frame.run_id)

    def _decide(self, question_id: str) -> None:
        """Say a word, and say it again until it is seen in the thread that somebody's word counted. Devices do not agree, and
        what they say to a question does not always fit."""
        asked = self._asked.get(question_id)
        if asked is not None:
            key = self.new_key()
            if asked.type == "approval_requested":
                word: Any = "approve" if self.rng.random() < 0.7 else "deny"
                self.send(ResolveApproval(question_id, word, asked.arguments_hash, key))
            else:
                fits = self.rng.random() < 0.8
                self.send(AnswerQuestion(question_id, f"{asked.text}={self.name}" if fits else 7, key))
            self._loop.call_later(2.0, self._decide, question_id)

    def _on_accepted(self, frame: Came) -> None:
        command = self.user.commands.get(frame.id or "")
        if command is None:
            return
        command.accepted.append((self._era, frame.thread_id, frame.run_id, frame.seq))
        if frame.thread_id not in self.views:
            self.views[frame.thread_id] = View(frame.thread_id)
        view = self.views[frame.thread_id]
        if view.epoch is None:
            view.epoch = frame.epoch

    def _on_live(self, frame: Came) -> None:
        view = self.views.get(frame.thread_id)
        is_answer = self._is_answer(frame)
        if view is None:
            if frame.seq:
                self.views[frame.thread_id] = View(frame.thread_id, frame.epoch)
                self.resume([frame.thread_id])
            return
        if view.epoch is None:
            view.epoch = frame.epoch
        if is_answer:
            view.settle()
            if view.epoch != frame.epoch:
                self._truth.broke(f"epochs: {self.name} resumed {frame.thread_id} into another history")
            if view.top < frame.seq:
                self._truth.broke(f"wire: {self.name} is live at {frame.seq} of {frame.thread_id} but has {view.top}")
        if view.top < frame.seq and not view.asked:
            self.resume([frame.thread_id])

    def _on_reset(self, frame: Came) -> None:
        if not self._is_answer(frame):
            self._truth.broke(f"wire: {self.name} was told a reset of {frame.thread_id} that nobody asked for")
            return
        self._forget(frame.thread_id)
        self.views[frame.thread_id] = View(frame.thread_id, frame.epoch, frame.oldest)
        if frame.top >= frame.oldest:
            self.resume([frame.thread_id])

    def _on_heartbeat(self, frame: Came) -> None:
        for thread_id, top in frame.tops.items():
            view = self.views.setdefault(thread_id, View(thread_id))
            if view.top < top and not view.asked:
                self.resume([thread_id])

    def _on_error(self, frame: Came) -> None:
        if frame.error in ("internal", "cross_user_delivery"):
            self._truth.broke(f"errors: {self.name} was told {frame.error}: {frame.message}")
        command = self.user.commands.get(frame.id or "")
        if command is not None:
            self._refused(command, frame)
            return
        question = self._questions.get(frame.id or "")
        if question:
            thread_id = question.popleft()
            if frame.retryable:
                self._loop.call_later(0.2 + self.rng.random(), self._ask_again, self.link, thread_id)
                return
            self._check.forgotten(thread_id)
            if frame.error == "not_found" and self._truth.is_there(thread_id, self.user.user_id):
                self._truth.broke(f"requests: {self.name} was told that {thread_id} is not there")
            if thread_id in self.views:
                self._forget(thread_id)

    def _ask_again(self, link: Cable | None, thread_id: str) -> None:
        """What could not be answered: over another connection it was asked anew anyway."""
        if link is self.link and thread_id in self.views:
            self.resume([thread_id])

    def _refused(self, command: Command, frame: Came) -> None:
        if frame.error in _EXPECTED_FINAL:
            command.refused = str(frame.error)
        else:
            self._loop.call_later(0.2 + self.rng.random(), self._again, command.key)

    def _again(self, key: str) -> None:
        if not self.user.commands[key].is_answered:
            self.request(key)

    def _on_pong(self, frame: Came) -> None:
        """Nothing hangs on it."""

    def _on_drain(self, frame: Came) -> None:
        """The close that follows says enough."""

    def _is_answer(self, frame: Came) -> bool:
        """Whether this answers a ``resume`` that named the thread; answers come in the order of the names."""
        question = self._questions.get(frame.id or "")
        if question is None:
            return False
        if not question or question.popleft() != frame.thread_id:
            self._truth.broke(f"wire: {self.name} was answered out of order about {frame.thread_id}")
        self._check.answered(frame.thread_id, frame.seq if frame.type == "live" else frame.top)
        return True

    # --- the end ----------------------------------------------------------------------------------------------------

    def unrest(self, tops: dict[str, tuple[str, int]]) -> str:
        """What this device still waits for; empty where it has everything of its user's ``tops`` (epoch and position)."""
        if not self.is_open:
            return f"{self.name} is not connected"
        if self.link is not None and self.link.stalled:
            return f"{self.name} does not read"
        for thread_id, (epoch, top) in tops.items():
            view = self.views.get(thread_id)
            if (view is None and top) or (view is not None and (view.top != top or view.asked)):
                return f"{self.name} has {view and view.top} of {thread_id}, whose top is {top}"
            if view is not None and view.epoch not in (None, epoch):
                return f"{self.name} has {thread_id} of epoch {view.epoch}, which is now {epoch}"
        waiting = [id for id, asked in self._asked.items() if asked.thread_id in tops]
        return f"{self.name} waits for a decision on {waiting}" if waiting else ""
