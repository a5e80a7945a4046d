"""Which line of a run's steps a task is on, so that steps that go on in parallel have the same keys on every replay.

The branch is in a context variable. A task that is created on a branch gets one of its own at that moment, named by its
coroutine: its first step would come too late, in an order that depends on I/O. The factory here does it; a loop without it
still works for agents that begin one step after the other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from types import CodeType, CoroutineType
from typing import Any, Final, NamedTuple

from ...core.step_keys import Branch


class Performing(NamedTuple):
    """The step that a task performs: its name, and the call and attempt that it is recorded as."""

    name: str
    call_id: str
    attempt: int = 1


_BRANCH: Final[ContextVar[Branch | Performing | None]] = ContextVar("netra_branch", default=None)
_OWN: Final[set[CodeType]] = set()


class NotOnABranch(RuntimeError):
    """A step was begun where none can be: inside of another, or outside of its run."""


def enter(branch: Branch) -> None:
    """From here on this task, and what it calls, is on this branch."""
    _BRANCH.set(branch)


class on_branch:
    """``with on_branch(branch)``: this task is on another branch meanwhile. With ``Performing`` it performs that step, and is on
    none."""

    __slots__ = ("_branch", "_token")

    def __init__(self, branch: Branch | Performing) -> None:
        self._branch = branch

    def __enter__(self) -> None:
        self._token = _BRANCH.set(self._branch)

    def __exit__(self, *_: object) -> None:
        _BRANCH.reset(self._token)


def outside() -> Context | None:
    """A context on no branch, for the task of another run; ``None`` if the caller's own is one."""
    if _BRANCH.get() is None:
        return None
    context = copy_context()
    context.run(_BRANCH.set, None)
    return context


def current() -> Branch:
    """The branch that the caller is on. Raises ``NotOnABranch``."""
    branch = _BRANCH.get()
    if isinstance(branch, Branch):
        return branch
    if branch is None:
        raise NotOnABranch("A step can only be begun by its run: keep the scope in the function that it was given to.")
    raise NotOnABranch(
        f"A step cannot be begun inside of another, which would be performed again as a whole: {branch.name!r} is being "
        "performed. Call it from the agent's function, after or beside that step."
    )


def performed() -> Performing | None:
    """The step that the caller performs, if any."""
    branch = _BRANCH.get()
    return branch if isinstance(branch, Performing) else None


def own(method: Callable[..., Coroutine[Any, Any, Any]]) -> Callable[..., Coroutine[Any, Any, Any]]:
    """Marks a coroutine function of the scope's own. Its step got its key when it was called, so a task that performs it
    (``gather`` and ``wait_for`` make some) needs no branch, and counts as none."""
    _OWN.add(method.__code__)
    return method


class _Contained(Coroutine[Any, Any, Any]):
    """A coroutine that is part of a run: what it raises ends the run at most, not the loop."""

    __slots__ = ("_coroutine",)

    def __init__(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        self._coroutine = coroutine

    def __getattr__(self, name: str) -> Any:
        return getattr(self._coroutine, name)  # its name and its frame, for tools that show the task

    def __await__(self) -> Any:
        return self._coroutine.__await__()

    def send(self, value: Any) -> Any:
        try:
            return self._coroutine.send(value)
        except (SystemExit, KeyboardInterrupt) as fault:
            raise _contained(fault) from fault

    def throw(self, *fault: Any) -> Any:
        try:
            return self._coroutine.throw(*fault)
        except (SystemExit, KeyboardInterrupt) as raised:
            raise _contained(raised) from raised

    def close(self) -> None:
        self._coroutine.close()


def _contained(fault: BaseException) -> RuntimeError:
    return RuntimeError(f"the agent raised {type(fault).__name__}")


TaskFactory = Callable[..., asyncio.Future[Any]]


def install(loop: asyncio.AbstractEventLoop) -> None:
    """Have the loop's tasks begin branches. A factory that the loop has is called by this one. May be called again."""
    before: TaskFactory | None = loop.get_task_factory()
    if getattr(before, "begins_branches", False):
        return

    def make(loop: asyncio.AbstractEventLoop, coroutine: Any, *, context: Context | None = None, **more: Any) -> Any:
        parent = _BRANCH.get() if context is None else context.get(_BRANCH)
        if type(parent) is Branch and getattr(coroutine, "cr_code", None) not in _OWN:
            branch = parent.child(getattr(coroutine, "__qualname__", "") or type(coroutine).__name__)
            context = copy_context() if context is None else context
            context.run(_BRANCH.set, branch)
            if type(coroutine) is CoroutineType:
                coroutine = _Contained(coroutine)
        if before is not None:
            return (
                before(loop, coroutine, **more) if context is None else before(loop, coroutine, context=context, **more)
            )
        return asyncio.Task(coroutine, loop=loop, context=context, **more)

    make.begins_branches = True  # type: ignore[attr-defined]  # how it knows itself
    loop.set_task_factory(make)
