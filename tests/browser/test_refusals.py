"""Refused messages, sign-ins that end, proxies on a bad day: the text stays, the reason is said, nothing is sent for ever."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import Page, Route, WebSocketRoute, expect

from .conftest import Pages, ask, ended

LONG_AGO_MS = 1_700_000_000_000
SOCKET = re.compile("/ws/")
CONNECTION = "netra-connection"


def _open(page: Page) -> None:
    expect(page.locator(CONNECTION)).to_have_attribute("data-state", "open")


def _asks(text: str | bytes) -> bool:
    kind: str = json.loads(text)["type"]
    return kind == "execute_agent"


def test_a_message_that_is_too_long_stays_in_the_composer_with_the_reason(pages: Pages) -> None:
    page = pages.open()
    long = "\u0001" * 12_000  # six bytes each as JSON
    ask(page, "echo", long)
    expect(page.get_by_role("alert").filter(has_text="This is too long")).to_contain_text("the limit is 65,536 bytes")
    expect(page.get_by_label("Your question")).to_have_value(long)
    _open(page)
    ask(page, "echo", "shorter")
    expect(ended(page)).to_contain_text("shorter")
    expect(page.locator(".question")).to_have_count(1)


@pytest.mark.parametrize("refusal", ["closes with 1009", "says invalid_json without an id"])
def test_a_refused_message_is_sent_once_and_given_back(pages: Pages, refusal: str) -> None:
    asked: list[str | bytes] = []

    def between(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()

        def pass_on(text: str | bytes) -> None:
            if not _asks(text) or "good" in str(text):
                server.send(text)
                return
            asked.append(text)
            if refusal == "closes with 1009":
                socket.close(code=1009)
                server.close()
            else:
                fault = {
                    "type": "error",
                    "error": "invalid_json",
                    "message": "No JSON.",
                    "hint": "H.",
                    "retryable": False,
                }
                socket.send(json.dumps(fault))

        socket.on_message(pass_on)

    user = pages.user()
    page = pages.tab(pages.context(), "about:blank")
    page.route_web_socket(SOCKET, between)
    page.goto(pages.link(user))
    _open(page)
    ask(page, "echo", "the refused question")
    reason = "The request is too large." if "1009" in refusal else "No JSON."
    expect(page.get_by_role("alert").filter(has_text=reason)).to_be_visible()
    expect(page.get_by_label("Your question")).to_have_value("the refused question")
    _open(page)
    ask(page, "echo", "a good one")
    expect(ended(page)).to_contain_text("a good one")
    assert len(asked) == 1


def test_half_of_a_character_is_replaced_and_said_and_sent_once(pages: Pages) -> None:
    page = pages.open()
    page.get_by_label("Agent", exact=True).select_option("echo")
    page.get_by_label("Your question").evaluate("(box) => { box.value = 'half ' + String.fromCharCode(0xd83d); }")
    page.get_by_role("button", name="Send").click()
    expect(ended(page)).to_contain_text("half \ufffd")
    expect(page.locator(".connection-note")).to_contain_text("cut in half")
    expect(page.locator(".question")).to_have_count(1)


def test_a_sign_in_that_ends_while_a_question_waits_gives_it_back(pages: Pages) -> None:
    def between(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()
        socket.on_message(
            lambda text: socket.close(code=4401, reason="token_expired") if _asks(text) else server.send(text)
        )

    user = pages.user()
    page = pages.tab(pages.context(), "about:blank")
    page.route_web_socket(SOCKET, between)
    page.goto(pages.link(user))
    _open(page)
    ask(page, "echo", "a question in between")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("The token has expired. Your draft is kept.")
    page.get_by_label("Sign-in link or token").fill(pages.link(pages.users.token_for(user.id)))
    page.get_by_role("button", name="Sign in").click()
    _open(page)
    expect(page.get_by_label("Your question")).to_have_value("a question in between")


@pytest.mark.parametrize(
    ("code", "reason"),
    [(4501, "your token is not valid"), (4503, "This sign-in was revoked."), (4504, "a different user")],
)
def test_a_sign_in_that_is_over_is_asked_for_again_with_the_reason(pages: Pages, code: int, reason: str) -> None:
    page = pages.tab(pages.context(), "about:blank")
    page.route_web_socket(SOCKET, lambda socket: socket.close(code=code))
    page.goto(pages.link(pages.user()))
    expect(page.get_by_role("dialog")).to_contain_text(reason)
    assert page.evaluate("sessionStorage.getItem('netra.token')") is None


def test_a_page_that_is_opened_with_an_expired_token_says_so(pages: Pages) -> None:
    pages.expected = ["401 (Unauthorized)"]
    expired = pages.users.token_for(pages.user().id, now_ms=LONG_AGO_MS, lifetime_s=60)
    page = pages.tab(pages.context(), pages.link(expired))
    expect(page.get_by_role("alert").filter(has_text="The token has expired.")).to_be_visible()


def test_a_sign_in_that_is_not_valid_yet_is_waited_out(pages: Pages) -> None:
    closed: list[int] = []

    def early(socket: WebSocketRoute) -> None:
        if len(closed) < 2:
            closed.append(4403)
            socket.close(code=4403, reason="token_not_yet_valid")
        else:
            socket.connect_to_server()

    page = pages.tab(pages.context(), "about:blank")
    page.route_web_socket(SOCKET, early)
    page.goto(pages.link(pages.user()))
    _open(page)
    expect(page.get_by_role("dialog")).to_be_hidden()
    assert closed == [4403, 4403]


def test_a_page_that_is_opened_while_a_proxy_has_no_server_waits_for_it(pages: Pages) -> None:
    pages.expected = ["502 (Bad Gateway)"]
    refused: list[str] = []

    def away(route: Route) -> None:
        if len(refused) < 2:
            refused.append(route.request.url)
            route.fulfill(status=502, content_type="text/html", body="<html>Bad Gateway</html>")
        else:
            route.continue_()

    page = pages.tab(pages.context(), "about:blank")
    page.route("**/api/me", away)
    page.goto(pages.link(pages.user()))
    _open(page)
    expect(page.get_by_role("dialog")).to_be_hidden()
    ask(page, "echo", "there again")
    expect(ended(page)).to_contain_text("there again")
    assert len(refused) == 2


def test_a_sign_in_that_ends_while_the_page_still_loads_is_asked_for_again(pages: Pages) -> None:
    held: list[Route] = []
    user = pages.user()
    page = pages.tab(pages.context(), "about:blank")
    page.route_web_socket(SOCKET, lambda socket: socket.close(code=4503))
    page.route("**/api/agents", lambda route: held.append(route))
    page.goto(pages.link(user))
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("This sign-in was revoked.")
    held[0].continue_()
    expect(page.locator("#user")).to_have_text(user.id)
    expect(dialog).to_be_visible()
