"""Money: whole picodollars inside (10⁻¹² USD, exact in sums of any length), decimal strings outside.

Every listed price of a million tokens has at most six decimals, so a token costs a whole number of picodollars.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Final

PICO_PER_USD: Final = 10**12


def usd(pico: int | Decimal) -> str:
    """``1_250_000_000_000`` → ``"1.25"``: exact, plain, without trailing zeros. What JSON carries."""
    text = f"{Decimal(pico).scaleb(-12):f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text) or "0"


def pico(amount: Decimal | str | int) -> int:
    """An amount of USD in picodollars, rounded half up where it is finer."""
    return int((Decimal(amount) * PICO_PER_USD).to_integral_value(ROUND_HALF_UP))


def dollars(amount: int) -> Decimal:
    """Picodollars in USD, exactly."""
    return Decimal(amount).scaleb(-12)


def per_token(price_per_million: Decimal) -> int:
    """Picodollars of one token. Prices finer than 10⁻⁶ USD a million are artefacts of binary fractions; they are rounded."""
    return int((price_per_million * 10**6).to_integral_value(ROUND_HALF_UP))


def percent(part: float, whole: float) -> float:
    """``part`` of ``whole`` in percent, two decimals; 0 if there is no whole."""
    return round(100 * part / whole, 2) if whole else 0.0


def display(amount: str | Decimal) -> str:
    """A decimal string of USD as people read it: cents from one dollar on, below that as far as six decimals, and what is
    smaller still with three significant digits."""
    value = Decimal(amount)
    size = abs(value)
    if size == 0:
        return "$0"
    if size >= 1:
        text = f"{size:,.2f}"
    elif size >= Decimal("0.00001"):
        text = f"{size:.6f}".rstrip("0")
        text += "0" * max(0, 2 - len(text.partition(".")[2]))
    else:
        text = f"{size:.{2 - size.adjusted()}f}"
    return f"{'-' if value < 0 else ''}${text}"
