"""Keeps secrets out of what is shown and kept."""

from __future__ import annotations

import json
import time
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netra_backend.app.services.redaction import (
    CUT,
    MAX_DEPTH,
    MAX_ITEMS,
    is_secret_name,
    redact,
    redact_text,
    redaction,
    result_redaction,
)
from netra_backend.app.services.text_redaction import SLICE_WORK, at_once

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl"
PRIVATE_KEY = "-----BEGIN RSA PRIVATE KEY-----\nMIIBOgIBAAJBAK\n-----END RSA PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"got {JWT} here", "got *** here"),
        (f"bearer.{JWT}", "bearer.***"),
        (f"session-a-{JWT}.", "session-a-***"),
        (f"-eyJ-{JWT}", "-***"),
        ("Authorization: Bearer 0123456789", "Authorization: Bearer ***"),
        ("authorization: Basic YTpi", "authorization: Basic ***"),
        ("GET /ws/ada?ticket=abcd-1234&x=1 HTTP/1.1", "GET /ws/ada?ticket=***&x=1 HTTP/1.1"),
        ("http://h/#token=abcd.efgh", "http://h/#token=***"),
        ("postgresql://netra:hunter2@db/netra", "postgresql://***@db/netra"),
        ("use sk-proj-abcdefghijkl please", "use *** please"),
        ("sk_live_abcdefghijkl", "***"),
        ("ghp_abcdefghijklmnop", "***"),
        ("github_pat_abcdefghijklmnop", "***"),
        ("glpat-abcdefghijklmnop", "***"),
        ("xoxb-1234567890-x", "***"),
        ("AKIAABCDEFGHIJKLMNOP", "***"),
        ("AIza" + "a" * 35, "***"),
        ("hf_abcdefghijklmnop", "***"),
        (PRIVATE_KEY, "***"),
        (f"before {PRIVATE_KEY} after", "before *** after"),
        ('{"password": "hunter2", "a": 1}', '{"password": "***", "a": 1}'),
        ("password: hunter2", "password: ***"),
        ("my_api_key=ABCD", "my_api_key=***"),
        ("access token: 0123456789abcdef", "access token: ***"),
        (r'"{\"password\": \"hunter2\", \"a\": 1}"', r'"{\"password\": \"***\", \"a\": 1}"'),
        (r"{\\\"access_token\\\":\\\"hunter2\\\"}", r"{\\\"access_token\\\":\\\"***\\\"}"),
        ("password=hunt\\er2", "password=***"),
        (
            "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nMII\n-----END RSA PRIVATE KEY----- after",
            "*** after",
        ),
        ("-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nlQOY\n-----END PGP PRIVATE KEY BLOCK-----", "***"),
        ("-----BEGIN PRIVATE KEY-----\nMII", "***"),
        ("got eyJhbGciOiJkaXIifQ..aaaa.bbbb.cccc here", "got *** here"),
        ("postgresql://netra:p@ssWORD@db/netra", "postgresql://***@db/netra"),
        ('{"a":"redis://u:hunter2@h","mail":"x@y"}', '{"a":"redis://***@h","mail":"x@y"}'),
        ("AWS_SECRET_ACCESS_KEY=wJalr/K7+b", "AWS_SECRET_ACCESS_KEY=***"),
        ("secret_key: hunter2", "secret_key: ***"),
        ("private_key=hunter2", "private_key=***"),
        ("passphrase=hunter2", "passphrase=***"),
        ("Set-Cookie: sid=hunter2; Path=/\nx", "Set-Cookie: ***\nx"),
        ('{"Cookie": "a=1; b=2", "c": 3}', '{"Cookie": "***", "c": 3}'),
    ],
)
def test_what_has_the_shape_of_a_secret_is_hidden(text: str, shown: str) -> None:
    assert redact_text(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Where does my money go, and where can I cut?",
        "how many tokens: 500 were used",
        "cost per token: gpt-4o or claude-sonnet-4-5?",
        "basic question about the bearer of good news",
        "run_0199aabbccdd00112233 in thr_0199aabbccdd",
        "https://netra.example.com/path?group_by=team",
        "mail ada@example.com about 2026-11-22T10:00:00Z",
        "a risk-averse task-force",
        "cookie: chocolate",
        "which private key do you mean",
    ],
)
def test_what_people_write_is_left_alone(text: str) -> None:
    assert redact_text(text) == text


