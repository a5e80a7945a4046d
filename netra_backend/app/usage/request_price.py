"""What one request to a language model costs by the price list, under the name by which a server is configured with it."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from .money import dollars

if TYPE_CHECKING:
    from .pricing import Listing

_NAMES: Final = 256


def request_price(
    model: str, at_ms: int, input_tokens: int, cache_read: int, cache_write: int, output_tokens: int
) -> Decimal | None:
    """Dollars at this moment (ms since 1970 UTC), exactly; ``input_tokens`` includes the cached ones. ``None`` if the model,
    ``provider:name`` or a bare name, has no price."""
    from .pricing import quote  # reads the price list, which takes a while: only for who asks

    listing = _listing(model)
    quoted = None if listing is None else quote(listing, datetime.fromtimestamp(at_ms / 1000, UTC))
    if quoted is None:
        return None
    return dollars(quoted.rates(input_tokens).cost(input_tokens, cache_read, cache_write, output_tokens))


@lru_cache(_NAMES)
def _listing(model: str) -> Listing | None:
    from .pricing import find

    provider, colon, name = model.partition(":")
    return find(name, provider) if colon else find(model)
