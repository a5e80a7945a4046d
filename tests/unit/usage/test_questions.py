import posixpath
from collections.abc import Callable

import pytest

from netra_backend.app.usage.questions import QUESTIONS, allowed, load_question


def test_a_question_is_found_by_its_name() -> None:
    question: object = load_question("joined", {"joined": "posixpath:join"})
    assert question is posixpath.join


def test_a_name_outside_the_list_is_no_question() -> None:
    with pytest.raises(KeyError):
        load_question("posixpath:join")


@pytest.mark.parametrize("name", sorted(QUESTIONS))
def test_every_question_of_the_list_can_be_loaded(name: str) -> None:
    assert isinstance(load_question(name), Callable)  # type: ignore[arg-type]


def test_raw_sql_is_answered_only_where_it_is_allowed_and_everything_else_always() -> None:
    assert allowed(raw_sql=True) == QUESTIONS
    assert allowed(raw_sql=False) == {name: path for name, path in QUESTIONS.items() if name != "raw_sql"}
    assert "raw_sql" in QUESTIONS
