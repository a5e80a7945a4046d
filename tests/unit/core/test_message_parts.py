"""A message in parts: what it says in words, which files it names, and how it is recorded."""

from __future__ import annotations

from netra_backend.app.core.files import StoredFile
from netra_backend.app.core.message_parts import (
    DataPart,
    FilePart,
    TextPart,
    file_ids_of,
    read_parts,
    recorded_parts,
    text_of,
)

FILE = StoredFile("file_1", "user_ada", "image/png", "0" * 64, 7, 1)
PARTS = (TextPart("And this."), DataPart({"n": 1}), FilePart("file_1"), FilePart("file_1"))


def test_the_words_of_a_message_are_those_of_its_text_parts_in_paragraphs() -> None:
    assert text_of("Look.", PARTS) == "Look.\n\nAnd this."
    assert text_of("", PARTS) == "And this."
    assert text_of("", (FilePart("file_1"),)) == ""


def test_each_file_is_named_once() -> None:
    assert file_ids_of(PARTS) == ["file_1"]


def test_a_message_that_is_one_text_is_recorded_without_parts_and_read_as_one() -> None:
    assert recorded_parts("Look.", (), ()) == []
    assert read_parts("Look.", []) == [{"type": "text", "text": "Look."}]


def test_a_recorded_file_says_what_it_is_and_the_message_comes_first() -> None:
    file = {"type": "file", "file_id": "file_1", "media": "image/png", "bytes": 7, "sha256": "0" * 64}
    recorded = recorded_parts("Look.", PARTS, [FILE])
    assert recorded == [
        {"type": "text", "text": "Look."},
        {"type": "text", "text": "And this."},
        {"type": "data", "data": {"n": 1}},
        file,
        file,
    ]
    assert read_parts("Look.", recorded) == recorded
    assert recorded_parts("", (DataPart(None),), ()) == [{"type": "data", "data": None}]
