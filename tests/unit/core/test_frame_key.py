"""The id of a frame that cannot be decoded."""

from __future__ import annotations

import pytest

from netra_backend.app.core.frame_key import key_in
from netra_backend.app.core.frames import key_of


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('{"id":"a","message":"' + "x" * 1000, "a"),
        ('{"message":"\\ud800","id":"a"}', "a"),
        ('{ "context": {"id": "inner", "x": ["id", {"id": "b"}]}, "id" : "a" }', "a"),
        ('{"message":"\\"id\\":\\"b\\"","id":"\\u00e9\\""}', 'é"'),
        ('{"id":"a","id":"b"}', "b"),
        ('{"id":"a"', "a"),
        ('{"message":"id","id":7}', None),
        ('{"id":"\\ud800"}', None),
        ('{"id":"a', None),
        ('{"x":"id","y":"a"}', None),
        ('[{"id":"a"}]', None),
        ('"id"', None),
        ('{"message":"' + "x" * 100, None),
        ("", None),
        ("}", None),
        ('{"id":nope}', None),
    ],
)
def test_the_id_of_the_outermost_object_is_found_as_far_as_the_text_can_be_read(text: str, key: str | None) -> None:
    assert key_in(text) == key


def test_texts_that_are_hostile_cost_little() -> None:
    for hostile in ("[" * 65_536, "{" * 65_536, '{"' + '\\"' * 32_768, '{"a":' * 13_000, " " * 65_536, '"' * 65_536):
        assert key_in(hostile) is None
    assert key_in('{"m":"' + '\\"' * 30_000 + '","id":"a"}') == "a"


def test_a_key_that_is_too_long_or_in_a_broken_character_is_none() -> None:
    assert key_of('{"id":"' + "x" * 65 + '"}') is None
    assert key_of('{"id":"a","message":"ä'.encode()[:-1]) == "a"