@pytest.mark.parametrize(
    "name",
    ["token", "accessToken", "ACCESS_TOKEN", "refresh-tokens", "password", "db_password", "apiKey", "API key", "x-api-key",
     "client_secret", "Authorization", "Set-Cookie", "private_key", "signingKeys", "ticket", "jwt", "credentials"],
)  # fmt: skip
def test_a_name_can_say_secret(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name",
    ["input_tokens", "max_tokens", "cache_read_tokens", "tokens", "token_id", "key", "keys", "group_key", "prompt_hash",
     "session_id", "passport", "author", "secretary", "model", "", "…"],
)  # fmt: skip
def test_a_name_that_only_looks_like_it_does_not(name: str) -> None:
    assert not is_secret_name(name)


def test_what_stands_under_a_secret_name_is_hidden_whatever_it_is() -> None:
    given = {"password": 12345, "auth": {"user": "ada"}, "token": None, "rows": [{"api_key": "x"}, "ok"], "limit": 5}
    assert redact(given) == {
        "password": "***",
        "auth": "***",
        "token": None,
        "rows": [{"api_key": "***"}, "ok"],
        "limit": 5,
    }


def test_a_tool_can_name_its_own_secrets() -> None:
    assert redact({"pin": 1234, "outer": {"pin": 1}, "a": True}, {"pin"}) == {
        "pin": "***",
        "outer": {"pin": "***"},
        "a": True,
    }


def test_a_secret_that_is_itself_a_name_is_hidden() -> None:
    assert redact({JWT: 1, "password=hunter2": 2}) == {"***": 1, "password=***": 2}


def test_values_become_plain_json() -> None:
    shown = redact({"a": (1, 2.5, None, True), 3: {"x"}, "e": ValueError("token=abcd")})
    assert shown == {"a": [1, 2.5, None, True], "3": ["x"], "e": "token=***"}
    assert json.loads(json.dumps(shown)) == shown


@pytest.mark.parametrize("name", [10**5_000, (10**5_000,)], ids=["a number", "with one"])
def test_what_cannot_be_written_is_cut_as_a_value_and_as_a_name(name: Any) -> None:
    assert redact({name: 1, "n": [10**5_000, Fraction(10**5_000, 3)]}) == {CUT: 1, "n": [CUT, CUT]}


def test_depth_and_length_are_bounded() -> None:
    deep: Any = "bottom"
    for _ in range(10_000):
        deep = [deep]
    shown = redact(deep)
    for _ in range(MAX_DEPTH):
        (shown,) = shown
    assert shown == "…"
    assert redact(list(range(10_000)))[-1] == "…"
    assert len(redact(list(range(10_000)))) <= MAX_ITEMS
    many = redact({str(number): number for number in range(10_000)})
    assert many["…"] == "…"
    assert len(many) <= MAX_ITEMS


@given(st.text())
def test_hiding_twice_hides_no_more(text: str) -> None:
    assert redact_text(redact_text(text)) == redact_text(text)


@given(st.text("ab &?\n", max_size=20), st.text("ab &?\n", max_size=20))
def test_a_token_is_hidden_wherever_it_stands(before: str, after: str) -> None:
    assert JWT not in redact_text(f"{before} {JWT} {after}")


LETTERS = st.sampled_from(["token", "=", ":", "bearer", " ", "x", "-", "eyJ", ".", "://", "@", '"', "password", "***"])


@given(st.lists(LETTERS, max_size=12).map("".join))
def test_no_mixture_of_marks_does_more_than_hide(text: str) -> None:
    assert isinstance(redact_text(text), str)


def redact_result(value: Any) -> Any:
    return at_once(result_redaction(value))


def test_shapes_are_hidden_in_a_whole_answer_and_nothing_is_cut() -> None:
    rows = [{"ticket": f"NET-{number}", "cost_usd": "1.5", "n": number, "ok": None} for number in range(MAX_ITEMS)]
    assert redact_result(rows) is rows
    told = redact_result(
        {"rows": rows, "seen": [f"with {JWT}", {f"by {JWT}": True}], "url": "redis://:hunter2@valkey/0"}
    )
    assert told["rows"] is rows
    assert told["seen"] == ["with ***", {"by ***": True}]
    assert told["url"] == "redis://***@valkey/0"


