"""What comes and goes: networks, sign-ins, decisions in other tabs."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from .conftest import Visits, ask, ended


def test_a_cut_network_is_told_and_nothing_is_missed_when_it_is_back(visits: Visits) -> None:
    visits.expected = ["net::ERR_INTERNET_DISCONNECTED"]
    user = visits.user()
    page, other = visits.open(user), visits.open(user)
    ask(page, "echo", "before")
    expect(ended(page)).to_contain_text("before")
    page.context.set_offline(True)
    expect(page.locator("netra-connection")).to_have_attribute("data-state", "offline")
    other.goto(page.url)
    expect(ended(other)).to_contain_text("before")
    ask(other, "echo", "meanwhile")
    expect(ended(other)).to_contain_text("meanwhile")
    page.context.set_offline(False)
    expect(page.locator(".connection-note")).to_have_text("Caught up, nothing missed (6 events replayed).")
    expect(ended(page)).to_contain_text("meanwhile")
    expect(page.locator(".question")).to_have_count(2)


def test_what_is_asked_without_a_network_is_asked_once_when_it_is_back(visits: Visits) -> None:
    visits.expected = ["net::ERR_INTERNET_DISCONNECTED"]
    page = visits.open()
    ask(page, "echo", "first")
    expect(ended(page)).to_contain_text("first")
    page.context.set_offline(True)
    expect(page.locator("netra-connection")).to_have_attribute("data-state", "offline")
    ask(page, "echo", "second")
    page.context.set_offline(False)
    expect(ended(page)).to_contain_text("second")
    expect(page.locator(".question")).to_have_count(2)


def test_a_sign_in_that_ended_asks_again_and_the_draft_stays(visits: Visits) -> None:
    user = visits.user()
    page = visits.open(user)
    page.get_by_label("Your question").fill("half a thought")
    assert visits.server.command("revoke", user.id).returncode == 0
    expect(page.get_by_role("heading", name="Sign in to Netra")).to_be_visible()
    assert page.evaluate("sessionStorage.getItem('netra.token')") is None
    page.get_by_label("Sign-in link or token").fill(visits.link(visits.users.token_for(user.id)))
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("netra-connection")).to_have_attribute("data-state", "open")
    expect(page.get_by_label("Your question")).to_have_value("half a thought")


def test_another_user_who_signs_in_finds_nothing_of_the_one_before(visits: Visits) -> None:
    ann = visits.user()
    page = visits.open(ann)
    ask(page, "echo", "ann was here")
    expect(ended(page)).to_contain_text("ann was here")
    page.get_by_label("Your question").fill("ann's draft")
    page.evaluate("link => { location.hash = link.slice(link.indexOf('#')); }", visits.link(visits.user()))
    expect(page.get_by_role("heading", name="Where does your LLM money go?")).to_be_visible()
    expect(page.get_by_text("No conversations yet.")).to_be_visible()
    expect(page.get_by_label("Your question")).to_have_value("")
    assert "ann" not in page.locator("body").inner_text()


def test_a_bad_token_is_told_and_a_good_one_is_taken(visits: Visits) -> None:
    visits.expected = ["401 (Unauthorized)"]
    page = visits.tab(visits.context(), f"{visits.server.url}/#token=nonsense")
    expect(page.get_by_role("alert").filter(has_text="does not take this sign-in")).to_be_visible()
    assert "#" not in page.url
    page.get_by_label("Sign-in link or token").fill("not a token!")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert").filter(has_text="neither")).to_be_visible()
    page.get_by_label("Sign-in link or token").fill(visits.user().token)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("netra-connection")).to_have_attribute("data-state", "open")


def test_signing_out_forgets_the_token(visits: Visits) -> None:
    page = visits.open()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in to Netra")).to_be_visible()
    assert page.evaluate("sessionStorage.getItem('netra.token')") is None


def test_what_is_approved_in_one_tab_closes_in_the_other(visits: Visits) -> None:
    user = visits.user()
    page, other = visits.open(user), visits.open(user)
    ask(page, "careful", "the plan")
    for each in (page, other):
        expect(each.locator(".approval")).to_contain_text("the plan")
    expect(page.locator('[data-step="approval_requested"]')).to_contain_text("waits for you")
    other.get_by_role("button", name="Approve").click()
    for each in (page, other):
        expect(each.locator(".approval")).to_have_count(0)
    expect(ended(page)).to_contain_text("It was allowed.")
    expect(page.locator('[data-step="approval_requested"]')).to_contain_text("approved")


def test_what_waits_for_a_word_is_there_after_a_reload_and_can_be_denied(visits: Visits) -> None:
    page = visits.open()
    ask(page, "careful", "no")
    expect(page.locator(".approval")).to_be_visible()
    page.reload()
    expect(page.locator(".approval")).to_contain_text(re.compile("Until \\d\\d:\\d\\d"))
    page.get_by_role("button", name="Deny").click()
    expect(ended(page)).to_contain_text("It was denied.")
