"""What is sent again and what never, as scripts of sends, answers, faults and losses."""

from __future__ import annotations

from typing import Any

import pytest

from netra_backend.app.core.client_rules import MESSAGE_FAULTS, MOST_SENDS, TOO_BIG
from netra_backend.app.core.frames import ErrorFrame, ExecuteAgent
from netra_backend.client.errors import Closed, Refused
from netra_backend.client.unanswered import GivenUp, Unanswered, encoded


def fault(error: str = "invalid_json") -> ErrorFrame:
    return ErrorFrame(error, "No.", "Mend it.", False)


def with_sent(*messages: tuple[str, bytes]) -> Unanswered:
    made = Unanswered()
    made.connected(None)
    for key, raw in messages:
        made.add(key, raw)
        assert made.sending(key) == raw
    return made


def reconnect(made: Unanswered, code: int = 1006) -> GivenUp:
    given_up = made.lost(code)
    assert made.connected(None) == []
    return given_up


def error_of(given_up: GivenUp, key: str) -> Any:
    assert [each for each, _ in given_up] == [key]
    return given_up[0][1]


def test_what_was_not_answered_is_sent_once_over_each_connection() -> None:
    made = with_sent(("a", b"1"))
    assert made.sending("a") is None
    assert made.unsent() == []
    assert reconnect(made) == []
    assert made.unsent() == ["a"]
    assert made.sending("a") == b"1"
    assert made.answered("a") == []
    assert made.sending("a") is None
    assert reconnect(made) == []
    assert made.unsent() == []


def test_too_long_for_the_server_is_refused_before_it_is_sent() -> None:
    made = Unanswered()
    made.connected(4)
    made.add("fits", b"1234")
    with pytest.raises(Refused) as told:
        made.add("long", b"12345")
    assert told.value.frame.error == "payload_too_large"
    assert "5 bytes, where the limit is 4 bytes" in told.value.message
    assert made.unsent() == ["fits"]


def test_what_the_next_server_does_not_take_is_given_up() -> None:
    made = with_sent(("a", b"12345"), ("b", b"1"))
    made.lost(1006)
    assert error_of(made.connected(4), "a").frame.error == "payload_too_large"
    assert made.unsent() == ["b"]


def test_after_a_close_for_a_message_that_is_too_long_the_longest_is_given_up_and_the_others_are_sent_again() -> None:
    made = with_sent(("a", b"1"), ("b", b"12345"), ("c", b"12"))
    made.add("waits", b"1234567")
    assert error_of(reconnect(made, TOO_BIG), "b").frame.error == "payload_too_large"
    assert made.unsent() == ["a", "c", "waits"]


@pytest.mark.parametrize("error", sorted(MESSAGE_FAULTS))
def test_a_fault_without_an_id_is_that_of_the_only_message_that_waits(error: str) -> None:
    made = with_sent(("a", b"1"))
    assert error_of(made.fault(fault(error)), "a").frame.error == error
    assert reconnect(made) == []
    assert made.unsent() == []


def test_a_fault_without_an_id_is_that_of_the_message_that_stays_without_an_answer() -> None:
    made = with_sent(("a", b"1"), ("b", b"2"), ("c", b"3"))
    assert made.fault(fault()) == []
    made.add("later", b"4")
    made.sending("later")
    assert made.answered("a") == []
    assert isinstance(error_of(made.answered("c"), "b"), Refused)
    assert made.answered("later") == []


def test_two_faults_are_those_of_the_two_that_stay() -> None:
    made = with_sent(("a", b"1"), ("b", b"2"))
    assert made.fault(fault("invalid_json")) == []
    assert [(key, error.frame.error) for key, error in made.fault(fault("unknown_type"))] == [  # type: ignore[attr-defined]
        ("a", "invalid_json"),
        ("b", "unknown_type"),
    ]


def test_what_may_have_been_at_fault_when_the_connection_ended_is_never_sent_again() -> None:
    made = with_sent(("a", b"1"), ("b", b"2"))
    made.fault(fault())
    assert [key for key, _ in reconnect(made)] == ["a", "b"]
    assert made.unsent() == []


def test_a_fault_that_names_nothing_that_waits_blames_nobody() -> None:
    made = Unanswered()
    made.connected(None)
    made.add("waits", b"1")
    assert made.fault(fault()) == []
    assert made.unsent() == ["waits"]


def test_a_message_is_not_sent_for_ever() -> None:
    made = with_sent(("a", b"1"))
    for _ in range(MOST_SENDS - 1):
        assert reconnect(made) == []
        assert made.sending("a") == b"1"
    error = error_of(reconnect(made), "a")
    assert isinstance(error, Closed)
    assert str(MOST_SENDS) in str(error)
    assert made.unsent() == []


def test_half_of_a_surrogate_pair_is_refused_and_a_whole_one_is_not() -> None:
    with pytest.raises(Refused, match="character 3 of a text") as told:
        encoded(ExecuteAgent("echo", "ab\ud83d"))
    assert told.value.frame.error == "invalid_json"
    assert "😀".encode() in encoded(ExecuteAgent("echo", "ab😀"))
