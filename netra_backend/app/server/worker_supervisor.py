"""Runs several processes on one machine: copies of this one, which end with it however it ends.

The parent does nothing but wait; it serves nobody, so nothing that a client sends can bring it down. A process is a fork of
it: it has all modules loaded, shares their memory with the others, and is of the same version whatever lies on the disk by
then. The parent must have no threads.
"""

from __future__ import annotations

import logging
import os
import select
import selectors
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable
from typing import Final, NoReturn

from .worker_policy import Announce, Effect, End, Kill, Leave, Start, WorkerPoolPolicy

_LOG: Final = logging.getLogger("netra.supervisor")
_HANDLED: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)
_READ: Final = 65_536

Work = Callable[[int, Callable[[], None]], object]
"""What the process in a slot (1, 2, 3 …) does. It calls what it is given once it is ready, and ends with ``SystemExit`` or
by returning."""


POLL_S: Final = 0.5
"""How often it is looked whether the code has changed."""


def supervise(
    size: int, work: Work, announce: Callable[[], None], *, changed: Callable[[], str | None] | None = None
) -> int:
    """Keep ``size`` processes at ``work`` until SIGTERM or SIGINT; the exit code.

    ``announce`` is called once, when all are ready for the first time. ``changed``, for development, says which file of the
    code has changed since it was last asked: the processes are renewed then, and only then is one that ended replaced.
    """
    return _Supervisor(size, work, announce, changed).run()


class _Supervisor:
    def __init__(
        self, size: int, work: Work, announce: Callable[[], None], changed: Callable[[], str | None] | None
    ) -> None:
        self._policy = WorkerPoolPolicy(size, waits_for_code=changed is not None)
        self._changed = changed
        self._poll_at = 0.0
        self._work = work
        self._announce = announce
        self._code: int | None = None
        self._lifeline = os.pipe()  # nothing is ever written: its end is the parent's end
        self._reports = os.pipe()
        self._signals = os.pipe()
        for end in (*self._signals, self._reports[0]):
            os.set_blocking(end, False)

    def run(self) -> int:
        previous = {number: signal.signal(number, lambda *_: None) for number in _HANDLED}
        woken = signal.set_wakeup_fd(self._signals[1])
        try:
            with selectors.DefaultSelector() as selector:
                selector.register(self._signals[0], selectors.EVENT_READ)
                selector.register(self._reports[0], selectors.EVENT_READ)
                self._carry_out(self._policy.begin())
                while self._code is None:
                    planned = [self._policy.due, None if self._changed is None else self._poll_at]
                    due = min((each for each in planned if each is not None), default=None)
                    selector.select(None if due is None else max(0.0, due - time.monotonic()))
                    self._poll()
            return self._code
        finally:
            signal.set_wakeup_fd(woken)
            for number, handler in previous.items():
                signal.signal(number, handler)
            for end in (*self._lifeline, *self._reports, *self._signals):
                os.close(end)

    def _poll(self) -> None:
        """Hand over what has happened: signals first, so that no process is replaced whose end was asked for."""
        now = time.monotonic()
        if {signal.SIGTERM, signal.SIGINT} & set(_read(self._signals[0])):
            _LOG.info("stopping")
            self._carry_out(self._policy.stop(now))
        for line in _read(self._reports[0]).splitlines():
            self._carry_out(self._policy.ready(int(line), now))
        for pid in self._policy.pids:
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                code = os.waitstatus_to_exitcode(status)
                _LOG.log(logging.WARNING if code else logging.INFO, "a process ended", extra={"pid": pid, "code": code})
                self._carry_out(self._policy.ended(pid, code in (0, -signal.SIGTERM), now))
        if self._changed is not None and now >= self._poll_at:
            self._poll_at = now + POLL_S
            if name := self._changed():
                _LOG.info("%s has changed: starting anew", name)
                self._carry_out(self._policy.renew(now))
        self._carry_out(self._policy.tick(now))

    def _carry_out(self, effects: Iterable[Effect]) -> None:
        for effect in effects:
            match effect:
                case Start(slot):
                    self._carry_out(self._policy.started(slot, self._start(slot)))
                case Announce():
                    self._announce()
                case End(pid):
                    os.kill(pid, signal.SIGTERM)  # not reaped yet, so the number is still that process's
                case Kill(pid):
                    _LOG.error("a process did not end in time and was killed", extra={"pid": pid})
                    os.kill(pid, signal.SIGKILL)
                case Leave(code):
                    self._code = code

    def _start(self, slot: int) -> int:
        sys.stdout.flush()
        sys.stderr.flush()
        # A signal that came to the copy while it still has our handlers would be lost.
        signal.pthread_sigmask(signal.SIG_BLOCK, _HANDLED)
        pid = os.fork()
        if pid == 0:
            self._be_in(slot)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _HANDLED)
        return pid

    def _be_in(self, slot: int) -> NoReturn:
        """What a copy does instead of going on as the parent. It never returns into the parent's code."""
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            for number in _HANDLED:
                signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _HANDLED)
            os.close(self._lifeline[1])
            threading.Thread(target=_end_with, args=(self._lifeline[0],), daemon=True).start()
            self._work(slot, self._report)
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
        except KeyboardInterrupt:
            code = 0
        except BaseException:
            _LOG.exception("a process failed")
        finally:
            logging.shutdown()
            sys.stdout.flush()
            os._exit(code)

    def _report(self) -> None:
        os.write(self._reports[1], b"%d\n" % os.getpid())


def _end_with(lifeline: int) -> None:
    """End this process at once when the parent has ended, in whatever it is doing; what it told anybody is committed."""
    poll = select.poll()
    poll.register(lifeline, 0)
    poll.poll()
    os.kill(os.getpid(), signal.SIGKILL)


def _read(pipe: int) -> bytes:
    try:
        return os.read(pipe, _READ)
    except BlockingIOError:
        return b""
