"""The page's files: the listed ones and no others, with headers that keep a browser careful, and kept by their tags."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from netra_backend.app.web.http.page_files import FOLDER, MOST_FILES, POLICY, read_page
from test_framework.served import Serve, Served

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_the_page_is_served_at_the_root_under_a_policy_without_inline_code(served: Served) -> None:
    async with served.http(None) as http:
        page = await http.get("/")
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert page.headers["content-security-policy"] == POLICY
    assert "unsafe" not in POLICY
    assert not re.search(r"<style|<script(?![^>]*\ssrc=)|\son\w+=|style=", page.text)


async def test_all_that_the_page_names_is_there(served: Served) -> None:
    async with served.http(None) as http:
        names = re.findall(r'(?:src|href)="(page/[^"]+)"', (await http.get("/")).text)
        assert names
        for name in names:
            answer = await http.get(f"/{name}")
            assert answer.status_code == 200, name
            assert answer.headers["x-content-type-options"] == "nosniff"


async def test_every_module_that_is_imported_is_there(served: Served) -> None:
    async with served.http(None) as http:
        for name in read_page():
            text = (await http.get(f"/page/{name}")).text
            for found in re.findall(r'^import[^;]*?"(\.[^"]+)"', text, re.MULTILINE):
                assert (await http.get(f"/page/{Path(name).parent}/{found}")).status_code == 200, (name, found)


async def test_an_unchanged_file_is_not_sent_again(served: Served) -> None:
    async with served.http(None) as http:
        tag = (await http.get("/")).headers["etag"]
        again = await http.get("/", headers={"If-None-Match": f'"other", {tag}'})
        other = await http.get("/", headers={"If-None-Match": '"other"'})
    assert (again.status_code, again.content) == (304, b"")
    assert other.status_code == 200


@pytest.mark.parametrize("name", ["", "nothing.js", "../page_files.py", "%2e%2e/page_files.py", "core/", "/etc/passwd"])
async def test_what_is_not_on_the_list_is_not_there(served: Served, name: str) -> None:
    async with served.http(None) as http:
        answer = await http.get(f"/page/{name}")
    assert (answer.status_code, answer.json()["error"]) == (404, "no_route")


async def test_the_page_takes_no_other_methods(served: Served) -> None:
    async with served.http(None) as http:
        assert (await http.post("/")).status_code == 405
        assert (await http.head("/")).content == b""


async def test_the_page_is_served_under_a_base_path(serve_with: Serve) -> None:
    async with serve_with(public_url="https://chat.example.org/netra") as served, served.http(None) as http:
        assert "netra-chat" in (await http.get("/netra/")).text
        assert (await http.get("/netra/page/views/main.js")).status_code == 200


async def test_a_page_of_too_many_files_is_refused(tmp_path: Path) -> None:
    for number in range(MOST_FILES + 1):
        (tmp_path / f"{number}.js").touch()
    with pytest.raises(ValueError, match="more than"):
        read_page(tmp_path)


async def test_the_page_asks_no_other_host_for_anything() -> None:
    for path in FOLDER.rglob("*"):
        if path.is_file():
            text = path.read_text().replace("http://www.w3.org/2000/svg", "")
            assert not re.search(r"https?://|\burl\(", text), path