def test_what_an_answer_has_under_a_name_that_says_secret_is_hidden_at_any_depth() -> None:
    told = redact_result(
        {
            "user": {"name": "ada", "password": "hunter2", "pin": 1, "passwordHash": "x"},
            "rows": [{"api_key": "k", "client_secret": ["a", {"value": "b", "at": None, "on": True}]}],
            "access_token": "short",
            "token": "0123456789abcdef",
            "cookie": "sid=0123456789abcdef",
            "password": 1234,
            "secrets": {"db": "hunter2", "n": 2},
            "Authorization": "Basic YTpi",
        }
    )
    assert told == {
        "user": {"name": "ada", "password": "***", "pin": 1, "passwordHash": "x"},
        "rows": [{"api_key": "***", "client_secret": ["***", {"value": "***", "at": None, "on": True}]}],
        "access_token": "***",
        "token": "***",
        "cookie": "***",
        "password": "***",
        "secrets": {"db": "***", "n": 2},
        "Authorization": "***",
    }


@pytest.mark.parametrize(
    "answer",
    [
        {
            "usage": {
                "input_tokens": 12,
                "output_tokens": 3,
                "cache_read_tokens": 0,
                "max_tokens": 4096,
                "tokens": "1,500",
            }
        },
        {"rows": [{"key": "team", "cost_usd": "12.50", "session_tokens": 1500, "access_tokens": "17", "token": "the"}]},
        {"passwords": 3, "api_keys": 2, "secrets": "4", "secret": "", "password": None, "api_key": False},
        {"ticket": "NET-1234567890123456", "auth": "oauth2", "token": "a sentence of several words, all of it shown"},
        {
            "api_key_id": "key_1",
            "secretary": "Bob",
            "password_changed": True,
            "token_count": 7,
            "author": "ada",
            "1": [1.5],
        },
        [["a", 1], [None, {}], [], ""],
    ],
)
def test_counts_costs_and_words_of_an_answer_are_left_alone(answer: Any) -> None:
    assert redact_result(answer) is answer


def test_a_long_value_is_redacted_in_slices_however_it_is_made() -> None:
    secret = "sk-" + "a" * 30
    many: list[Any] = [
        ["a"] * 50_000,
        [1] * 50_000,
        {f"name {number} {secret}": number for number in range(5_000)},
        [{"password": "x"}] * 20_000,
        {"text": f"{secret} token: " * 10_000},
        [f"{secret} token: "] * 10_000,
    ]
    for value in many:
        slices = list(result_redaction(value))
        assert secret not in str(redact_result(value))
        assert len(slices) > 10
        assert max(slices) <= SLICE_WORK
    assert max(redaction({"a": ["x" * 8_000] * 1_000})) <= SLICE_WORK


@pytest.mark.parametrize(
    "repeated",
    [
        "-eyJaaaa",
        "eyJ-",
        "eyJaaaa.",
        "a-",
        "token",
        "password ",
        "authorization: a ",
        "bearer   ",
        "://a:",
        "sk-",
        "://a:b@",
        "a@",
        "-----BEGIN PRIVATE KEY",
        "-----BEGIN PRIVATE KEY-----",
        "eyJaaaa..",
        "password\\\\",
        "password=\\\\",
        '\\\\"',
        "cookie: a",
        "cookie:a=\n",
        "secret_access_",
    ],
)
def test_hiding_takes_time_in_proportion_to_a_text_whatever_a_stranger_makes_of_it(repeated: str) -> None:
    def seconds(size: int) -> float:
        text = (repeated * size)[:size] + " eyJ token @"
        began = time.process_time()
        redact_text(text)
        return time.process_time() - began

    # Sixteen times the text; the square would be 256 times as long, and half a minute for the larger one.
    small = min(seconds(8_192) for _ in range(3))
    assert min(seconds(131_072) for _ in range(2)) < max(80 * small, 0.1)


def test_who_decides_about_all_of_it_sees_the_objects_that_are_called_a_secret() -> None:
    value = {
        "declared": {"a": 1},
        "in": {
            "declared": {"a": 1, "b": None},
            "token": [1, "t", None, ["u"], {"c": True}],
            "password": 7,
            "auth": None,
        },
    }
    shown = {
        "declared": "***",
        "in": {
            "declared": {"a": 1, "b": None},
            "token": ["***", "***", None, ["***"], {"c": True}],
            "password": "***",
            "auth": None,
        },
    }
    assert redact(value, {"declared"}, opened=True) == shown
    assert redact(value, {"declared"})["in"] == {"declared": "***", "token": "***", "password": "***", "auth": None}
