"""Help as an answer."""

from __future__ import annotations

from netra_backend.app.agents.answers.help import no_data, refusal
from tests.unit.agents.conftest import Ask


async def test_import_help_tells_what_came_of_earlier_imports(ask: Ask) -> None:
    result, _ = await ask("Which file formats can I import?")
    assert "usage of ds" in result.text
    assert "84 rows" in result.text


def test_no_data_carries_its_code_and_the_way_out() -> None:
    assert no_data().data["code"] == "NO_DATA"
    assert "netra import" in no_data().text


def test_a_refusal_says_what_can_be_asked() -> None:
    assert "list prices" in refusal().text
