"""axe finds no serious violation in any view, in either theme. Each view is also saved as a screenshot for people to look at."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from .conftest import Pages, Reported, ask, ended
from .test_rooms import REJECTING, choose, csv_file

SCREENSHOTS = Path(__file__).parents[2] / "var" / "screenshots"
SERIOUS = ("serious", "critical")
VARIANTS = ((1280, "light", True), (1280, "dark", False), (390, "light", False), (390, "dark", True))
"""Width, theme, and whether axe checks this variant: each theme and each width once."""


def violations(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [
        f"{fault['id']}: {node['target']} {node.get('failureSummary', '')}"
        for fault in found
        if fault["impact"] in SERIOUS
        for node in fault["nodes"]
    ]


def chatting(pages: Pages, page: Page, reported: Reported) -> None:
    for agent, text, kind in (
        ("echo", "A question", "agent_completed"),
        ("failing", "Another", "agent_failed"),
        ("hostile", "word" * 90, "agent_completed"),
    ):
        ask(page, agent, text)
        expect(ended(page, kind)).to_be_visible()
    page.locator("summary").last.click()
    ask(page, "careful", "May it?")
    expect(page.locator(".approval")).to_be_visible()
    ask(page, "echo", "And then?")
    expect(page.locator(".question .badge")).to_be_visible()


def asking(pages: Pages, page: Page, reported: Reported) -> None:
    ask(page, "curious", "A trip")
    form = page.get_by_role("form", name="Where to, and how?")
    form.get_by_label("How many seats?").fill("0")
    form.get_by_label("City").fill("Rome")
    form.get_by_label("Class").select_option("second")
    form.get_by_role("button", name="Answer").click()
    expect(form.get_by_role("alert")).to_contain_text("/seats")


def data(pages: Pages, page: Page, reported: Reported) -> None:
    choose(page, csv_file("a-file-with-a-name-" + "long-" * 30 + ".csv", REJECTING))
    expect(page.get_by_text("Recognised as table")).to_be_visible()
    page.get_by_text("Columns:").click()


def report(pages: Pages, page: Page, reported: Reported) -> None:
    page.goto(f"{pages.server.url}/#/report/{reported.run}")
    expect(page.get_by_role("heading", name="Where to cut", exact=True)).to_be_visible()
    page.locator("details.lever summary").first.click()


def operator(pages: Pages, page: Page, reported: Reported) -> None:
    page.goto(f"{pages.server.url}/#/operator")
    expect(page.get_by_role("heading", name="Rates")).to_be_visible()


def nothing(pages: Pages, page: Page, reported: Reported) -> None:
    expect(page.get_by_role("heading", name="Where does your LLM money go?")).to_be_visible()


def sign_in(pages: Pages, page: Page, reported: Reported) -> None:
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in to Netra")).to_be_visible()


def answer(pages: Pages, page: Page, reported: Reported) -> None:
    page.goto(f"{pages.server.url}/#/thread/{reported.thread}")
    expect(page.get_by_role("link", name="Open the report")).to_be_visible()
    expect(page.locator(".markdown table").first).to_be_attached()


VIEWS: dict[str, Callable[[Pages, Page, Reported], None]] = {
    each.__name__: each for each in (nothing, sign_in, chatting, asking, data, report, answer, operator)
}


@pytest.mark.parametrize("view", VIEWS)
def test_no_serious_violation_in_either_theme(pages: Pages, reported: Reported, view: str) -> None:
    is_of_report = view in ("report", "answer")
    page = pages.open(reported.user if is_of_report else None, "admin", reduced_motion="reduce")
    VIEWS[view](pages, page, reported)
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    found = []
    for width, theme, is_checked in VARIANTS:
        page.set_viewport_size({"width": width, "height": 860})
        page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
        page.screenshot(path=SCREENSHOTS / f"{view}-{width}-{theme}.png")
        found += violations(page) if is_checked else []
    assert found == []


def test_a_theme_that_was_chosen_is_kept_against_the_system(pages: Pages) -> None:
    page = pages.open(color_scheme="light")
    page.get_by_role("button", name="Theme: system").click()
    page.get_by_role("button", name="Theme: light").click()
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.reload()
    expect(page.get_by_role("button", name="Theme: dark")).to_be_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == dark == "rgb(15, 19, 23)"


def test_reduced_motion_is_respected(pages: Pages) -> None:
    page = pages.open(reduced_motion="reduce")
    ask(page, "patient", "wait")
    expect(page.locator(".pulse")).to_be_visible()
    assert page.locator(".pulse").evaluate("element => getComputedStyle(element).animationName") == "none"
