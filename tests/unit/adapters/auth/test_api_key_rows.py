"""API keys as rows."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from netra_backend.app.adapters.auth.api_key_rows import kept, told
from netra_backend.app.core.api_keys import ApiKey

TIMES = st.integers(0, 1 << 53)
TEXTS = st.text(max_size=20)
WORDS = st.frozensets(TEXTS, max_size=4)


@given(st.builds(ApiKey, TEXTS, TEXTS, TEXTS, st.binary(max_size=32), WORDS, WORDS, TEXTS, TIMES, TIMES, TIMES, TIMES))
def test_what_is_kept_is_told_again(key: ApiKey) -> None:
    assert told(kept(key)) == key
