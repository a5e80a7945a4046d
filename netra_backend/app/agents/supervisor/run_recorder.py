"""What all steps of one run share: what was recorded, what is being recorded, and what the run has used so far."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, NoReturn

from ...core.asks import Ask
from ...core.errors import DependencyUnavailable, Fault, OutcomeUnknown, StateConflict, ToolError
from ...core.events import TERMINAL, AgentDelta, Event, ModelCompleted, RunSuspended, StepFinished
from ...core.hidden_values import HiddenValues
from ...core.journal import CANCELLED, Diverged, Journal, Perform, Recorded, Unknown
from ...core.plans import Plan
from ...services.event_emitter import AGAIN_S, UserEventEmitter
from ...services.hiding import hiding
from .branches import performed
from .live_text import LiveText
from .run_services import RunServices

if TYPE_CHECKING:
    from ..mcp.run_sessions import RunSessions

_COUNTED: Final = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens")

UNKNOWN: Final = {
    "code": "OUTCOME_UNKNOWN",
    "message": "The call had started, but its outcome is unknown.",
    "hint": "Check what it did before you ask for it again.",
}
STATE_CONFLICT: Final = "STATE_CONFLICT"
_ENDS: Final = frozenset((*TERMINAL, StepFinished, ModelCompleted))
"""Events after which nothing more of a call, or of the run, is streamed."""

_Source = tuple[str, int, str, str]
"""What streams: the call, its attempt, the agent's step on whose behalf it is, and the kind of text."""
BROKEN_OFF: Final = {
    "code": CANCELLED,
    "message": "The agent broke the call off.",
    "hint": "It may have taken effect: check before you ask for it again.",
}


class UnderWay:
    """``with under_way:`` counts a step that is under way."""

    __slots__ = ("count",)

    def __init__(self) -> None:
        self.count = 0

    def __enter__(self) -> None:
        self.count += 1

    def __exit__(self, *_: object) -> None:
        self.count -= 1


