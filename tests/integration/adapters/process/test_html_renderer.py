"""HTML is made in a child process, in turn, within a bound, and for nobody who has left."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from netra_backend.app.adapters.process.html_renderer import HtmlChild, HtmlRenderer, is_quick
from netra_backend.app.services.safe_html import MAX_CHARACTERS, as_written, safe_html

PATIENCE_S = 60.0
LONG = "[" * 64_000


@pytest.fixture
async def renderer() -> AsyncIterator[HtmlChild]:
    renderer = HtmlChild(PATIENCE_S)
    yield renderer
    await renderer.close()


async def test_it_is_what_this_process_would_have_made() -> None:
    renderer = HtmlRenderer(PATIENCE_S)
    for text in ("# Costs\n\n| a |\n|--:|\n| 1 |", "<script>x</script>", "ü \u2028 \x00 𝕏", "x" * (MAX_CHARACTERS + 1)):
        assert await renderer.html("user_ada", text) == safe_html(text)
    await renderer.close()


async def test_what_is_quick_waits_for_nothing_that_another_user_makes_slow(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    renderer, begun, go_on = HtmlRenderer(PATIENCE_S), asyncio.Event(), asyncio.Event()

    async def slow(markdown: str) -> str:
        begun.set()
        await go_on.wait()
        return "made"

    monkeypatch.setattr(renderer._slow, "_rendered", slow)
    rendering = asyncio.ensure_future(renderer.html("user_eve", LONG))
    await begun.wait()
    assert await renderer.html("user_ada", "*a*") == "<p><em>a</em></p>\n"
    go_on.set()
    assert await rendering == "made"
    await renderer.close()


@pytest.mark.parametrize("mark", ["[", "![", "*_", "&#", "`", "<a ", "\\[", "~~", "![](", "> ", "- ", "1. "])
def test_what_may_be_made_slow_with_is_bounded_in_what_is_quick(mark: str) -> None:
    assert is_quick(mark * 100)
    assert not is_quick(mark * 1_001)


def test_a_table_of_many_cells_is_not_quick() -> None:
    assert not is_quick("a|" * 300 + "\n" + "-|" * 300 + "\n" + "x\n" * 20_000)
    assert not is_quick("a|b\n-|-\n" + "x\n" * 19_000)


def test_few_marks_in_a_long_text_are_not_quick() -> None:
    assert not is_quick(("[" + "x" * 125) * 495)
    assert not is_quick("[" * 600 + "x" * 7_500)


def test_a_report_is_quick() -> None:
    row = "| **gpt-5-mini** | 1,204,332 | 24.12 % | $3,112.40 | `cache` |\n"
    assert is_quick("# Costs\n\n" + "|a|b|c|d|e|\n|-|-:|-:|-:|-|\n" + row * 60)


async def test_what_takes_too_long_is_shown_as_it_is_written_and_harms_nothing_after_it(
    renderer: HtmlChild,
) -> None:
    await renderer.html("user_ada", "a child is there")
    renderer._within_s = 0.01
    assert await renderer.html("user_ada", LONG) == as_written(LONG)
    renderer._within_s = PATIENCE_S
    assert await renderer.html("user_ada", "*a*") == "<p><em>a</em></p>\n"


async def test_the_loop_goes_on_while_it_is_made(renderer: HtmlChild) -> None:
    await renderer.html("user_ada", "a child is there")
    rendering, turns = asyncio.ensure_future(renderer.html("user_ada", LONG)), 0
    while not rendering.done():
        await asyncio.wait([rendering], timeout=0)
        turns += 1
    assert turns > 100


async def test_users_have_their_turns(renderer: HtmlChild) -> None:
    done: list[str] = []

    async def render(owner: str) -> None:
        await renderer.html(owner, "a")
        done.append(owner)

    await asyncio.gather(*(render(owner) for owner in ("ada", "ada", "ada", "bob", "cyd")))
    assert done == ["ada", "ada", "bob", "cyd", "ada"]


async def test_for_whoever_left_before_the_turn_nothing_is_made_and_amid_it_the_child_stays(
    renderer: HtmlChild, monkeypatch: pytest.MonkeyPatch
) -> None:
    await renderer.html("user_ada", "a child is there")
    made, begun = list[str](), asyncio.Event()
    render = renderer._rendered

    async def counted(markdown: str) -> str:
        made.append(markdown)
        begun.set()
        return await render(markdown)

    monkeypatch.setattr(renderer, "_rendered", counted)
    child = renderer._child
    asked = [asyncio.ensure_future(renderer.html("user_ada", text)) for text in (LONG, "never", "never")]
    await begun.wait()
    for each in asked:
        each.cancel()
    await asyncio.wait(asked)
    assert await renderer.html("user_bob", "*b*") == "<p><em>b</em></p>\n"
    assert made == [LONG, "*b*"]
    assert renderer._child is child


async def test_a_child_that_was_killed_is_replaced(renderer: HtmlChild) -> None:
    await renderer.html("user_ada", "a")
    assert renderer._child is not None
    renderer._child.kill()
    assert await renderer.html("user_ada", "*a*") == as_written("*a*")
    assert await renderer.html("user_ada", "*a*") == "<p><em>a</em></p>\n"
