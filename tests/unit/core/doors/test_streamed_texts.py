"""What of a streamed text is new to a client."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from netra_backend.app.core.doors.streamed_texts import News, StreamedText, streamed_as


def test_a_text_goes_on_and_what_an_attempt_took_back_is_replaced() -> None:
    text, seen = StreamedText(), []
    for attempt, part in ((1, "He"), (1, "llo"), (2, "Hel"), (1, "late"), (2, "lo, you"), (3, "Bye"), (3, "")):
        text.add(attempt, part)
        seen.append(text.news())
    assert seen == [News("He", False), News("llo", True), None, None, News(", you", True), News("Bye", False), None]


@given(st.lists(st.tuples(st.integers(1, 3), st.text(max_size=3)), max_size=12))
def test_a_client_that_drops_what_was_replaced_has_the_longest_of_what_was_repeated(
    parts: list[tuple[int, str]],
) -> None:
    text, has = StreamedText(), ""
    for attempt, part in parts:
        text.add(attempt, part)
        news = text.news()
        if news is not None:
            has = has + news.text if news.goes_on else news.text
        assert has == text.sent
        assert has.startswith(text.text)


def test_a_result_is_the_text_of_its_name_or_the_last_one_that_it_begins_with() -> None:
    texts = {"a": StreamedText(1, "He", "He"), "b": StreamedText(1, "Hel", "Hel"), "c": StreamedText()}
    assert streamed_as(texts, "a", "Bye") == "a"
    assert streamed_as(texts, "new", "Hello") == "b"
    assert streamed_as(texts, "new", "Bye") == "new"
