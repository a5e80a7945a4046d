"""Which runs of a thread count no more."""

from __future__ import annotations

import pytest

from netra_backend.app.core.events import AgentThinking, RunSuperseded, encode_event
from netra_backend.app.core.superseded import Superseded, superseded_in


def test_what_begins_from_there_on_and_before_the_new_message_counts_no_more() -> None:
    superseded = superseded_in(encode_event(RunSuperseded("thr_1", "run_1", 12, 0, by="run_2", since=4)))
    assert superseded == Superseded(4, 11)
    assert [superseded.has(seq) for seq in (3, 4, 10, 11)] == [False, True, True, False]


@pytest.mark.parametrize("text", ["hm", '"run_superseded"'])
def test_no_other_event_supersedes_anything(text: str) -> None:
    assert superseded_in(encode_event(AgentThinking("t", "r", 1, 0, text))) is None
    assert superseded_in(b'{"type":"later","x":"run_superseded","thread_id":"t","run_id":"r","seq":1,"ts":0}') is None
