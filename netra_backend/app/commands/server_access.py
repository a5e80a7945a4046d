"""A command's HTTP requests to a server, with its errors as they are told there."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any, Final

import httpx
import msgspec

from ...client.errors import ClientError, Closed, sentences

_BLOCK: Final = 1 << 20
_TIMEOUT: Final = httpx.Timeout(30, read=600)
_KNOCK_S: Final = 10.0


class ServerRefused(ClientError):
    """The server answered with a problem; ``problem`` is its JSON."""

    def __init__(self, problem: Mapping[str, Any]) -> None:
        super().__init__(sentences(problem.get("detail"), problem.get("hint")))
        self.problem = problem


async def require_server(url: str, hint: str) -> None:
    """Raises ``Closed`` at once if nothing answers at the address; ``hint`` is what to do then."""
    try:
        async with httpx.AsyncClient(trust_env=False, timeout=_KNOCK_S) as http:
            await http.get(f"{url}/healthz")
    except (httpx.HTTPError, httpx.InvalidURL) as fault:
        raise Closed(1006, f"No server answers at {url}.", hint) from fault


class ServerAccess:
    """One user's requests to one server."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url
        self._http = httpx.AsyncClient(
            base_url=url, headers={"Authorization": f"Bearer {token}"}, trust_env=False, timeout=_TIMEOUT
        )

    async def __aenter__(self) -> ServerAccess:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def get(self, path: str, **query: Any) -> Any:
        """JSON of a GET. Raises ``ServerRefused`` and ``Closed``."""
        return await self._ask("GET", path, query)

    async def post(self, path: str, **query: Any) -> Any:
        """JSON of a POST without a body. Raises ``ServerRefused`` and ``Closed``."""
        return await self._ask("POST", path, query)

    async def post_json(self, path: str, body: Mapping[str, Any]) -> Any:
        """JSON of a POST of ``body``. Raises ``ServerRefused`` and ``Closed``."""
        return await self._ask("POST", path, {}, msgspec.json.encode(body))

    async def delete(self, path: str) -> Any:
        """JSON of a DELETE. Raises ``ServerRefused`` and ``Closed``."""
        return await self._ask("DELETE", path, {})

    async def _ask(self, method: str, path: str, query: Mapping[str, Any], body: bytes | None = None) -> Any:
        try:
            answer = await self._http.request(method, path, params=dict(query), content=body)
        except httpx.HTTPError as fault:
            raise self._unreachable(fault) from fault
        value = msgspec.json.decode(answer.content)
        if answer.is_error:
            raise ServerRefused(value)
        return value

    async def upload(
        self, path: Path, options: Mapping[str, Any], progress: Callable[[str, int, int], None]
    ) -> dict[str, Any]:
        """Import a file through the server. ``progress(stage, done, total)`` is called while it is sent and read."""

        async def blocks() -> AsyncIterator[bytes]:
            sent = 0
            with path.open("rb") as file:  # a command has nothing else to do meanwhile
                size = os.fstat(file.fileno()).st_size
                while block := file.read(_BLOCK):
                    yield block
                    sent += len(block)
                    progress("sending", sent, size)

        query: list[tuple[str, str | int | float | bool | None]] = [
            (name, str(value)) for name, value in options.items() if name != "map"
        ]
        query += [("map", f"{column}={header}") for column, header in options.get("map", {}).items()]
        try:
            async with self._http.stream(
                "POST",
                "/api/usage/datasets",
                params=query,
                content=blocks(),
                headers={"Accept": "application/x-ndjson"},
            ) as answer:
                if answer.is_error:
                    raise ServerRefused(msgspec.json.decode(await answer.aread()))
                async for line in answer.aiter_lines():
                    told = msgspec.json.decode(line)
                    if "problem" in told:
                        raise ServerRefused(told["problem"])
                    if "dataset" in told:
                        dataset: dict[str, Any] = told["dataset"]
                        return dataset
                    progress("reading", told["done"], told["total"])
        except httpx.HTTPError as fault:
            raise self._unreachable(fault) from fault
        raise Closed(1006, "The server ended the import without an answer.", "Run the import again.")

    def _unreachable(self, fault: httpx.HTTPError) -> Closed:
        return Closed(1006, f"{self._url} cannot be reached: {fault or type(fault).__name__}.", "Check that it runs.")
