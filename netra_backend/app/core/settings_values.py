"""What one setting may be: text in, value out. Every function raises ``ValueError`` with what to give instead."""

from __future__ import annotations

import ipaddress
import re
import shlex
from typing import Final, Literal
from urllib.parse import SplitResult, urlsplit

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

SHARED_KEY_ALGORITHMS: Final = ("HS256", "HS384", "HS512")
PUBLIC_KEY_ALGORITHMS: Final = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
)  # fmt: skip
"""What may be pinned. ``none`` is on neither list, so it can never be."""

LOG_LEVELS: Final = ("debug", "info", "warning", "error")

_TRUE: Final = frozenset({"1", "true", "yes", "on"})
_FALSE: Final = frozenset({"0", "false", "no", "off"})
_HOST = re.compile(r"[A-Za-z0-9._:\-\[\]%]{1,253}").fullmatch
_BUCKET_URL = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](?:/[A-Za-z0-9!_.*'()=-]+)*").fullmatch
_MAX_BUCKET_URL: Final = 512
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}

KEY_BYTES: Final = 32


def flag(text: str) -> bool:
    """A yes or a no."""
    word = text.lower()
    if word not in _TRUE | _FALSE:
        raise ValueError("use 1 or 0")
    return word in _TRUE


def log_level(text: str) -> str:
    """How much is logged."""
    level = text.lower()
    if level not in LOG_LEVELS:
        raise ValueError(f"use {', '.join(LOG_LEVELS[:-1])} or {LOG_LEVELS[-1]}")
    return level


def whole_number(low: float, high: float, text: str) -> int:
    """A whole number from ``low`` to ``high``."""
    if not re.fullmatch(r"[0-9]{1,15}", text) or not low <= int(text) <= high:
        raise ValueError(f"use a whole number from {low:.0f} to {high:.0f}")
    return int(text)


def number(low: float, high: float, text: str) -> float:
    """A number from ``low`` to ``high``, perhaps with a decimal point."""
    if not re.fullmatch(r"[0-9]{1,15}(?:\.[0-9]{1,9})?", text) or not low <= float(text) <= high:
        raise ValueError(f"use a number from {_plain(low)} to {_plain(high)}")
    return float(text)


def _plain(bound: float) -> str:
    return f"{bound:.0f}" if bound == int(bound) else f"{bound}"


def host(text: str) -> str:
    """A host name or address to listen on."""
    if not _HOST(text):
        raise ValueError("use a host name or an IP address, such as 127.0.0.1")
    return text.strip("[]")


def is_loopback(host: str) -> bool:
    """Whether ``host`` can be reached from this machine alone. A name other than ``localhost`` counts as reachable."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def networks(text: str) -> tuple[Network, ...]:
    """A comma-separated list of addresses and networks."""
    try:
        return tuple(ipaddress.ip_network(item) for item in _items(text))
    except ValueError:
        raise ValueError("use addresses or networks separated by commas, such as 10.0.0.0/8,192.168.1.7") from None


def origins(text: str) -> tuple[str, ...]:
    """A comma-separated list of origins, each as a browser sends it."""
    found = [origin_of(item) for item in _items(text)]
    if None in found or any(urlsplit(item).path.strip("/") for item in _items(text)):
        raise ValueError(
            "name each origin, such as https://app.example.com, and separate them with commas; * is not accepted"
        )
    return tuple(dict.fromkeys(origin for origin in found if origin))


def origin_of(url: str) -> str | None:
    """The origin of ``url`` as a browser sends it (lower case, no default port); ``None`` if it has none."""
    parts = _web_address(url)
    return None if parts is None else f"{parts.scheme}://{_authority(parts)}"


def is_same_host(origin: str, host_header: str) -> bool:
    """Whether a page of ``origin`` was served by the host that a request names."""
    page = _web_address(origin)
    if page is None:
        return False
    asked = _web_address(f"{page.scheme}://{host_header}")
    return asked is not None and _authority(page) == _authority(asked)


def public_url(text: str) -> str:
    """An origin and a base path, without the slash at the end."""
    parts = _web_address(text)
    if parts is None or parts.query or parts.fragment:
        raise ValueError("use the address that browsers open, such as https://netra.example.com/base")
    return f"{parts.scheme}://{_authority(parts)}{parts.path.rstrip('/')}"


def issuer_url(text: str) -> str:
    """The address of someone who signs tokens: https, or http on this machine. Verbatim, because issuers compare so."""
    parts = _web_address(text)
    if parts is None or parts.query or parts.fragment:
        raise ValueError("use an https:// address without a query or fragment")
    if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
        raise ValueError("use an https:// address; keys fetched over http could be forged")
    return text


def server_url(schemes: tuple[str, ...], text: str) -> str:
    """The address of a server that Netra uses, with one of ``schemes``."""
    try:
        scheme = urlsplit(text).scheme
    except ValueError:
        scheme = ""
    if scheme not in schemes:
        raise ValueError(f"use an address that begins with {' or '.join(f'{known}://' for known in schemes)}")
    return text


def bucket_url(text: str) -> str:
    """A bucket of an S3-compatible store, and perhaps a prefix in it, without a slash at the end."""
    url = text.rstrip("/")
    if len(url) > _MAX_BUCKET_URL or not _BUCKET_URL(url) or any(part in (".", "..") for part in url.split("/")):
        raise ValueError("use s3://bucket or s3://bucket/prefix; the AWS_… variables set keys, region and endpoint")
    return url


def long_key(text: str) -> bytes:
    """A key of enough bytes not to be guessed."""
    key = text.encode()
    if len(key) < KEY_BYTES:
        raise ValueError(f"it is shorter than {KEY_BYTES} bytes; create one with `openssl rand -hex {KEY_BYTES}`")
    return key


def audit_anchor(text: str) -> str:
    """Where the audit trail's anchors go: ``log``, or the absolute path of a file."""
    path = text.removeprefix("file://")
    if text != "log" and (not path.startswith("/") or path.endswith("/") or "\0" in path):
        raise ValueError(
            "use an absolute path (or file:///PATH) for a file, or log for lines of the log; there are no other places"
        )
    return path


def on_audit_failure(text: str) -> Literal["refuse", "continue"]:
    """What a server does while its audit trail cannot be written."""
    if text not in ("refuse", "continue"):
        raise ValueError("use refuse or continue")
    return "refuse" if text == "refuse" else "continue"


def algorithms(text: str) -> tuple[str, ...]:
    """A comma-separated list of signature algorithms."""
    found = tuple(dict.fromkeys(_items(text)))
    known = SHARED_KEY_ALGORITHMS + PUBLIC_KEY_ALGORITHMS
    if not found or not set(found) <= set(known):
        raise ValueError(f"use algorithms from this list, separated by commas: {', '.join(known)}")
    return found


def command(text: str) -> tuple[str, ...]:
    """A command and its arguments, quoted as in a shell; no shell runs it."""
    try:
        words = tuple(shlex.split(short_text(text)))
    except ValueError as fault:
        raise ValueError(f"use a command with its arguments, in quotes where they hold spaces ({fault})") from None
    if not words or not words[0]:
        raise ValueError("use a command with its arguments")
    return words


def short_text(text: str) -> str:
    """Up to 512 characters in one line."""
    if len(text) > 512 or not text.isprintable():
        raise ValueError("use one line of at most 512 characters")
    return text


def _items(text: str) -> list[str]:
    return [item.strip() for item in text.split(",") if item.strip()]


def _web_address(url: str) -> SplitResult | None:
    """The parts of an http(s) address; ``None`` for anything else, and for one with a user or an impossible port in it."""
    try:
        parts = urlsplit(url)
        port_is_possible = parts.port != 0
    except ValueError:
        return None
    usable = parts.scheme in _DEFAULT_PORTS and parts.hostname and "@" not in parts.netloc and port_is_possible
    return parts if usable and url.isprintable() and " " not in url and "*" not in parts.netloc else None


def _authority(parts: SplitResult) -> str:
    name = parts.hostname or ""
    bracketed = f"[{name}]" if ":" in name else name
    return bracketed if parts.port in (None, _DEFAULT_PORTS[parts.scheme]) else f"{bracketed}:{parts.port}"
