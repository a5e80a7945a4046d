"""Asking and seeing what happens, as a person does."""

from __future__ import annotations

from playwright.sync_api import Response, expect

from .conftest import Pages, ask, ended

FIRST_PAINT_BYTES = 100 * 1024


def test_a_sign_in_link_is_read_once_and_leaves_no_trace_in_the_address(pages: Pages) -> None:
    user = pages.user()
    page = pages.open(user)
    assert page.url == f"{pages.server.url}/"
    assert page.evaluate("Object.values(localStorage).join() + document.cookie") == ""
    assert page.evaluate("sessionStorage.getItem('netra.token')") == user.token
    expect(page.locator("#user")).to_have_text(user.id)


def test_all_five_events_are_seen_with_their_time(pages: Pages) -> None:
    page = pages.open()
    ask(page, "echo", "hello there")
    expect(ended(page)).to_contain_text("hello there")
    steps = page.locator("[data-step]")
    assert steps.evaluate_all("found => found.map(each => each.dataset.step)") == [
        "agent_started",
        "agent_thinking",
        "tool_executing",
        "agent_completed",
    ]
    assert page.locator("[data-outcome]").get_attribute("data-outcome") == "tool_completed"
    assert all(" ms" in text or " s" in text for text in page.locator(".step-time").all_text_contents())
    page.locator("summary").click()
    expect(page.locator(".step-body")).to_contain_text("hello there")


def test_the_first_paint_is_small(pages: Pages) -> None:
    page = pages.tab(pages.context(), f"{pages.server.url}/healthz")
    answers: list[Response] = []
    page.on("response", lambda answer: answers.append(answer))
    page.goto(pages.link(pages.user()))
    expect(page.get_by_text("No conversations yet.")).to_be_visible()
    sizes = {answer.url.removeprefix(pages.server.url): len(answer.body()) for answer in answers}
    assert "/page/core/link.js" in sizes
    assert sum(sizes.values()) < FIRST_PAINT_BYTES, (sum(sizes.values()), sizes)


def test_a_run_is_stopped(pages: Pages) -> None:
    page = pages.open()
    ask(page, "patient", "wait for me")
    expect(page.locator(".is-streaming")).to_contain_text("The first part.")
    page.get_by_role("button", name="Stop").click()
    expect(ended(page, "agent_cancelled")).to_contain_text("Stopped by you.")
    expect(page.get_by_role("button", name="Stop")).to_be_hidden()


def test_an_error_says_what_to_do_and_can_be_retried(pages: Pages) -> None:
    page = pages.open()
    ask(page, "failing", "anything")
    expect(ended(page, "agent_failed")).to_contain_text("The oracle does not answer.")
    failed = ended(page, "agent_failed")
    error_id = failed.locator("code").text_content()
    failed.get_by_role("button", name="Try again").click()
    expect(failed.locator("code")).not_to_have_text(str(error_id))
    expect(page.locator(".question")).to_have_count(1)  # it stands in the place of what failed


def test_an_edited_question_stands_in_the_place_of_what_followed_on_every_device(pages: Pages) -> None:
    user = pages.user()
    page, other = pages.open(user), pages.open(user)
    ask(page, "echo", "one")
    ended(page)
    ask(page, "echo", "two")
    expect(page.locator('[data-end="agent_completed"]')).to_have_count(2)
    other.goto(page.url)
    expect(other.locator('[data-end="agent_completed"]')).to_have_count(2)
    page.locator(".question", has_text="one").get_by_role("button", name="Edit").click()
    note = page.get_by_text("Sending it replaces the question, and what followed it.")
    expect(note).to_be_visible()
    expect(page.get_by_label("Your question")).to_have_value("one")
    page.get_by_label("Your question").fill("ONE")
    page.get_by_role("button", name="Send").click()
    for device in (page, other):
        expect(device.locator(".question-text")).to_have_text(["ONE"])
        expect(ended(device)).to_contain_text("ONE")
    expect(note).to_be_hidden()
    page.get_by_role("button", name="Edit").click()
    page.get_by_role("button", name="Ask a new one instead").click()
    expect(note).to_be_hidden()


def test_a_second_question_waits_and_shows_its_position(pages: Pages) -> None:
    page = pages.open()
    ask(page, "patient", "first")
    expect(page.locator(".is-streaming")).to_be_visible()
    ask(page, "echo", "second")
    expect(page.locator(".question .badge")).to_have_text("position 1 in the queue")
    page.get_by_role("button", name="Stop").click()
    expect(ended(page)).to_contain_text("second")
    expect(page.locator(".question .badge")).to_have_count(0)


