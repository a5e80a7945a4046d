"""Uploads a file to attach to a message."""

from __future__ import annotations

import httpx
import msgspec

from ..app.core.error_catalogue import CATALOGUE
from .errors import Closed, refused_here

_TIMEOUT_S = 120.0


class _Answer(msgspec.Struct):
    """What the server says: the file's id, or a problem (RFC 9457)."""

    file_id: str = ""
    error: str = ""
    detail: str = ""
    hint: str = ""


async def upload(url: str, token: str, content: bytes, media: str) -> str:
    """Upload a file of this media type; its ``file_id``. Raises ``Refused`` if the server does not take it, and ``Closed`` if it
    cannot be reached or answers with something else."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": media}
    try:
        async with httpx.AsyncClient(trust_env=False, timeout=_TIMEOUT_S) as http:
            response = await http.post(f"{url}/api/files", content=content, headers=headers)
    except httpx.HTTPError as fault:
        raise Closed(1006, f"{url} cannot be reached: {fault or type(fault).__name__}.") from fault
    try:
        answer = msgspec.json.decode(response.content, type=_Answer)
    except (msgspec.DecodeError, UnicodeError):
        answer = _Answer()
    if answer.file_id and response.status_code == httpx.codes.CREATED:
        return answer.file_id
    if answer.error in CATALOGUE:
        raise refused_here(answer.error, answer.detail, answer.hint)
    hint = "Check the address: something else answers there."
    raise Closed(4501, f"{url} does not answer as a Netra server.", hint)