class RunRecorder:
    """One run's journal and emitter, with its usage by model. ``stopping`` says that it is the server that cancels the
    run's task now, not the agent."""

    __slots__ = (
        "_held",
        "_live",
        "_shown",
        "emit",
        "emitter",
        "hidden",
        "journal",
        "mcp",
        "performing",
        "plan",
        "read",
        "services",
        "sleeping",
        "stopping",
        "usage",
    )

    def __init__(
        self, emitter: UserEventEmitter, journal: Journal, services: RunServices, plan: Plan | None = None
    ) -> None:
        self.emitter = emitter
        self.emit: Callable[..., bool] = emitter.emit
        """Records an event, after what is being streamed. As ``UserEventEmitter.emit``."""
        self.hidden = HiddenValues()
        """The secrets that the run was given: nothing that is recorded of it shows one."""
        self.journal = journal
        self.services = services
        self.plan = plan
        self.stopping = False
        self.read: dict[str, str] = {}
        """What this run has last read or set of its user's values: their digests by their keys."""
        self.performing = UnderWay()
        """How many steps are under way that more than time has to end."""
        self.sleeping: dict[str, int] = {}
        """The pauses that are under way: when they end (ms since 1970 UTC), by their calls."""
        self.usage: dict[str, dict[str, Any]] = {}
        self.mcp: RunSessions | None = None
        """The sessions with the user's MCP servers, since they were first asked for."""
        self._live: LiveText[_Source] | None = None
        self._held: dict[_Source, str] = {}
        self._shown: dict[str, str] = {}

    @property
    def model_tokens(self) -> int:
        """The tokens of a model's answer for which the agent sets no bound."""
        return self.services.model_tokens if self.plan is None else self.plan.limits.model_tokens

    def next(self, key: str, ask: Ask) -> Recorded | Perform | Unknown:
        """What is recorded of a step. Raises ``Fault`` if it was another one."""
        answer = self.journal.next(key, ask)
        if isinstance(answer, Diverged):
            asked = self.hidden.text(str(ask))[:200]
            raise Fault(
                f"The agent is not deterministic: it recorded {answer.recorded} as {key}, but now asks for {asked}"
            )
        return answer

    def hide(self, value: str) -> None:
        """The run was given this secret."""
        self.hidden.add(value)
        self.emitter.hidden = self.hidden
        hiding(self.hidden)

    async def hide_again(self) -> None:
        """Hide the secrets that the run was given before it was resumed, once their store can be read: a run that does not know
        what to hide does not go on."""
        left, secrets = sorted(self.journal.secrets), self.services.secrets
        while left and secrets is not None:
            try:
                self.hide(await secrets.value(self.emitter.user_id, left[-1]))
            except DependencyUnavailable:
                await asyncio.sleep(AGAIN_S)
                continue
            except KeyError:  # it was deleted: the run will not be given it again
                pass
            left.pop()

    @property
    def asleep_until(self) -> int:
        """When the run goes on (ms since 1970 UTC), if nothing but time makes it; else 0."""
        return 0 if self.performing.count or not self.sleeping else min(self.sleeping.values())

    def suspend(self, reason: str) -> None:
        """The run is ``waiting`` for its user or a time, or its server is ``draining``. If it was resumed, and has not got
        further since, that is recorded: it is not the run's doing if its process ends now."""
        if self.journal.beginnings > 1:
            self.journal.beginnings = 1
            self.emit(RunSuspended, reason)

    def stream(self, text: str, parent_call_id: str, kind: str = "") -> None:
        """Show text that is no step: of the step that is being performed, else of the run itself. The beginning of a value that
        is hidden waits for what follows."""
        if self._live is None:
            self._live = LiveText(self.services.clock, asyncio.get_running_loop(), self._emit_live)
            self.emit = self._emit_in_order
        step = performed()
        if step is not None:
            self._live.add((step.call_id, step.attempt, parent_call_id, kind), text)
        else:
            self._live.add((self.journal.live_call_id, self.journal.live_attempt, parent_call_id, kind), text)

    def _emit_in_order(self, event: type[Event], *own: Any, **named: Any) -> bool:
        assert self._live is not None
        self._live.flush()
        if self._held and event in _ENDS:
            self._release("" if event in TERMINAL else own[0])
        return self.emitter.emit(event, *own, **named)

    def _emit_live(self, source: _Source, text: str) -> None:
        if self.hidden:
            text, held = self.hidden.split(self._held.pop(source, "") + text)
            if held:
                self._held[source] = held
        self._emit_part(source, text)

    def _release(self, call_id: str) -> None:
        """Show what is held back of this call; ``""``: of all."""
        for source in [each for each in self._held if call_id in ("", each[0])]:
            self._emit_part(source, self._held.pop(source))

    def _emit_part(self, source: _Source, text: str) -> None:
        call_id, attempt, parent_call_id, kind = source
        if text:
            self.emitter.emit(AgentDelta, call_id, attempt, text, kind=kind, parent_call_id=parent_call_id)

    def close(self) -> None:
        """Stream nothing more, and end the sessions of the run."""
        if self._live is not None:
            self._live.close()
        if self.mcp is not None:
            self.mcp.close()

    # --- what was shown and used ------------------------------------------------------------------------------------

    def shown(self, message_id: str, text: str) -> None:
        """This text was streamed as, or at the end of, that message."""
        self._shown[message_id] = self._shown.get(message_id, "") + text

    def message_of(self, result: str) -> str:
        """The message that a result is, or begins with: the longest; ``""`` if it is one of its own."""
        if not self._shown:
            return ""
        begins = [each for each, text in self._shown.items() if text and result.startswith(text)]
        return max(begins, key=lambda each: len(self._shown[each]), default="")

    def count(self, model: str, usage: Mapping[str, Any]) -> None:
        """A model request has used this much."""
        model = str(usage.get("model") or model)
        sums = self.usage.setdefault(model, {"model": model, "requests": 0, "input_tokens": 0, "output_tokens": 0})
        sums["requests"] += 1
        for name in _COUNTED:
            if usage.get(name):
                sums[name] = sums.get(name, 0) + int(usage[name])
        if usage.get("cost_usd") is not None:
            sums["cost_usd"] = str(Decimal(sums.get("cost_usd", "0")) + Decimal(usage["cost_usd"]))

    def total(self) -> dict[str, Any]:
        """The usage of the whole run."""
        if not self.usage:
            return {"input_tokens": 0, "output_tokens": 0, "cost_usd": "0"}
        models = self.usage.values()
        return {
            "input_tokens": sum(each["input_tokens"] for each in models),
            "output_tokens": sum(each["output_tokens"] for each in models),
            "cost_usd": str(sum((Decimal(each.get("cost_usd", "0")) for each in models), Decimal(0))),
        }


async def until_cancelled() -> NoReturn:
    """Wait for what broke the step off when it was recorded: it does so again."""
    await asyncio.get_running_loop().create_future()
    raise AssertionError("nobody has this future")


def step_error(name: str, error: Mapping[str, Any]) -> ToolError:
    """The error of a step as it was recorded: the same when it happens and on every replay."""
    if error["code"] == UNKNOWN["code"]:
        return OutcomeUnknown(name)
    if error["code"] == STATE_CONFLICT:
        return StateConflict(name)
    return ToolError(error["code"], error["message"], error.get("hint", ""), details=error.get("details"))
