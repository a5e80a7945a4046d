"""The evaluation as tables for a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from .evaluation import CLARIFIED, Evaluation
from .intents import INTENTS


def print_evaluation(evaluation: Evaluation, console: Console) -> None:
    """Print the figures with their intervals, the slots, and the confusion of intents."""
    console.print(_figures(evaluation))
    console.print(_slots(evaluation))
    console.print(_confusion(evaluation))


def _figures(evaluation: Evaluation) -> Table:
    table = Table("figure", "value", "95 % interval (Wilson)", "right of", title="Triage")
    shares = (
        ("in-scope accuracy", evaluation.in_scope_accuracy),
        ("out-of-scope recall", evaluation.out_of_scope_recall),
        ("out-of-scope precision", evaluation.out_of_scope_precision),
    )
    for name, share in shares:
        low, high = share.interval
        table.add_row(name, f"{share.value:.1%}", f"{low:.1%} to {high:.1%}", f"{share.right} of {share.of}")
    table.add_row("slot F1", f"{evaluation.slot_f1:.1%}", "", "")
    return table


def _slots(evaluation: Evaluation) -> Table:
    table = Table("slot", "F1", "right", "predicted", "labelled", title="Slots")
    for name, score in evaluation.slots.items():
        table.add_row(name, f"{score.f1:.1%}", str(score.right), str(score.predicted), str(score.labelled))
    return table


def _confusion(evaluation: Evaluation) -> Table:
    table = Table("intent", "right", "taken for", title="Intents")
    for intent in INTENTS:
        counts = {predicted: evaluation.confusion.get((intent, predicted), 0) for predicted in (*INTENTS, CLARIFIED)}
        total = sum(counts.values())
        if not total:
            continue
        others = sorted(((count, name) for name, count in counts.items() if count and name != intent), reverse=True)
        table.add_row(intent, f"{counts[intent]} of {total}", ", ".join(f"{name} {count}" for count, name in others))
    return table
