from hypothesis import given
from hypothesis import strategies as st

from netra_backend.app.usage.importers.reading.line_blocks import blocks

CHUNKS = st.lists(st.text("ab\n", max_size=6).map(str.encode), max_size=8)


@given(chunks=CHUNKS)
def test_blocks_hold_whole_lines_wherever_the_bytes_are_cut(chunks: list[bytes]) -> None:
    found = [line for block in blocks(iter(chunks)) for line in block.split(b"\n")]
    assert found == b"".join(chunks).split(b"\n")