def test_a_reload_in_mid_run_loses_nothing(pages: Pages) -> None:
    user = pages.user()
    page, other = pages.open(user), pages.open(user)
    ask(page, "patient", "be patient")
    expect(page.locator(".is-streaming")).to_contain_text("The first part.")
    page.reload()
    expect(page.locator(".question")).to_contain_text("be patient")
    expect(page.locator(".is-streaming")).to_contain_text("The first part.")
    ask(other, "opener", "go on")
    expect(ended(page)).to_contain_text("The first part. The second part.")
    expect(page.locator('[data-step="agent_thinking"]')).to_have_count(1)


def test_two_tabs_stay_in_step(pages: Pages) -> None:
    context, user = pages.context(), pages.user()
    first = pages.tab(context, pages.link(user))
    ask(first, "echo", "one")
    expect(ended(first)).to_contain_text("one")
    second = pages.tab(context, pages.link(user))
    second.get_by_role("link", name="one").click()
    ask(second, "echo", "two")
    expect(ended(first)).to_contain_text("two")
    ask(first, "echo", "three")
    expect(ended(second)).to_contain_text("three")
    first.get_by_role("link", name="New chat").click()
    ask(first, "echo", "elsewhere")
    expect(second.locator(".thread-list")).to_contain_text("elsewhere")


def test_two_users_side_by_side_see_only_their_own(pages: Pages) -> None:
    ann, bob = pages.open(), pages.open()
    ask(ann, "echo", "ann's secret")
    ask(bob, "echo", "bob's secret")
    expect(ended(ann)).to_contain_text("ann's secret")
    expect(ended(bob)).to_contain_text("bob's secret")
    bob.goto(ann.url)
    expect(bob.get_by_role("heading", name="Conversation not found")).to_be_visible()
    assert "ann's" not in bob.content()
    assert "bob's" not in ann.content()


def test_markup_in_text_stays_text(pages: Pages) -> None:
    page = pages.open()
    ask(page, "hostile", "<b>bold</b>")
    expect(ended(page).locator("table")).to_be_visible()
    assert page.locator("main img, main script, main b, main a[href^=javascript]").count() == 0
    expect(page.locator(".question")).to_contain_text("<b>bold</b>")


def test_five_thousand_events_leave_few_rows_in_the_page_and_scroll_from_end_to_start(pages: Pages) -> None:
    page = pages.open()
    ask(page, "talkative", "5000")
    expect(ended(page)).to_contain_text("That was all.")
    expect(page.get_by_text("Thought 5000", exact=True)).to_be_visible()
    assert page.locator(".window-row").count() < 120
    page.locator(".conversation").evaluate("frame => { frame.scrollTop = 0; }")
    expect(page.locator(".question")).to_be_in_viewport()
    expect(page.get_by_text("Thought 3", exact=True)).to_be_in_viewport()
    assert page.locator(".window-row").count() < 120


def test_a_conversation_is_found_renamed_and_deleted(pages: Pages) -> None:
    page = pages.open()
    for text in ("apples", "pears"):
        page.get_by_role("link", name="New chat").click()
        ask(page, "echo", text)
        expect(ended(page)).to_contain_text(text)
    page.get_by_label("Search conversations").fill("apple")
    expect(page.locator(".thread-list li")).to_have_count(1)
    page.get_by_label("Rename or delete apples").click()
    page.get_by_label("Title").fill("apple tree")
    page.get_by_role("button", name="Rename", exact=True).click()
    expect(page.locator(".thread-list")).to_contain_text("apple tree")
    page.get_by_label("Rename or delete apple tree").click()
    page.get_by_role("button", name="Delete permanently").click()
    expect(page.locator(".thread-list li")).to_have_count(0)


def test_everything_can_be_done_by_keyboard_alone(pages: Pages) -> None:
    page = pages.open()
    expect(page.get_by_label("Your question")).to_be_focused()
    page.keyboard.type("by hand")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("on two lines")
    page.keyboard.press("Tab")
    page.keyboard.type("echo")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(ended(page)).to_contain_text("on two lines")
    page.keyboard.press("/")
    summary = page.locator("summary")
    for _ in range(40):
        if summary.evaluate("element => element === document.activeElement"):
            break
        page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.locator(".step-body")).to_be_visible()
    page.locator("body").press("Escape")
    page.locator(".skip").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()


def test_on_a_phone_the_list_of_conversations_opens_and_closes(pages: Pages) -> None:
    page = pages.open(viewport={"width": 380, "height": 780})
    expect(page.locator("#side")).to_be_hidden()
    page.get_by_role("button", name="Menu").click()
    expect(page.get_by_role("link", name="New chat")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#side")).to_be_hidden()
    ask(page, "hostile", "wide" * 60)
    expect(ended(page)).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
