"""The system's Chromium in front of a real server. Whatever a test does, no page may report an error, break its own policy, or
ask another host."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, expect, sync_playwright

from test_framework.server_process import ServerProcess, json_lines
from test_framework.users import LocalUsers, TestUser

CHROMIUMS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE_MS = 15_000
QUESTION = "Where does my money go, and where can I cut?"
WATCH = "addEventListener('securitypolicyviolation', e => console.error('CSP', e.violatedDirective, e.blockedURI))"

expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Ends with its module: while it is there a loop runs in this thread, and no other test could have its own."""
    path = next(filter(None, map(shutil.which, CHROMIUMS)), None)
    if path is None:
        pytest.skip("missing: Chromium. On Debian and Ubuntu: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    data_dir = tmp_path_factory.mktemp("server") / "data"
    with ServerProcess(data_dir, {"NETRA_ALLOW_DRILLS": "1"}, app="tests.browser.agents_on_show") as process:
        yield process


@pytest.fixture
def users(server: ServerProcess) -> LocalUsers:
    return LocalUsers(server.data_dir)


@dataclass
class Pages:
    """Opens pages, each in its own browser context, and records their errors and warnings."""

    browser: Browser
    server: ServerProcess
    users: LocalUsers
    contexts: list[BrowserContext] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)
    """Parts of errors that a test causes on purpose."""

    def user(self, *scopes: str) -> TestUser:
        return self.users.make("someone@example.org", scopes=scopes)

    def link(self, user: TestUser) -> str:
        return f"{self.server.url}/#token={user.token}"

    def context(self, **options: Any) -> BrowserContext:
        context = self.browser.new_context(**{"viewport": {"width": 1280, "height": 860}, **options})
        context.set_default_timeout(PATIENCE_MS)
        context.add_init_script(WATCH)
        self.contexts.append(context)
        return context

    def tab(self, context: BrowserContext, address: str) -> Page:
        page = context.new_page()
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.complain(str(error)))
        page.on("request", lambda asked: self._same_host(asked.url))
        page.goto(address)
        return page

    def open(self, user: TestUser | None = None, *scopes: str, **options: Any) -> Page:
        """A page of this user (of a new one), signed in and connected."""
        page = self.tab(self.context(**options), self.link(user or self.user(*scopes)))
        expect(page.locator("netra-connection")).to_have_attribute("data-state", "open")
        return page

    def complain(self, text: str) -> None:
        if not any(part in text for part in self.expected):
            self.complaints.append(text)

    def _heard(self, said: ConsoleMessage) -> None:
        if said.type in ("error", "warning"):
            self.complain(said.text)

    def _same_host(self, address: str) -> None:
        if not address.startswith((self.server.url, "data:", "blob:")):
            self.complain(f"asked {address}")


@pytest.fixture
def pages(browser: Browser, server: ServerProcess, users: LocalUsers) -> Iterator[Pages]:
    pages = Pages(browser, server, users)
    yield pages
    for context in pages.contexts:
        context.close()
    assert pages.complaints == []


def ask(page: Page, agent: str, text: str) -> None:
    """Ask as a person does."""
    page.get_by_label("Agent", exact=True).select_option(agent)
    page.get_by_label("Your question").fill(text)
    page.get_by_role("button", name="Send").click()


def ended(page: Page, kind: str = "agent_completed") -> Locator:
    """The last answer of this kind."""
    return page.locator(f'[data-end="{kind}"]').last


@dataclass(frozen=True)
class Reported:
    """A user whose data is imported and who has asked for the report."""

    user: TestUser
    thread: str
    run: str


@pytest.fixture(scope="session")
def reported(server: ServerProcess, sample: Path) -> Reported:
    user = LocalUsers(server.data_dir).make("someone@example.org", scopes=["admin"])
    assert server.command("import", str(sample), "--user", user.id, "--json").returncode == 0
    asked = server.command(
        "ask", QUESTION, "--agent", "cost_optimizer", "--url", server.url, "--token", user.token, "--json"
    )
    last = json_lines(asked.stdout)[-1]
    return Reported(user, last["thread_id"], last["run_id"])


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A month of usage, made up."""
    from netra_backend.app.commands.sample_data import write_sample

    path = tmp_path_factory.mktemp("sample") / "usage.jsonl"
    write_sample(path)
    return path
