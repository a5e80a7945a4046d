"""One bucket of an S3-compatible store, seen as what datasets need of it: small objects that are compared and swapped, large
ones that are put and got whole, a list, and typed faults instead of a library's.

Credentials, region and endpoint are the standard ``AWS_*`` variables of the environment (keys, web identity, container and
instance roles); they stay in this process.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final
from urllib.parse import urlsplit

from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    NotModifiedError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
)
from obstore.store import S3Store

from ...core import validation
from ...core.errors import ConfigurationError, DependencyUnavailable
from ...core.limits import USUAL, Limits
from ...core.settings_values import is_loopback

if TYPE_CHECKING:
    from obstore import ObjectMeta, PutMode, UpdateVersion

_log: Final = logging.getLogger("netra.datasets")
_PART: Final = 8 << 20
_PARTS_AT_ONCE: Final = 4
_PAGE: Final = 1_000
_ENDPOINTS: Final = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")


@dataclass(frozen=True, slots=True)
class Held:
    """A small object as it was read; ``tag`` changes with it."""

    body: bytes
    tag: str


class Truncated(Exception):
    """A large object came otherwise than it was put."""


class Bucket:
    """The objects below the prefix of ``url`` (``s3://bucket/prefix``). Every method may raise ``DependencyUnavailable``."""

    def __init__(self, url: str, *, environ: Mapping[str, str] = os.environ, limits: Limits = USUAL) -> None:
        self._url = url
        self._limits = limits
        self._endpoint = next((environ[name] for name in _ENDPOINTS if environ.get(name)), None)
        parts = urlsplit(url)
        plain_allowed = environ.get("AWS_ALLOW_HTTP", "").lower() in ("1", "true", "yes", "on")
        self._in_the_clear = self._endpoint is not None and urlsplit(self._endpoint).scheme == "http"
        self._may_be_clear = plain_allowed or is_loopback(urlsplit(self._endpoint or "").hostname or "")
        self._store = S3Store(
            parts.netloc,
            prefix=parts.path.strip("/") or None,
            client_options={
                "allow_http": self._may_be_clear,
                "connect_timeout": timedelta(seconds=limits.object_connect_s),
                "timeout": timedelta(seconds=limits.object_part_s),
            },
            retry_config={
                "max_retries": limits.object_retries,
                "retry_timeout": timedelta(seconds=limits.object_answer_s),
            },
        )
        self._proved = False

    def __str__(self) -> str:
        return self._url + (f" at {self._endpoint}" if self._endpoint else "")

    async def prove(self) -> None:
        """Find out, once, whether the store does what must be relied on: it writes only where a condition holds.

        Raises ``ConfigurationError`` where it does not, or refuses this bucket.
        """
        if self._proved:
            return
        faults = await self._faults()
        if faults:
            raise ConfigurationError(
                [f"NETRA_DATASETS_URL={self._url} cannot be used: {fault}." for fault in faults],
                point=validation.DATASETS_BUCKET,
            )
        self._proved = True

    async def _faults(self) -> list[str]:
        if self._in_the_clear and not self._may_be_clear:
            return ["the endpoint uses http:// on another machine; use https://, or set AWS_ALLOW_HTTP=true"]
        key = f"probe-{os.urandom(8).hex()}"
        try:
            first = await self.write(key, b"1", over=None)
            over_nothing = await self.write(key, b"2", over=None)
            over_another = await self.write(key, b"3", over='"another"')
            swapped = first is not None and await self.write(key, b"4", over=first) is not None
            held = await self.read(key)
            await self.remove([key])
        except BucketUnavailable as fault:
            if not fault.refused:
                raise
            return [f"the store refused access ({fault.why}); check bucket, region, credentials and permissions"]
        if over_nothing is not None or over_another is not None:
            return [
                "the store ignores If-None-Match or If-Match on writes, so processes could overwrite each other's data"
            ]
        if not swapped or held is None or held.body != b"4":
            return ["the store rejects writes whose If-Match is correct, so data could never be changed"]
        return []

    async def read(self, key: str, known: Held | None = None) -> Held | None:
        """A small object; ``None`` where there is none, and ``known`` itself where it has not changed since."""
        try:
            with self._telling("GET"):
                async with asyncio.timeout(self._limits.object_answer_s):
                    answer = await self._store.get_async(key, options={"if_none_match": known.tag} if known else None)
                    return Held(bytes(await answer.bytes_async()), answer.meta["e_tag"] or "")
        except NotModifiedError:
            return known
        except FileNotFoundError:
            return None

    async def write(self, key: str, body: bytes, *, over: str | None) -> str | None:
        """Put a small object where there is none (``over=None``) or over the one with this tag; its tag, or ``None`` where
        the condition did not hold. Where an answer is lost it may be told ``None`` and have been done all the same."""
        version: UpdateVersion = {"e_tag": over}
        mode: PutMode = "create" if over is None else version
        try:
            with self._telling("PUT"):
                async with asyncio.timeout(self._limits.object_answer_s):
                    return (await self._store.put_async(key, body, mode=mode, use_multipart=False))["e_tag"] or ""
        except (AlreadyExistsError, PreconditionError):
            return None
        except FileNotFoundError:  # what should be replaced is gone
            return None

    async def upload(self, key: str, path: Path) -> None:
        """Put a large object. It is there whole, or not at all."""
        with self._telling("upload"):
            await self._store.put_async(key, path, chunk_size=_PART, max_concurrency=_PARTS_AT_ONCE)

    async def download(self, key: str, path: Path, size: int, sha256: str) -> None:
        """Get a large object into a new file. Raises ``FileNotFoundError``, and ``Truncated`` where it is not what was
        put."""
        with path.open("xb") as file:
            os.fchmod(file.fileno(), 0o600)
            with self._telling("download"):
                for start in range(0, size, _PART * _PARTS_AT_ONCE):
                    window = range(start, min(size, start + _PART * _PARTS_AT_ONCE), _PART)
                    parts = await asyncio.gather(
                        *(self._store.get_range_async(key, start=at, length=min(_PART, size - at)) for at in window)
                    )
                    await asyncio.to_thread(file.writelines, parts)
        if await asyncio.to_thread(digest_of, path) != sha256:
            raise Truncated

    async def remove(self, keys: Iterable[str]) -> None:
        """Delete objects; one that is not there is none."""
        wanted = list(keys)
        for start in range(0, len(wanted), _PAGE):
            with self._telling("DELETE"):
                async with asyncio.timeout(self._limits.object_answer_s):
                    await self._store.delete_async(wanted[start : start + _PAGE])

    async def pages(self, folder: str | None = None) -> AsyncIterator[list[ObjectMeta]]:
        """All objects, or those of one folder, in pages."""
        pages = aiter(self._store.list(folder, chunk_size=_PAGE))
        while True:
            with self._telling("LIST"):
                async with asyncio.timeout(self._limits.object_answer_s):
                    page = await anext(pages, None)
            if page is None:
                return
            yield list(page)

    @contextmanager
    def _telling(self, doing: str) -> Iterator[None]:
        """Tell a store that cannot be used as ``DependencyUnavailable``; what it says goes to the log alone."""
        try:
            yield
        except (NotModifiedError, AlreadyExistsError, PreconditionError):
            raise
        except FileNotFoundError as error:
            if "NoSuchBucket" not in str(error):
                raise
            raise _unavailable(doing, error, refused=True) from None
        except (PermissionDeniedError, UnauthenticatedError) as error:
            raise _unavailable(doing, error, refused=True) from None
        except (BaseError, TimeoutError) as error:
            raise _unavailable(doing, error) from None


class BucketUnavailable(DependencyUnavailable):
    """The store does not answer, or (``refused``) answers that this is not for us. ``why`` is what it said, for operators."""

    def __init__(self, why: str, refused: bool) -> None:
        super().__init__("The store for usage data does not answer.", retry_after_ms=5_000)
        self.why = why
        self.refused = refused


def _unavailable(doing: str, error: Exception, *, refused: bool = False) -> BucketUnavailable:
    said = str(error).partition("<?xml")[0].partition("Debug source")[0]
    fault = BucketUnavailable(" ".join(said.split())[:300] or type(error).__name__, refused)
    _log.warning("object store: %s failed: %s", doing, fault.why)
    return fault


def digest_of(path: Path) -> str:
    """The SHA-256 of a file, in hex."""
    file: IO[bytes]
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
