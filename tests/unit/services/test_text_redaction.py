"""Finds secrets in texts, in slices."""

from __future__ import annotations

import re
from typing import Any

import pytest

from netra_backend.app.services import text_redaction as module
from netra_backend.app.services.redaction import redact_text
from netra_backend.app.services.text_redaction import SLICE_WORK, WINDOW, Pace, at_once, has_candidates, text_redaction

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl"
KEY = "-----BEGIN PRIVATE KEY-----\n" + "MIIB" * 3_000 + "\n-----END PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("q=password%3Dhunter2", "q=password%3D***"),
        ("q=password%3Dhunter2%26x%3D1", "q=password%3D***%26x%3D1"),
        ("q=access_token%253Dhunter2%2526x", "q=access_token%253D***%2526x"),
        ("password=ab%26cd", "password=***"),
        (r"password\u003dhunter2\u0026x", r"password\u003d***\u0026x"),
        ("Authorization=Bearer%20hunter2x", "Authorization=Bearer%20***"),
        ('"password": "a, b c"', '"password": "***"'),
        ("password='a b' next", "password='***' next"),
        ('token="a, b"', 'token="***"'),
        (r'"password": "a\"b, c", "d": 1', r'"password": "***", "d": 1'),
        (r'"password": "a\\", "d": 1', r'"password": "***", "d": 1'),
        (r'"{\"password\": \"a, \\\"b\\\" c\", \"d\": 1}"', r'"{\"password\": \"***\", \"d\": 1}"'),
        ('password="hunter2 and no end', 'password="*** and no end'),
        ('password="hunter2\nx"', 'password="***\nx"'),
        ('secret="ab', 'secret="ab'),
        ('password: "", next', 'password: "", next'),
        ('"password": null, "secret": false', '"password": null, "secret": false'),
        ('"token": "the"', '"token": "the"'),
        ("authorization: hunter2 x", "authorization: *** x"),
        ("authorization: Negotiate abcdefgh", "authorization: Negotiate ***"),
        ("Pwd=hunter2;Database=x", "Pwd=***;Database=x"),
        ("AccountKey=abcd+/==;x", "AccountKey=***;x"),
        (f"session_{JWT}", "session_***"),
        (f"{JWT}", "***"),
        ("eyJhbGciOi.x", "eyJhbGciOi.x"),
        ("eyJhbGciOi..", "eyJhbGciOi.."),
        ("eyJhbGciOi", "eyJhbGciOi"),
        ("password=-----BEGIN PRIVATE KEY-----\nMII\n-----END PRIVATE KEY----- x", "password=*** x"),
        ("\u0130\u0130 password=hunter2 x", "\u0130\u0130 password=*** x"),
        ("password = '''a, b'''; x", "password = '''***'''; x"),
        ('password = """a\nb "" c\n""" x', 'password = """***""" x'),
        (r'password = """a\"""b""" x', 'password = """***""" x'),
        (
            r'"{\"a\": \"password = \\\"\\\"\\\"a b\\\"\\\"\\\" x\"}"',
            r'"{\"a\": \"password = \\\"\\\"\\\"***\\\"\\\"\\\" x\"}"',
        ),
        ("password = '''hunter2 and no end", "password = '''*** and no end"),
        ('password = """""" x', 'password = "***" x'),
        ("password = `a b` x", "password = `***` x"),
        ("`password`: `a b` x", "`password`: `***` x"),
        ("password = rb'a b' x", "password = rb'***' x"),
        ("password=$'a b' x", "password=$'***' x"),
        ('password = @"a b" x', 'password = @"***" x'),
        ('password = r#"a b"# x', 'password = r#"***"# x'),
        ("PASSWORD N'a b'", "PASSWORD N'a b'"),
        ("PASSWORD = N'a''b c' x", "PASSWORD = N'***' x"),
        ('"{""password"": ""a, b"", ""x"": """"}"', '"{""password"": ""***"", ""x"": """"}"'),
        ('"{""password"": """", ""x"": ""y""}"', '"{""password"": "***", ""x"": ""y""}"'),
        ("password=&quot;a b&#39;&quot; x", "password=&quot;***&quot; x"),
        ("&#34;password&#34;:&#34;a b&#34; x", "&#34;password&#34;:&#34;***&#34; x"),
        ("password=&quot;hunter2 and\nno end&quot;", "password=&quot;*** and\nno end&quot;"),
        ("{%22password%22:%22a,b%22}", "{%22password%22:%22***%22}"),
        (r"\u0022password\u0022:\u0022a, b\u0022", r"\u0022password\u0022:\u0022***\u0022"),
        ("password: |\n  hunter2\nx: y", "password: |\n  ***\nx: y"),
        ("token: 'abcdefghijklmnop q' x", "token: '***' x"),
        ("Authorization = '''Basic abcd e''' x", "Authorization = '''Basic ***''' x"),
        ("Cookie: '''a=b; c=d'''", "Cookie: '''***'''"),
        ("Bearer 'hunter2 x' y", "Bearer '***' y"),
        ('{"password": "", "x": ""}', '{"password": "", "x": ""}'),
        (r'"{\"password\": \"\", \"x\": \"\"}"', r'"{\"password\": \"\", \"x\": \"\"}"'),
        ('password = ""  # ""', 'password = ""  # ""'),
    ],
)
def test_values_are_hidden_as_they_are_written(text: str, shown: str) -> None:
    assert redact_text(text) == shown
    assert redact_text(shown) == shown


