"""The other rooms: data that is brought, the report that is made of it, and what an operator sees."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from test_framework.users import TestUser

from .conftest import QUESTION, FrameHandler, Reported, ask

IMPORT_MS = 40_000
REJECTING = (
    "ts,model,input_tokens,output_tokens\n"
    "2026-01-05T00:00:00Z,gpt-4o,1000,100\n"
    "2026-01-06T00:00:00Z,gpt-4o,minus one,100\n"
    "2026-01-07T00:00:00Z,gpt-4o,2000,200\n"
)


def bring(page: Page, file: Path | dict[str, object]) -> None:
    page.get_by_role("link", name="Data", exact=True).click()
    page.get_by_label("Usage file").set_input_files(file)  # type: ignore[arg-type]


def imported(page: Page, file: Path | dict[str, object]) -> None:
    bring(page, file)
    page.get_by_role("button", name="Import").click()
    expect(page.get_by_role("heading", name="is imported")).to_be_visible(timeout=IMPORT_MS)


def report_of(desk: FrameHandler, reported: Reported) -> Page:
    page = desk.open(reported.user)
    page.goto(f"{desk.server.url}/#/report/{reported.run}")
    expect(page.get_by_role("heading", name="Spend by day")).to_be_visible()
    return page


def taken(page: Page, kind: str, folder: Path) -> str:
    with page.expect_download() as download:
        page.get_by_role("group", name="Take along").get_by_role("button", name=kind).click()
    path = folder / f"report.{kind.lower()}"
    download.value.save_as(path)
    return path.read_text()


def csv_file(name: str, text: str) -> dict[str, object]:
    return {"name": name, "mimeType": "text/csv", "buffer": text.encode()}


def test_a_file_is_recognised_confirmed_imported_listed_and_deleted(desk: FrameHandler, sample: Path) -> None:
    page = desk.open()
    page.get_by_role("link", name="Data", exact=True).click()
    expect(page.get_by_text("No data yet.")).to_be_visible()
    bring(page, sample)
    expect(page.get_by_text("Recognised as table")).to_be_visible()
    page.get_by_text("The first rows, as they would be imported").click()
    expect(page.locator(".card table").last).to_contain_text("gpt-4o")
    page.get_by_role("button", name="Import").click()
    expect(page.get_by_text("5,821 rows taken as table")).to_be_visible(timeout=IMPORT_MS)
    card = page.get_by_role("article", name="usage.jsonl")
    expect(card).to_contain_text("2026-10-01 to 2026-10-30")
    card.get_by_role("button", name="Delete usage.jsonl").click()
    card.get_by_role("button", name="Delete for good").click()
    expect(page.get_by_text("No data yet.")).to_be_visible()


def test_rows_that_are_rejected_are_told_with_their_reasons(desk: FrameHandler) -> None:
    page = desk.open()
    imported(page, csv_file("three.csv", REJECTING))
    work = page.locator(".card", has=page.get_by_role("heading", name="three.csv is imported"))
    expect(work).to_contain_text("2 rows taken")
    expect(work).to_contain_text("1 row rejected")
    expect(work).to_contain_text("minus one")


def test_a_file_of_no_known_format_says_so_and_can_be_mapped_by_hand(desk: FrameHandler) -> None:
    page = desk.open()
    bring(page, csv_file("odd.csv", "q1,q2,q3,q4\n2026-01-05T00:00:00Z,gpt-4o,10,20\n"))
    expect(page.get_by_role("alert").filter(has_text="of no format that is known")).to_be_visible()
    for column, header in (("ts", "q1"), ("model", "q2"), ("input tokens", "q3"), ("output tokens", "q4")):
        page.get_by_label(f"Header for {column}", exact=True).select_option(header)
    page.get_by_role("button", name="Look again").click()
    expect(page.get_by_text("Recognised as table")).to_be_visible()
    page.get_by_role("button", name="Import").click()
    expect(page.get_by_text("1 row taken as table")).to_be_visible(timeout=IMPORT_MS)


def test_a_trace_that_names_no_model_asks_for_one(desk: FrameHandler) -> None:
    page = desk.open()
    bring(page, csv_file("azure.csv", "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46.6805900,374,44\n"))
    expect(page.get_by_role("alert").filter(has_text="names no model")).to_be_visible()
    page.get_by_label("Price the rows as").fill("gpt-4o")
    page.get_by_role("button", name="Look again").click()
    expect(page.get_by_text("it would be priced as gpt-4o")).to_be_visible()


def test_a_file_that_is_dropped_is_looked_at(desk: FrameHandler) -> None:
    page = desk.open()
    page.get_by_role("link", name="Data", exact=True).click()
    given = page.evaluate_handle(
        "text => { const all = new DataTransfer(); all.items.add(new File([text], 'drop.csv')); return all; }",
        REJECTING,
    )
    page.dispatch_event(".drop", "drop", {"dataTransfer": given})
    expect(page.get_by_role("heading", name="drop.csv")).to_be_visible()


def test_the_report_shows_pictures_with_their_tables_and_what_each_lever_assumes(
    desk: FrameHandler, reported: Reported
) -> None:
    page = report_of(desk, reported)
    for title in ("Spend by day", "By model", "By team", "By feature", "Savings, base"):
        expect(page.get_by_role("img", name=title)).to_be_visible()
    assert page.locator("svg.picture").count() <= page.locator(".report table").count()
    expect(page.locator(".jumps")).to_contain_text("2026-10-21")
    expect(page.get_by_role("region", name="Levers")).to_contain_text("medium")
    lever = page.locator("details.lever").first
    lever.locator("summary").click()
    expect(lever.get_by_text("Assumed")).to_be_visible()


def test_from_a_file_to_its_report_without_leaving_the_page(desk: FrameHandler, sample: Path) -> None:
    page = desk.open()
    imported(page, sample)
    page.get_by_role("link", name="Ask about it").click()
    ask(page, "cost_optimizer", QUESTION)
    expect(page.get_by_role("link", name="Open the report")).to_be_in_viewport(timeout=IMPORT_MS)
    page.get_by_role("link", name="Open the report").click()
    expect(page.get_by_role("heading", name="Where to cut", exact=True)).to_be_visible()


def current_report(desk: FrameHandler, user: TestUser | None = None) -> Page:
    page = desk.open(user)
    page.get_by_role("link", name="Report", exact=True).click()
    return page


def test_the_report_of_ones_data_needs_no_question(desk: FrameHandler, reported: Reported, tmp_path: Path) -> None:
    page = current_report(desk, reported.user)
    expect(page.get_by_role("heading", name="Spend by day")).to_be_visible(timeout=IMPORT_MS)
    expect(page.locator(".jumps")).to_contain_text("2026-10-21")
    expect(page.locator("nav.rooms [aria-current=page]")).to_have_text("Report")
    assert taken(page, "Markdown", tmp_path).startswith("# Where the money goes")
    assert json.loads(taken(page, "JSON", tmp_path))["summary"]["requests"] == 5821
    page.goto(f"{desk.server.url}/#/report/{reported.run}")
    expect(page.get_by_role("link", name="The conversation")).to_be_visible()
    assert page.locator("nav.rooms [aria-current=page]").count() == 0


def test_without_data_the_report_leads_to_where_data_is_brought_and_then_shows_it(desk: FrameHandler) -> None:
    desk.expected = ["422 (Unprocessable"]
    page = current_report(desk)
    expect(page.get_by_role("heading", name="There is no report here")).to_be_visible()
    expect(page.get_by_text("There are no usage rows yet.")).to_be_visible()
    page.get_by_role("link", name="Upload usage data").click()
    expect(page.get_by_role("heading", name="Usage data")).to_be_visible()
    imported(page, csv_file("three.csv", REJECTING))
    page.get_by_role("link", name="Report", exact=True).click()
    expect(page.locator(".report")).to_contain_text("2 requests")


def test_a_report_that_cannot_be_taken_along_says_why(desk: FrameHandler, reported: Reported) -> None:
    desk.expected = ["503 (Service Unavailable)"]
    page = current_report(desk, reported.user)
    expect(page.get_by_role("heading", name="Spend by day")).to_be_visible(timeout=IMPORT_MS)
    told = {"error": "dependency_unavailable", "detail": "The usage data cannot be opened at the moment."}
    page.route("**/api/usage/report", lambda route: route.fulfill(status=503, json=told))
    page.get_by_role("button", name="Markdown").click()
    expect(page.get_by_role("alert").filter(has_text="cannot be opened")).to_be_visible()
    expect(page.get_by_role("heading", name="Spend by day")).to_be_visible()


def test_tables_of_the_report_sort_by_any_column(desk: FrameHandler, reported: Reported) -> None:
    page = report_of(desk, reported)
    table = page.get_by_role("region", name="By model")
    names = table.locator("tbody th")
    assert names.all_text_contents()[0] == "gpt-4o"
    table.get_by_role("button", name="Model").click()
    assert names.all_text_contents() == sorted(names.all_text_contents())
    table.get_by_role("button", name="Cost").click()
    expect(table.locator("[aria-sort=descending]")).to_contain_text("Cost")
    assert names.all_text_contents()[0] == "gpt-4o"


def test_the_report_can_be_taken_along(desk: FrameHandler, reported: Reported, tmp_path: Path) -> None:
    page = report_of(desk, reported)
    assert taken(page, "Markdown", tmp_path).startswith("# Where the money goes")
    assert json.loads(taken(page, "JSON", tmp_path))["report"]["report_version"] == 1
    assert taken(page, "CSV", tmp_path).splitlines()[0].startswith("split,name,usd")
    html = taken(page, "HTML", tmp_path)
    assert "<svg" in html
    assert "<script" not in html
    alone = desk.context().new_page()
    alone.goto((tmp_path / "report.html").as_uri())
    expect(alone.get_by_role("heading", name="Where to cut", exact=True)).to_be_visible()
    assert alone.locator("details:not([open])").count() == 0
    alone.close()


def test_on_paper_there_is_the_report_and_nothing_around_it(desk: FrameHandler, reported: Reported) -> None:
    page = report_of(desk, reported)
    page.emulate_media(media="print")
    for around in ("header.top", "#side", ".report-bar"):
        expect(page.locator(around)).to_be_hidden()
    expect(page.get_by_role("img", name="Savings, base")).to_be_visible()


def test_a_report_of_another_user_is_as_one_that_is_not_there(desk: FrameHandler, reported: Reported) -> None:
    desk.expected = ["404 (Not Found)"]
    page = desk.open()
    page.goto(f"{desk.server.url}/#/report/{reported.run}")
    expect(page.get_by_role("heading", name="There is no report here")).to_be_visible()


def test_an_operator_sees_connections_runs_refusals_and_the_drill(desk: FrameHandler) -> None:
    page, user = desk.open(None, "admin"), desk.user()
    other = desk.open(user)
    ask(other, "patient", "wait")
    expect(other.locator(".is-streaming")).to_be_visible()
    page.get_by_role("link", name="Operator").click()
    expect(page.get_by_role("region", name="Live connections")).to_contain_text(user.id)
    expect(page.get_by_role("region", name="Runs by user")).to_contain_text(user.id)
    expect(page.get_by_role("heading", name="How often")).to_be_visible()
    page.get_by_role("button", name="Hold a drill").click()
    expect(page.get_by_text("doors refused")).to_be_visible(timeout=IMPORT_MS)
    expect(page.get_by_role("region", name="Doors")).to_contain_text("another's thread")
    expect(page.get_by_role("region", name="Refusals by validation point")).to_be_visible()
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_label("User whose sign-ins end").fill(user.id)
    page.get_by_role("button", name="End all sign-ins").click()
    expect(page.get_by_text(f"All sign-ins of {user.id} have ended.")).to_be_visible()
    expect(other.get_by_role("heading", name="Sign in to Netra")).to_be_visible()


def test_who_is_no_operator_finds_no_way_to_that_room(desk: FrameHandler) -> None:
    desk.expected = ["403 (Forbidden)"]
    page = desk.open()
    expect(page.get_by_role("link", name="Operator")).to_be_hidden()
    page.goto(f"{desk.server.url}/#/operator")
    expect(page.get_by_role("alert").filter(has_text="scope admin")).to_be_visible()


def test_a_room_that_is_loaded_after_its_user_went_elsewhere_stays_out_of_sight(desk: FrameHandler) -> None:
    page = desk.open()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    held: list[Route] = []
    page.route("**/views/data.js", lambda route: held.append(route))
    with page.expect_request("**/views/data.js"):
        page.goto(f"{desk.server.url}/#/data")
    page.goto(f"{desk.server.url}/#/")
    held[0].continue_()
    page.wait_for_selector("netra-data", state="attached")
    expect(page.locator("h1:visible")).to_have_count(1)


@pytest.mark.parametrize("width", [1280, 380])
def test_nothing_is_wider_than_the_page(desk: FrameHandler, width: int) -> None:
    page = desk.open(None, "admin", viewport={"width": width, "height": 800})
    if width < 700:
        page.goto(f"{desk.server.url}/#/data")
        page.get_by_label("Usage file").set_input_files(csv_file("wide.csv", REJECTING.replace("gpt-4o", "gpt" * 60)))
        expect(page.get_by_text("Recognised as table")).to_be_visible()
    for room in ("data", "operator", ""):
        page.goto(f"{desk.server.url}/#/{room}")
        expect(page.locator(f"netra-{room or 'chat'} h1")).to_be_visible()
        expect(page.locator("h1:visible")).to_have_count(1)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), room
