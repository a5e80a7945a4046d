"""A command waits for a server that is still starting."""

from __future__ import annotations

import pytest

from netra_backend.app.commands.common import StillStarting
from netra_backend.app.commands.starting import once_started


class Starting:
    """A server whose address is known after so many looks."""

    def __init__(self, looks: int) -> None:
        self.looks = looks
        self.said = 0

    def find(self) -> str:
        self.looks -= 1
        if self.looks >= 0:
            raise StillStarting
        return "http://127.0.0.1:7"

    def say(self) -> None:
        self.said += 1


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async def no_time(seconds: float) -> None:
        """Time passes at once."""

    monkeypatch.setattr("netra_backend.app.commands.starting.asyncio.sleep", no_time)


@pytest.mark.parametrize(("looks", "said"), [(0, 0), (3, 1)])
async def test_it_is_waited_for_until_it_listens_which_is_said_once(looks: int, said: int) -> None:
    server = Starting(looks)
    assert await once_started(server.find, server.say) == "http://127.0.0.1:7"
    assert server.said == said


async def test_one_that_never_listens_is_given_up() -> None:
    server = Starting(10**9)
    with pytest.raises(StillStarting, match="still starting"):
        await once_started(server.find, server.say, patience_s=60)
