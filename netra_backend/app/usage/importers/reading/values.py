"""The checks through which every value of a foreign file enters.

A check takes whatever stood in the file and gives a value that the usage table holds, or raises ``BadRow`` with a reason that
is the same for all rows with the same fault, so that reasons can be counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from ..row import BadRow
from .shapes import is_amount

MAX_TOKENS: Final = 10**12
MAX_COST_USD: Final = 10**9
MAX_LATENCY_MS: Final = 31 * 86_400_000.0
MAX_BLOCKS: Final = 65_536
MAX_TEXT: Final = 256
EARLIEST: Final = datetime(2018, 1, 1, tzinfo=UTC)

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_INT64: Final = 1 << 63
_MILLISECOND: Final = timedelta(milliseconds=1)


def tokens(value: object, name: str) -> int:
    """A count of tokens. Raises ``BadRow`` if it is absent, negative, fractional or absurd."""
    if type(value) is not int:
        # A plain number in separated values is what nearly all are.
        plain = type(value) is str and len(value) <= 12 and value.isdecimal()
        value = int(value) if plain else _whole(value, name)  # type: ignore[call-overload]
    if 0 <= value <= MAX_TOKENS:
        return value
    raise BadRow(f"{name} is negative" if value < 0 else f"{name} is above {MAX_TOKENS:,}", value)


def optional_tokens(value: object, name: str) -> int | None:
    """A count of tokens, or ``None`` if the source leaves it out."""
    return None if value is None or value == "" else tokens(value, name)


def _whole(value: object, name: str) -> int:
    if value is None or value == "":
        raise BadRow(f"{name} is missing")
    if isinstance(value, str) and len(value) <= 20:
        digits = value.strip()
        if digits.removeprefix("-").isascii() and digits.removeprefix("-").isdigit():
            return int(digits)
        try:
            value = float(digits.replace(",", "")) if digits.isascii() else value
        except ValueError:
            raise BadRow(f"{name} is not a number", value) from None
    if isinstance(value, float) and value == value and abs(value) <= MAX_TOKENS * 10 and value.is_integer():
        return int(value)
    raise BadRow(f"{name} is not a whole number", value)


def money(value: object, name: str) -> str | None:
    """An amount in USD as a decimal, or ``None`` if the source leaves it out. Raises ``BadRow``."""
    if value is None or value == "":
        return None
    if type(value) is float and 0 <= value <= MAX_COST_USD:
        return f"{value:.12f}"
    if type(value) is str and is_amount(value):
        return value
    try:
        if isinstance(value, bool) or len(written := str(value)) > 40:
            raise InvalidOperation
        amount = Decimal(written.strip().removeprefix("$"))
        if not amount.is_finite():
            raise InvalidOperation
    except InvalidOperation:
        raise BadRow(f"{name} is not an amount", value) from None
    if not 0 <= amount <= MAX_COST_USD:
        raise BadRow(f"{name} is negative or above {MAX_COST_USD:,}", value)
    return f"{amount:.12f}"


def milliseconds(value: object, name: str) -> float | None:
    """A duration in ms, or ``None`` if the source leaves it out. Raises ``BadRow``."""
    if value is None or value == "":
        return None
    try:
        duration = float(value)  # type: ignore[arg-type]  # whatever it is, float() judges it
    except (TypeError, ValueError):
        raise BadRow(f"{name} is not a number", value) from None
    if 0 <= duration <= MAX_LATENCY_MS:
        return duration
    raise BadRow(f"{name} is negative or longer than 31 days", value)


def text(value: object, name: str = "") -> str | None:
    """A short text, cut at ``MAX_TEXT`` characters; ``None`` if there is none."""
    # Nearly every value is of this kind, and there are ten in a row.
    if type(value) is str and len(value) <= MAX_TEXT and value.isprintable():
        return value.strip() or None
    if value is None:
        return None
    if not isinstance(value, str):
        if isinstance(value, (dict, list)):
            return None
        value = str(value)
    if not value.isprintable():
        value = "".join(character for character in value[: MAX_TEXT * 4] if character.isprintable())
    return value[:MAX_TEXT].strip() or None


def required_text(value: object, name: str) -> str:
    """A short text that must be there. Raises ``BadRow``."""
    found = text(value)
    if found is None:
        raise BadRow(f"{name} is missing", value)
    return found


def block_hashes(value: object, name: str) -> list[int] | None:
    """The hashes of a prompt's blocks: 64-bit integers. Raises ``BadRow``."""
    if value is None or value == "":
        return None
    if not isinstance(value, list) or len(value) > MAX_BLOCKS:
        raise BadRow(f"{name} is not a list of at most {MAX_BLOCKS:,} hashes")
    for item in value:
        if type(item) is not int or not -_INT64 <= item < _INT64:
            raise BadRow(f"{name} contains something other than a 64-bit integer", item)
    return value


