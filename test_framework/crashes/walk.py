"""``walk_boundaries``: one request of your agent, and a real server that is killed after every event of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

from ..effects import EFFECTS_VARIABLE, read_effects
from ..ids import new_id
from ..scripted_model import Answers, ScriptedModel, scripted_model
from ..users import LocalUsers, TestUser
from .fork_server import ForkServer, fork_server
from .judge import Told, judge
from .moment import ACKNOWLEDGED, COMMITTED, Moment
from .report import Boundary, Walk
from .request_follower import RequestFollower, Respond, approve

Prepare = Callable[[str, TestUser], Awaitable[None]]
MOST_BOUNDARIES: Final = 400
PATIENCE_S: Final = 30.0
_OF_A_MODEL: Final = (
    "pydantic_ai.direct",
    "pydantic_ai.models.openai",
    "pydantic_ai.providers.openai",
    "genai_prices.data",
    "openai.resources",
    "anyio._backends._asyncio",
)


async def walk_boundaries(
    place: Path,
    app: str,
    agent: str,
    message: str,
    *,
    answers: Answers | None = None,
    respond: Respond = approve,
    prepare: Prepare | None = None,
    settings: Mapping[str, str] | None = None,
    directory: Path | None = None,
    same_results: bool = True,
    loaded: Sequence[str] = (),
    patience_s: float = PATIENCE_S,
) -> Walk:
    """Ask ``agent`` the ``message`` on a real server, and again for each event of that run: the server is killed there by
    SIGKILL, twice (with the event's commit, and right before the next one's), and started anew; the run must then end well.

    ``place`` is an empty directory that exists; ``app`` is what ``netra serve --app`` takes, imported from ``directory`` (by
    default the current one). Your tools and steps call ``note_effect`` where they act on the world. ``answers``: the script of
    a model that the agent may ask (``ModelRequest``). ``respond`` is what the user sends when an event comes; if not given, every
    approval is given. ``prepare`` is awaited with the server's address and each new user, before that user asks.
    ``same_results``: each step, and the run, must come to the same as without a restart. ``loaded``: modules that take long to
    import and start no threads; ``patience_s``: how long a run may take.

    Judged (``Walk.check``): each effect once; an outcome told as unknown only between the start of something that is not
    idempotent and its recorded end (``Walk.unknown`` counts them); no recorded model request again; one end; nothing swapped.
    Needs Linux or macOS, and takes about half a second for each of the two times. Raises ``ServerFailed`` if the server does
    not start.
    """
    async with AsyncExitStack() as stack:
        environment = {**(settings or {}), EFFECTS_VARIABLE: str(place / "effects")}
        model = None
        if answers is not None:
            model = await stack.enter_async_context(scripted_model(answers))
            environment |= model.settings
            loaded = (*loaded, *_OF_A_MODEL)
        moment = Moment(place / "moment")
        stack.callback(moment.close)
        server = await stack.enter_async_context(
            fork_server(place / "data", app, place / "moment", settings=environment, directory=directory, loaded=loaded)
        )
        await server.start()
        request = {"type": "execute_agent", "agent": agent, "message": message}
        walker = _Walker(server, moment, model, place / "effects", request, respond, prepare, same_results, patience_s)
        return await walker.walk()


class _Walker:
    def __init__(
        self,
        server: ForkServer,
        moment: Moment,
        model: ScriptedModel | None,
        effects: Path,
        request: Mapping[str, str],
        respond: Respond,
        prepare: Prepare | None,
        same_results: bool,
        patience_s: float,
    ) -> None:
        self._server = server
        self._moment = moment
        self._model = model
        self._effects = effects
        self._request = request
        self._respond = respond
        self._prepare = prepare
        self._same_results = same_results
        self._patience_s = patience_s
        self._users = LocalUsers(server.data_dir)

    async def walk(self) -> Walk:
        reference, _ = await self._run(0, 0)
        walk = Walk(reference.events)
        for when in (COMMITTED, ACKNOWLEDGED):
            for events in range(0 if when == ACKNOWLEDGED else 1, MOST_BOUNDARIES):
                try:
                    run, was_killed = await self._run(when, events)
                except (TimeoutError, AssertionError) as fault:
                    words = (f"{type(fault).__name__}: {fault or 'the run does not end'}",)
                    walk.boundaries.append(Boundary(events, when == ACKNOWLEDGED, "?", 0, words))
                    return walk  # what the server is up to is not known
                if not was_killed:
                    break
                broken = tuple(judge(run, reference, same_results=self._same_results))
                after = run.events[events - 1]["type"] if events else "nothing"
                unknown = len(run.unknown())
                walk.boundaries.append(Boundary(events, when == ACKNOWLEDGED, after, unknown, broken))
        return walk

    async def _run(self, when: int, events: int) -> tuple[Told, bool]:
        """One run of a new user's, and whether the server was killed on the way."""
        user = self._users.make("walker@example.org")
        if self._prepare is not None:
            await self._prepare(self._server.url, user)
        follower = RequestFollower(user, {**self._request, "id": new_id("key")}, self._respond)
        effects, prompts = self._marks()
        if when:
            self._moment.arm(when, events)
        has_ended = await follower.follow(self._url, self._patience_s)
        was_killed = not has_ended or (bool(when) and not self._moment.when)
        if was_killed:
            if (code := await self._server.ended()) != -9:
                raise AssertionError(f"the server ended by itself, with {code}: {self._server.log()[-2000:]}")
            middle = self._marks()
            await self._server.start()
            await follower.follow(self._url, self._patience_s)
        else:
            self._moment.disarm()
            middle = self._marks()
        lines, asked = read_effects(self._effects), [] if self._model is None else self._model.prompts()
        return Told(
            follower.in_order(),
            events if was_killed else len(follower.events),
            (lines[effects : middle[0]], lines[middle[0] :]),
            (asked[prompts : middle[1]], asked[middle[1] :]),
        ), was_killed

    def _marks(self) -> tuple[int, int]:
        asked = 0 if self._model is None else len(self._model.requests)
        return len(read_effects(self._effects)), asked

    @property
    def _url(self) -> str:
        return self._server.url.replace("http", "ws", 1)
