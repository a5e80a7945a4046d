"""``netra triage-eval``."""

from __future__ import annotations

import json
from pathlib import Path

from test_framework.server_process import ServerProcess

LINES = [
    {"text": "how much did we spend on LLMs last month?", "intent": "cost_overview", "slots": {"period": "last month"}},
    {"text": "write me a poem about the sea", "intent": "out_of_scope", "slots": {}},
]


def test_the_figures_are_fractions_and_the_predictions_stand_in_order(tmp_path: Path, server: ServerProcess) -> None:
    labelled, predictions = tmp_path / "labelled.jsonl", tmp_path / "predictions.jsonl"
    labelled.write_text("".join(json.dumps(line) + "\n" for line in LINES))
    judged = server.command("triage-eval", str(labelled), "--json", "--predictions", str(predictions))
    assert judged.returncode == 0, judged.stderr
    figures = json.loads(judged.stdout)
    assert {"in_scope_accuracy", "out_of_scope_recall", "out_of_scope_precision", "slot_f1"} <= figures.keys()
    assert figures["in_scope_accuracy"] == 1.0
    assert figures["out_of_scope_recall"] == 1.0
    found = [json.loads(line) for line in predictions.read_text().splitlines()]
    assert [each["intent"] for each in found] == ["cost_overview", "out_of_scope"]


def test_a_person_reads_a_table_with_intervals(tmp_path: Path, server: ServerProcess) -> None:
    labelled = tmp_path / "labelled.jsonl"
    labelled.write_text(json.dumps(LINES[0]) + "\n")
    shown = server.command("triage-eval", str(labelled))
    assert shown.returncode == 0
    assert "Wilson" in shown.stdout


def test_a_line_that_is_not_labelled_is_named(tmp_path: Path, server: ServerProcess) -> None:
    labelled = tmp_path / "labelled.jsonl"
    labelled.write_text(json.dumps(LINES[0]) + "\nnot json\n")
    refused = server.command("triage-eval", str(labelled))
    assert refused.returncode == 2
    assert "2" in refused.stderr