def mapping(value: object) -> Mapping[str, Any]:
    """A nested object; an empty one if there is none or it is something else."""
    return value if isinstance(value, dict) else {}


class Times:
    """Reads points in time, and refuses those before 2018 or in the future of ``now``. What it gives is in UTC."""

    __slots__ = ("latest",)

    def __init__(self, now: datetime) -> None:
        self.latest = now.astimezone(UTC) + timedelta(days=2)

    def read(self, value: object, name: str) -> datetime:
        """A time: ISO 8601 (UTC if no zone is given), or a number since 1970 in s, ms, µs or ns. Raises ``BadRow``."""
        if isinstance(value, str):
            try:
                # Without the dashes a number since 1970 could be taken for a date of the Middle Ages.
                moment = datetime.fromisoformat(value) if value[4:5] == "-" else _unusual(value, name)
            except ValueError:
                moment = _unusual(value, name)
        elif isinstance(value, datetime):
            moment = value
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            try:
                moment = _since_epoch(value)
            except (ValueError, OverflowError):
                raise BadRow(f"{name} is not a time", value) from None
        else:
            raise BadRow(f"{name} is missing" if value is None else f"{name} is not a time", value)
        return self.check(moment, name)

    def check(self, moment: datetime, name: str) -> datetime:
        """``moment`` in UTC. Raises ``BadRow`` if no usage can be so old or so new."""
        zone = moment.tzinfo
        if zone is not UTC:
            try:
                moment = moment.replace(tzinfo=UTC) if zone is None else moment.astimezone(UTC)
            except OverflowError:
                raise BadRow(f"{name} is not a time", moment) from None
        if EARLIEST <= moment <= self.latest:
            return moment
        raise BadRow(f"{name} is before 2018" if moment < EARLIEST else f"{name} is in the future", moment)


def _unusual(value: str, name: str) -> datetime:
    written = value.strip().removesuffix("UTC").rstrip()
    if not written:
        raise BadRow(f"{name} is missing")
    try:
        if len(written) > 64:
            raise ValueError
        if written.replace(".", "", 1).isdecimal() and len(written) != 8:
            return _since_epoch(float(written))
        return datetime.fromisoformat(written.replace("/", "-"))
    except (ValueError, OverflowError):
        raise BadRow(f"{name} is not a time", value[:64]) from None


def _since_epoch(number: float) -> datetime:
    size = abs(number)
    if size < 1e11:
        return _EPOCH + timedelta(seconds=number)
    if size < 1e14:
        return _EPOCH + timedelta(milliseconds=number)
    if size < 1e17:
        return _EPOCH + timedelta(microseconds=number)
    return _EPOCH + timedelta(microseconds=number // 1000)


def elapsed_ms(start: datetime, end: datetime) -> float | None:
    """From ``start`` to ``end``, ``None`` if that is negative or absurd (clocks of two machines)."""
    duration = (end - start) / _MILLISECOND
    return duration if 0 <= duration <= MAX_LATENCY_MS else None
