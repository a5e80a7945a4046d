"""Who asks from elsewhere is answered once, with what it was told first."""

from __future__ import annotations

import pytest

from netra_backend.app.core.errors import DependencyUnavailable, NetraError
from netra_backend.app.core.frames import Accepted
from netra_backend.app.core.peer_messages import NotHere, PeerRefused, Taken
from netra_backend.app.runs.requester import RemoteRequester


async def test_what_is_accepted_is_the_answer_and_what_comes_later_is_not() -> None:
    requester = RemoteRequester("user_ada", frozenset({"usage"}))
    assert (requester.user_id, requester.scopes, requester.connection_id) == ("user_ada", frozenset({"usage"}), None)
    requester.say(Accepted("k1"))
    requester.send_away()
    assert await requester.answer == Taken(Accepted("k1"))


async def test_a_refusal_is_an_answer() -> None:
    requester = RemoteRequester("user_ada")
    error = DependencyUnavailable("down")
    requester.refuse(error, "k1")
    assert await requester.answer == PeerRefused.of(error)


async def test_who_is_sent_away_is_to_look_again() -> None:
    requester = RemoteRequester("user_ada")
    requester.send_away()
    assert await requester.answer == NotHere()


async def test_what_is_stored_is_waited_for_and_a_refusal_of_it_is_raised() -> None:
    stored, refused = RemoteRequester("user_ada"), RemoteRequester("user_ada")
    stored.say(Accepted("k1"))
    await stored.stored(5.0)
    refused.refuse(DependencyUnavailable("down"))
    with pytest.raises(NetraError, match="down"):
        await refused.stored(5.0)


async def test_what_is_not_known_in_time_to_be_stored_is_said_so() -> None:
    with pytest.raises(DependencyUnavailable, match="does not know yet") as unknown:
        await RemoteRequester("user_ada").stored(0.0)
    assert unknown.value.retry_after_ms == 1000
