"""The checks through which every value of a foreign file enters.

A check takes whatever stood in the file and gives a value that the usage table holds, or raises ``BadRow`` with a reason that
is the same for all rows with the same fault, so that reasons can be counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from .row import BadRow

MAX_TOKENS: Final = 10**12
MAX_COST_USD: Final = Decimal(10**9)
MAX_LATENCY_MS: Final = 31 * 86_400_000.0
MAX_BLOCKS: Final = 65_536
MAX_TEXT: Final = 256
EARLIEST: Final = datetime(2018, 1, 1)

_CENT: Final = Decimal("1e-12")
_EPOCH: Final = datetime(1970, 1, 1)
_INT64: Final = 1 << 63
_MILLISECOND: Final = timedelta(milliseconds=1)


def tokens(value: object, name: str) -> int:
    """A count of tokens. Raises ``BadRow`` where it is absent, negative, fractional or absurd."""
    if type(value) is not int:
        value = _whole(value, name)
    if 0 <= value <= MAX_TOKENS:
        return value
    raise BadRow(f"{name} is negative" if value < 0 else f"{name} is above {MAX_TOKENS:,}", value)


def optional_tokens(value: object, name: str) -> int | None:
    """A count of tokens, or ``None`` where the source leaves it out."""
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


def money(value: object, name: str) -> Decimal | None:
    """An amount in USD, or ``None`` where the source leaves it out. Raises ``BadRow``."""
    if value is None or value == "":
        return None
    try:
        if isinstance(value, bool) or len(text := str(value)) > 40:
            raise InvalidOperation
        amount = Decimal(text.strip().removeprefix("$"))
        if not amount.is_finite():
            raise InvalidOperation
    except InvalidOperation:
        raise BadRow(f"{name} is not an amount", value) from None
    if not 0 <= amount <= MAX_COST_USD:
        raise BadRow(f"{name} is negative or above {MAX_COST_USD:,}", value)
    return amount.quantize(_CENT)


def milliseconds(value: object, name: str) -> float | None:
    """A duration in ms, or ``None`` where the source leaves it out. Raises ``BadRow``."""
    if value is None or value == "":
        return None
    try:
        duration = float(value)  # type: ignore[arg-type]  # whatever it is, float() judges it
    except (TypeError, ValueError):
        raise BadRow(f"{name} is not a number", value) from None
    if 0 <= duration <= MAX_LATENCY_MS:
        return duration
    raise BadRow(f"{name} is negative or longer than 31 days", value)


def text(value: object) -> str | None:
    """A short text, cut at ``MAX_TEXT`` characters; ``None`` where there is none."""
    if value is None or value == "":
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
            raise BadRow(f"{name} holds something that is no 64-bit integer", item)
    return value


def mapping(value: object) -> Mapping[str, Any]:
    """A nested object; an empty one where there is none or it is something else."""
    return value if isinstance(value, dict) else {}


class Times:
    """Reads points in time, and refuses those before 2018 or in the future of ``now``."""

    __slots__ = ("_latest",)

    def __init__(self, now: datetime) -> None:
        self._latest = now.replace(tzinfo=None) + timedelta(days=2)

    def read(self, value: object, name: str) -> datetime:
        """A time: ISO 8601 (UTC where no zone is given), or a number since 1970 in s, ms, µs or ns. Raises ``BadRow``."""
        if isinstance(value, str):
            try:
                moment = datetime.fromisoformat(value)
            except ValueError:
                moment = _unusual(value, name)
            if (zone := moment.tzinfo) is not None:
                moment = (moment if zone is UTC else moment.astimezone(UTC)).replace(tzinfo=None)
        elif isinstance(value, datetime):
            moment = value if value.tzinfo is None else value.astimezone(UTC).replace(tzinfo=None)
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            try:
                moment = _since_epoch(value)
            except (ValueError, OverflowError):
                raise BadRow(f"{name} is not a time", value) from None
        else:
            raise BadRow(f"{name} is missing" if value is None else f"{name} is not a time", value)
        return self.check(moment, name)

    def check(self, moment: datetime, name: str) -> datetime:
        """``moment`` itself. Raises ``BadRow`` where no usage can be so old or so new."""
        if EARLIEST <= moment <= self._latest:
            return moment
        raise BadRow(f"{name} lies before 2018" if moment < EARLIEST else f"{name} lies in the future", moment)


def _unusual(value: str, name: str) -> datetime:
    if len(value) > 64:
        raise BadRow(f"{name} is not a time", value)
    written = value.strip().removesuffix("UTC").rstrip()
    if not written:
        raise BadRow(f"{name} is missing")
    try:
        return datetime.fromisoformat(written.replace("/", "-"))
    except ValueError:
        try:
            return _since_epoch(float(written))
        except (ValueError, OverflowError):
            raise BadRow(f"{name} is not a time", value) from None


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
    """From ``start`` to ``end``, ``None`` where that is negative or absurd (clocks of two machines)."""
    duration = (end - start) / _MILLISECOND
    return duration if 0 <= duration <= MAX_LATENCY_MS else None
