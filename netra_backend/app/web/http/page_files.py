"""The web page at ``/``: a fixed list of files, read once when the server starts. Nothing else of the disk can be asked for."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

FOLDER: Final = Path(__file__).parents[1] / "page"
MEDIA: Final = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
MOST_FILES: Final = 100
MOST_BYTES: Final = 1 << 20

POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types netra-server-html",
    )
)
"""No script, style or connection but this server's own, no frame around it, and one named way from a string to markup."""

_HEADERS: Final = {
    "Cache-Control": "no-cache",  # kept, and asked for again with its tag: a new server's page is seen at once
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


@dataclass(frozen=True, slots=True)
class PageFile:
    """One file as it is served. ``tag`` changes with its content."""

    content: bytes
    media: str
    tag: str


def read_page(folder: Path = FOLDER) -> dict[str, PageFile]:
    """The page's files by their path below ``folder``. Raises ``ValueError`` where they are more than a page should be."""
    found = {
        path.relative_to(folder).as_posix(): _file(path) for path in sorted(folder.rglob("*")) if path.suffix in MEDIA
    }
    if len(found) > MOST_FILES or sum(len(file.content) for file in found.values()) > MOST_BYTES:
        raise ValueError(f"{folder} holds more than {MOST_FILES} files or {MOST_BYTES} bytes")
    return found


def page_routes(files: Mapping[str, PageFile], absent: Callable[[Request], Response]) -> list[Route]:
    """``/`` and ``/page/…``. ``absent`` answers for what is not on the list."""

    def answer(request: Request, name: str) -> Response:
        file = files.get(name)
        if file is None:
            return absent(request)
        headers = {**_HEADERS, "ETag": file.tag}
        if file.tag in (each.strip() for each in request.headers.get("if-none-match", "").split(",")):
            return Response(status_code=304, headers=headers)
        return Response(file.content, 200, headers, file.media)

    async def page(request: Request) -> Response:
        return answer(request, "index.html")

    async def part(request: Request) -> Response:
        return answer(request, request.path_params["name"])

    return [Route("/", page, methods=["GET"]), Route("/page/{name:path}", part, methods=["GET"])]


def _file(path: Path) -> PageFile:
    content = path.read_bytes()
    return PageFile(content, MEDIA[path.suffix], f'"{hashlib.sha256(content).hexdigest()[:32]}"')
