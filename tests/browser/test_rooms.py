"""The data, report and operator views."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import FilePayload, Page, Route, expect

from test_framework.users import TestUser

from .conftest import QUESTION, Pages, Reported, ask

IMPORT_MS = 40_000
REJECTING = (
    "ts,model,input_tokens,output_tokens\n"
    "2026-01-05T00:00:00Z,gpt-4o,1000,100\n"
    "2026-01-06T00:00:00Z,gpt-4o,minus one,100\n"
    "2026-01-07T00:00:00Z,gpt-4o,2000,200\n"
)


def choose(page: Page, file: Path | FilePayload) -> None:
    page.get_by_role("link", name="Data", exact=True).click()
    page.get_by_label("Usage file").set_input_files(file)


def imported(page: Page, file: Path | FilePayload) -> None:
    choose(page, file)
    page.get_by_role("button", name="Import").click()
    expect(page.get_by_role("heading", name="was imported")).to_be_visible(timeout=IMPORT_MS)


def report_of(pages: Pages, reported: Reported) -> Page:
    page = pages.open(reported.user)
    page.goto(f"{pages.server.url}/#/report/{reported.run}")
    expect(page.get_by_role("heading", name="Spend by day")).to_be_visible()
    return page


def exported(page: Page, kind: str, folder: Path) -> str:
    with page.expect_download() as download:
        page.get_by_role("group", name="Export").get_by_role("button", name=kind).click()
    path = folder / f"report.{kind.lower()}"
    download.value.save_as(path)
    return path.read_text()


def csv_file(name: str, text: str) -> FilePayload:
    return {"name": name, "mimeType": "text/csv", "buffer": text.encode()}


def test_a_file_is_recognised_confirmed_imported_listed_and_deleted(pages: Pages, sample: Path) -> None:
    page = pages.open()
    page.get_by_role("link", name="Data", exact=True).click()
    expect(page.get_by_text("No data yet.")).to_be_visible()
    choose(page, sample)
    expect(page.get_by_text("Recognised as table")).to_be_visible()
    page.get_by_text("Preview of the first rows").click()
    expect(page.locator(".card table").last).to_contain_text("gpt-4o")
    page.get_by_role("button", name="Import").click()
    expect(page.get_by_text("5,821 rows imported as table")).to_be_visible(timeout=IMPORT_MS)
    card = page.get_by_role("article", name="usage.jsonl")
    expect(card).to_contain_text("2026-10-01 to 2026-10-30")
    card.get_by_role("button", name="Delete usage.jsonl").click()
    card.get_by_role("button", name="Delete permanently").click()
    expect(page.get_by_text("No data yet.")).to_be_visible()


def test_rejected_rows_are_listed_with_their_reasons(pages: Pages) -> None:
    page = pages.open()
    imported(page, csv_file("three.csv", REJECTING))
    work = page.locator(".card", has=page.get_by_role("heading", name="three.csv was imported"))
    expect(work).to_contain_text("2 rows imported")
    expect(work).to_contain_text("1 row rejected")
    expect(work).to_contain_text("minus one")


def test_a_file_of_no_known_format_says_so_and_can_be_mapped_by_hand(pages: Pages) -> None:
    page = pages.open()
    choose(page, csv_file("odd.csv", "q1,q2,q3,q4\n2026-01-05T00:00:00Z,gpt-4o,10,20\n"))
    expect(page.get_by_role("alert").filter(has_text="was not recognised")).to_be_visible()
    for column, header in (("timestamp", "q1"), ("model", "q2"), ("input tokens", "q3"), ("output tokens", "q4")):
        page.get_by_label(f"Column for {column}", exact=True).select_option(header)
    page.get_by_role("button", name="Refresh").click()
    expect(page.get_by_text("Recognised as table")).to_be_visible()
    page.get_by_role("button", name="Import").click()
    expect(page.get_by_text("1 row imported as table")).to_be_visible(timeout=IMPORT_MS)


def test_a_trace_that_names_no_model_asks_for_one(pages: Pages) -> None:
    page = pages.open()
    choose(page, csv_file("azure.csv", "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46.6805900,374,44\n"))
    expect(page.get_by_role("alert").filter(has_text="names no model")).to_be_visible()
    page.get_by_label("Price rows as").fill("gpt-4o")
    page.get_by_role("button", name="Refresh").click()
    expect(page.get_by_text("Its rows will be priced as gpt-4o")).to_be_visible()


def test_a_dropped_file_is_previewed(pages: Pages) -> None:
    page = pages.open()
    page.get_by_role("link", name="Data", exact=True).click()
    given = page.evaluate_handle(
        "text => { const all = new DataTransfer(); all.items.add(new File([text], 'drop.csv')); return all; }",
        REJECTING,
    )
    page.dispatch_event(".drop", "drop", {"dataTransfer": given})
    expect(page.get_by_role("heading", name="drop.csv")).to_be_visible()


def test_the_report_shows_charts_with_their_tables_and_the_assumptions_of_each_lever(
    pages: Pages, reported: Reported
) -> None:
    page = report_of(pages, reported)
    for title in ("Spend by day", "By model", "By team", "By feature", "Savings, base"):
        expect(page.get_by_role("img", name=title)).to_be_visible()
    assert page.locator("svg.picture").count() <= page.locator(".report table").count()
    expect(page.locator(".jumps")).to_contain_text("2026-10-21")
    expect(page.get_by_role("region", name="Savings opportunities")).to_contain_text("medium")
    lever = page.locator("details.lever").first
    lever.locator("summary").click()
    expect(lever.get_by_text("Assumptions")).to_be_visible()


def test_from_a_file_to_its_report_without_leaving_the_page(pages: Pages, sample: Path) -> None:
    page = pages.open()
    imported(page, sample)
    page.get_by_role("link", name="Ask about this data").click()
    ask(page, "cost_optimizer", QUESTION)
    expect(page.get_by_role("link", name="Open the report")).to_be_in_viewport(timeout=IMPORT_MS)
    page.get_by_role("link", name="Open the report").click()
    expect(page.get_by_role("heading", name="Where to cut", exact=True)).to_be_visible()


def current_report(pages: Pages, user: TestUser | None = None) -> Page:
    page = pages.open(user)
    page.get_by_role("link", name="Report", exact=True).click()
    return page


def test_the_report_of_the_current_data_needs_no_question(pages: Pages, reported: Reported, tmp_path: Path) -> None:
    page = current_report(pages, reported.user)
    expect(page.get_by_role("heading", name="Spend by day")).to_be_visible(timeout=IMPORT_MS)
    expect(page.locator(".jumps")).to_contain_text("2026-10-21")
    expect(page.locator("nav.rooms [aria-current=page]")).to_have_text("Report")
    assert exported(page, "Markdown", tmp_path).startswith("# Where the money goes")
    assert json.loads(exported(page, "JSON", tmp_path))["summary"]["requests"] == 5821
    page.goto(f"{pages.server.url}/#/report/{reported.run}")
    expect(page.get_by_role("link", name="Back to the conversation")).to_be_visible()
    assert page.locator("nav.rooms [aria-current=page]").count() == 0


def test_without_data_the_report_links_to_the_upload_and_then_shows_the_data(pages: Pages) -> None:
    pages.expected = ["422 (Unprocessable"]
    page = current_report(pages)
    expect(page.get_by_role("heading", name="Report not available")).to_be_visible()
    expect(page.get_by_text("There are no usage rows yet.")).to_be_visible()
    page.get_by_role("link", name="Upload usage data").click()
    expect(page.get_by_role("heading", name="Usage data")).to_be_visible()
    imported(page, csv_file("three.csv", REJECTING))
    page.get_by_role("link", name="Report", exact=True).click()
    expect(page.locator(".report")).to_contain_text("2 requests")
    imported(page, csv_file("four.csv", REJECTING.replace("minus one", "10")))
    page.get_by_role("link", name="Report", exact=True).click()
    expect(page.locator(".report")).to_contain_text("5 requests")


def test_a_failed_export_says_why(pages: Pages, reported: Reported) -> None:
    pages.expected = ["503 (Service Unavailable)"]
    page = current_report(pages, reported.user)
    expect(page.get_by_role("heading", name="Spend by day")).to_be_visible(timeout=IMPORT_MS)
    problem = {"error": "dependency_unavailable", "detail": "The usage data cannot be opened at the moment."}
    page.route("**/api/usage/report", lambda route: route.fulfill(status=503, json=problem))
    page.get_by_role("button", name="Markdown").click()
    expect(page.get_by_role("alert").filter(has_text="cannot be opened")).to_be_visible()
    expect(page.get_by_role("heading", name="Spend by day")).to_be_visible()


def test_tables_of_the_report_sort_by_any_column(pages: Pages, reported: Reported) -> None:
    page = report_of(pages, reported)
    table = page.get_by_role("region", name="By model")
    names = table.locator("tbody th")
    assert names.all_text_contents()[0] == "gpt-4o"
    table.get_by_role("button", name="Model").click()
    assert names.all_text_contents() == sorted(names.all_text_contents())
    table.get_by_role("button", name="Cost").click()
    expect(table.locator("[aria-sort=descending]")).to_contain_text("Cost")
    assert names.all_text_contents()[0] == "gpt-4o"


def test_the_report_can_be_exported(pages: Pages, reported: Reported, tmp_path: Path) -> None:
    page = report_of(pages, reported)
    assert exported(page, "Markdown", tmp_path).startswith("# Where the money goes")
    assert json.loads(exported(page, "JSON", tmp_path))["report"]["report_version"] == 1
    assert exported(page, "CSV", tmp_path).splitlines()[0].startswith("split,name,usd")
    html = exported(page, "HTML", tmp_path)
    assert "<svg" in html
    assert "<script" not in html
    alone = pages.context().new_page()
    alone.goto((tmp_path / "report.html").as_uri())
    expect(alone.get_by_role("heading", name="Where to cut", exact=True)).to_be_visible()
    assert alone.locator("details:not([open])").count() == 0
    alone.close()


def test_only_the_report_is_printed(pages: Pages, reported: Reported) -> None:
    page = report_of(pages, reported)
    page.emulate_media(media="print")
    for around in ("header.top", "#side", ".report-bar"):
        expect(page.locator(around)).to_be_hidden()
    expect(page.get_by_role("img", name="Savings, base")).to_be_visible()


def test_another_users_report_looks_like_one_that_does_not_exist(pages: Pages, reported: Reported) -> None:
    pages.expected = ["404 (Not Found)"]
    page = pages.open()
    page.goto(f"{pages.server.url}/#/report/{reported.run}")
    expect(page.get_by_role("heading", name="Report not available")).to_be_visible()


def test_an_operator_sees_connections_runs_refusals_and_the_drill(pages: Pages) -> None:
    page, user = pages.open(None, "admin"), pages.user()
    other = pages.open(user)
    ask(other, "patient", "wait")
    expect(other.locator(".is-streaming")).to_be_visible()
    page.get_by_role("link", name="Operator").click()
    expect(page.get_by_role("region", name="Live connections")).to_contain_text(user.id)
    expect(page.get_by_role("region", name="Runs by user")).to_contain_text(user.id)
    expect(page.get_by_role("heading", name="Rates")).to_be_visible()
    page.get_by_role("button", name="Run the drill").click()
    expect(page.get_by_text("attempts refused")).to_be_visible(timeout=IMPORT_MS)
    expect(page.get_by_role("region", name="Attempts")).to_contain_text("use another user's thread")
    expect(page.get_by_role("region", name="Refusals by validation point")).to_be_visible()
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_label("User to sign out").fill(user.id)
    page.get_by_role("button", name="Sign out everywhere").click()
    expect(page.get_by_text(f"{user.id} is signed out everywhere.")).to_be_visible()
    expect(other.get_by_role("heading", name="Sign in to Netra")).to_be_visible()


def test_only_operators_can_open_the_operator_view(pages: Pages) -> None:
    pages.expected = ["403 (Forbidden)"]
    page = pages.open()
    expect(page.get_by_role("link", name="Operator")).to_be_hidden()
    page.goto(f"{pages.server.url}/#/operator")
    expect(page.get_by_role("alert").filter(has_text="scope admin")).to_be_visible()


def test_a_view_that_loads_after_the_user_left_it_stays_hidden(pages: Pages) -> None:
    page = pages.open()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    held: list[Route] = []
    page.route("**/views/data.js", lambda route: held.append(route))
    with page.expect_request("**/views/data.js"):
        page.goto(f"{pages.server.url}/#/data")
    page.goto(f"{pages.server.url}/#/")
    held[0].continue_()
    page.wait_for_selector("netra-data", state="attached")
    expect(page.locator("h1:visible")).to_have_count(1)


@pytest.mark.parametrize("width", [1280, 380])
def test_nothing_is_wider_than_the_page(pages: Pages, width: int) -> None:
    page = pages.open(None, "admin", viewport={"width": width, "height": 800})
    if width < 700:
        page.goto(f"{pages.server.url}/#/data")
        page.get_by_label("Usage file").set_input_files(csv_file("wide.csv", REJECTING.replace("gpt-4o", "gpt" * 60)))
        expect(page.get_by_text("Recognised as table")).to_be_visible()
    for room in ("data", "operator", ""):
        page.goto(f"{pages.server.url}/#/{room}")
        expect(page.locator(f"netra-{room or 'chat'} h1")).to_be_visible()
        expect(page.locator("h1:visible")).to_have_count(1)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), room
