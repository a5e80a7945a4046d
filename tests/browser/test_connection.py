"""Lost networks, ended sign-ins, decisions made in other tabs."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from .conftest import Pages, ask, ended


def test_a_lost_network_is_shown_and_nothing_is_missed_when_it_is_back(pages: Pages) -> None:
    pages.expected = ["net::ERR_INTERNET_DISCONNECTED"]
    user = pages.user()
    page, other = pages.open(user), pages.open(user)
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


def test_a_question_asked_offline_is_sent_once_when_the_network_is_back(pages: Pages) -> None:
    pages.expected = ["net::ERR_INTERNET_DISCONNECTED"]
    page = pages.open()
    ask(page, "echo", "first")
    expect(ended(page)).to_contain_text("first")
    page.context.set_offline(True)
    expect(page.locator("netra-connection")).to_have_attribute("data-state", "offline")
    ask(page, "echo", "second")
    page.context.set_offline(False)
    expect(ended(page)).to_contain_text("second")
    expect(page.locator(".question")).to_have_count(2)


def test_a_sign_in_that_ended_asks_again_and_the_draft_stays(pages: Pages) -> None:
    user = pages.user()
    page = pages.open(user)
    page.get_by_label("Your question").fill("half a thought")
    assert pages.server.command("revoke", user.id).returncode == 0
    expect(page.get_by_role("heading", name="Sign in to Netra")).to_be_visible()
    assert page.evaluate("sessionStorage.getItem('netra.token')") is None
    page.get_by_label("Sign-in link or token").fill(pages.link(pages.users.token_for(user.id)))
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("netra-connection")).to_have_attribute("data-state", "open")
    expect(page.get_by_label("Your question")).to_have_value("half a thought")


def test_the_next_user_finds_nothing_of_the_previous_one(pages: Pages) -> None:
    ann = pages.user()
    page = pages.open(ann)
    ask(page, "echo", "ann was here")
    expect(ended(page)).to_contain_text("ann was here")
    page.get_by_label("Your question").fill("ann's draft")
    page.evaluate("link => { location.hash = link.slice(link.indexOf('#')); }", pages.link(pages.user()))
    expect(page.get_by_role("heading", name="Where does your LLM money go?")).to_be_visible()
    expect(page.get_by_text("No conversations yet.")).to_be_visible()
    expect(page.get_by_label("Your question")).to_have_value("")
    assert "ann" not in page.locator("body").inner_text()


def test_a_bad_token_is_reported_and_a_good_one_accepted(pages: Pages) -> None:
    pages.expected = ["401 (Unauthorized)"]
    page = pages.tab(pages.context(), f"{pages.server.url}/#token=nonsense")
    expect(page.get_by_role("alert").filter(has_text="does not accept this sign-in")).to_be_visible()
    assert "#" not in page.url
    page.get_by_label("Sign-in link or token").fill("not a token!")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert").filter(has_text="neither")).to_be_visible()
    page.get_by_label("Sign-in link or token").fill(pages.user().token)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("netra-connection")).to_have_attribute("data-state", "open")


def test_signing_out_forgets_the_token(pages: Pages) -> None:
    page = pages.open()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in to Netra")).to_be_visible()
    assert page.evaluate("sessionStorage.getItem('netra.token')") is None


def test_an_approval_in_one_tab_closes_the_card_in_the_other(pages: Pages) -> None:
    user = pages.user()
    page, other = pages.open(user), pages.open(user)
    ask(page, "careful", "the plan")
    for each in (page, other):
        expect(each.locator(".approval")).to_contain_text("the plan")
    expect(page.locator('[data-step="approval_requested"]')).to_contain_text("waiting for you")
    other.get_by_role("button", name="Approve").click()
    for each in (page, other):
        expect(each.locator(".approval")).to_have_count(0)
    expect(ended(page)).to_contain_text("It was allowed.")
    expect(page.locator('[data-step="approval_requested"]')).to_contain_text("approved")


def test_a_pending_approval_survives_a_reload_and_can_be_denied(pages: Pages) -> None:
    page = pages.open()
    ask(page, "careful", "no")
    expect(page.locator(".approval")).to_be_visible()
    page.reload()
    expect(page.locator(".approval")).to_contain_text(re.compile("Expires at \\d\\d:\\d\\d"))
    page.get_by_role("button", name="Deny").click()
    expect(ended(page)).to_contain_text("It was denied.")


def test_a_question_is_a_form_that_goes_on_all_devices_when_it_is_answered_on_one(pages: Pages) -> None:
    user = pages.user()
    page, other = pages.open(user), pages.open(user)
    ask(page, "curious", "plan")
    form = page.get_by_role("form", name="Where to, and how?")
    for each in (page, other):
        expect(each.locator(".asked")).to_contain_text("Where to, and how?")
    expect(page.locator('[data-step="question_asked"]')).to_contain_text("waiting for you")
    form.get_by_label("City").fill("Rome")
    form.get_by_label("How many seats?").fill("0")
    form.get_by_label("Class").select_option("second")
    form.get_by_label("Window").check()
    form.get_by_role("button", name="Answer").click()
    expect(form.get_by_role("alert")).to_contain_text("/seats")
    form.get_by_label("How many seats?").fill("2")
    form.get_by_role("button", name="Answer").click()
    for each in (page, other):
        expect(each.locator(".asked")).to_contain_text("Anything else?")
        expect(each.locator(".asked")).to_have_count(1)
    other.get_by_label("Your answer").fill("a nap")
    other.get_by_role("button", name="Answer").click()
    for each in (page, other):
        expect(each.locator(".asked")).to_have_count(0)
    expect(ended(page)).to_contain_text("2 to Rome, second, window: True; a nap")
    expect(page.locator('[data-step="question_asked"]').last).to_contain_text("a nap")


def test_a_denial_tells_the_agent_why(pages: Pages) -> None:
    page = pages.open()
    ask(page, "careful", "the plan")
    card = page.locator(".approval")
    card.get_by_label("Reason").fill("Not today.")
    card.get_by_role("button", name="Deny").click()
    expect(ended(page)).to_contain_text("It was denied.")
    page.locator('[data-outcome="tool_completed"] summary').click()
    expect(page.locator('[data-outcome="tool_completed"]')).to_contain_text("Not today.")
