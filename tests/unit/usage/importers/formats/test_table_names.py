from netra_backend.app.usage.importers.formats.table import TARGETS
from netra_backend.app.usage.importers.formats.table_names import NAMES, guess


def test_names_are_matched_without_case_and_punctuation() -> None:
    assert guess(["Start-Time", "Model Name", "Prompt Tokens", "completionTokens"]) == {
        "ts": "Start-Time",
        "model": "Model Name",
        "input_tokens": "Prompt Tokens",
        "output_tokens": "completionTokens",
    }


def test_the_plainest_name_wins_and_a_column_serves_once() -> None:
    assert guess(["created_at", "timestamp", "user", "end_user"]) == {"ts": "timestamp", "end_user": "end_user"}


def test_nested_names_are_matched_with_their_outer_one() -> None:
    assert guess(["usage.prompt_tokens"]) == {"input_tokens": "usage.prompt_tokens"}


def test_every_guess_is_something_that_a_mapping_may_name() -> None:
    assert set(NAMES) <= TARGETS