@pytest.mark.parametrize(
    "text", ["it is 'password', he said", "the api keys: two", "PWD/home", "config=abcdefghijklmnopqrstuvwxyz"]
)
def test_words_are_left_alone(text: str) -> None:
    assert redact_text(text) == text


def slices(text: str) -> tuple[list[int], str]:
    sliced, works = text_redaction(text, Pace()), list[int]()
    try:
        while True:
            works.append(next(sliced))
    except StopIteration as end:
        return works, end.value


@pytest.mark.parametrize(
    "secret", [JWT, KEY, "password=hunter2", 'password="a b"', "://a:b@", "sk-" + "a" * 30, "sk-" + "a" * 3 * WINDOW]
)
@pytest.mark.parametrize("before", [-40, -20, -10, -5, -2, -1, 0, 3])
def test_a_secret_is_found_wherever_a_window_begins(secret: str, before: int) -> None:
    for filler in (" ", "://", "eyJ "):
        text = (filler * WINDOW)[: WINDOW + before] + " " + secret + " end"
        shown = slices(text)[1]
        assert shown.endswith(
            "***@ end" if secret.endswith("@") else '"***" end' if secret.endswith('"') else "*** end"
        )
        assert secret not in shown


def one_of_each(times: int) -> str:
    """Values that are opened by each kind of so many marks, and none of them closed before all of them are."""
    units = ("\\" * level + mark for level in range(9) for mark in "\"'`")
    return "".join(f"password={unit * times}a " for unit in units)


class Counting:
    """A regular expression that says how many characters it was given."""

    def __init__(self, pattern: re.Pattern[str], counts: list[int]) -> None:
        self.pattern = pattern
        self.counts = counts

    def search(self, text: str, at: int = 0, stop: int = 2**31) -> Any:
        found = self.pattern.search(text, at, stop)
        self.counts[0] += (min(stop, len(text)) if found is None else found.end()) - at
        return found

    def match(self, text: str, at: int = 0) -> Any:
        return self.pattern.match(text, at)


@pytest.mark.parametrize(
    "repeated",
    [
        "a",
        "eyJ",
        "-eyJaaaa",
        "eyJaaaa.bb" + "." * 50,
        "sk-a",
        'password="',
        'password="\\"',
        "password=abcd ",
        "://a:",
        "://a:b@",
        "token: ",
        "authorization: a ",
        "cookie: a=b",
        "-----BEGIN PRIVATE KEY-----",
        ":AA",
        "12345678:AA",
        '"secret":{"',
        'access_token\\\\"',
        "\\",
        "password='''",
        "password='''\n",
        'password="""\\"""',
        'password=""x',
        "password='' ",
        "password='a''",
        "password=''''' ",
        "password=`\n",
        "password=&quot;",
        "password=&quot;&#39;",
        "password=%22",
        "password: |\n ",
        *(one_of_each(times) for times in (1, 2, 3)),
    ],
)
@pytest.mark.parametrize("before", ["", 'password="', "-----BEGIN PRIVATE KEY-----", "sk-"])
def test_no_slice_searches_more_than_so_many_characters(
    repeated: str, before: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = [0]
    for name, value in vars(module).copy().items():
        if isinstance(value, re.Pattern):
            monkeypatch.setattr(module, name, Counting(value, counts))
    for name in ("QUOTED_ENDS", "LINES_END", "ENCODED_ENDS"):
        by_mark = getattr(module, name)
        monkeypatch.setattr(module, name, {mark: Counting(each, counts) for mark, each in by_mark.items()})
    text = before + repeated * (24 * WINDOW // len(repeated))
    sliced, whole = text_redaction(text, Pace()), 0
    while next(sliced, None) is not None:
        assert counts[0] <= SLICE_WORK
        whole, counts[0] = whole + counts[0], 0
        assert whole <= 12 * len(text)
    whole += counts[0]
    assert counts[0] <= SLICE_WORK
    assert whole <= 12 * len(text)
    assert whole >= 3 * WINDOW or text.startswith(("-----", "sk-"))


def test_a_text_without_a_secret_is_the_same_object() -> None:
    text = "nothing to see here, token by token. " * 1_000
    assert at_once(text_redaction(text, Pace())) is text
    assert not has_candidates("nothing to see here")
    assert all(map(has_candidates, ("://", "sk-", "Password=")))
