"""The evaluation on a terminal."""

from __future__ import annotations

import io
from collections import Counter

from rich.console import Console

from netra_backend.app.agents.triage.evaluation import CLARIFIED, SLOTS, Evaluation, Share, SlotScore
from netra_backend.app.agents.triage.evaluation_table import print_evaluation


def test_it_shows_figures_intervals_slots_and_confusion() -> None:
    written = io.StringIO()
    evaluation = Evaluation(
        in_scope_accuracy=Share(9, 10),
        out_of_scope_recall=Share(1, 2),
        out_of_scope_precision=Share(1, 1),
        slots={name: SlotScore(1, 2, 1) for name in SLOTS},
        confusion=Counter({("what_if", "what_if"): 9, ("what_if", CLARIFIED): 1}),
        predictions=[],
    )
    print_evaluation(evaluation, Console(file=written, width=120))
    shown = written.getvalue()
    for piece in ("90.0%", "59.6% to 98.2%", "9 of 10", "group_by", "66.7%", f"{CLARIFIED} 1"):
        assert piece in shown
    assert "agent_help" not in shown
