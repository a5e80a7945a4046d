"""``netra triage-eval``."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from ..adapters.process.data_directory import make_data_directory
from ..agents.triage.classifier import prepare
from ..agents.triage.evaluation import Evaluation, evaluate, read_labelled
from .common import DataDir, Json, UsageError, load_settings, out, told


@told
def triage_eval(
    file: Annotated[Path, typer.Argument(help="JSON Lines: {text, intent, slots}.", exists=True, dir_okay=False)],
    as_json: Json = False,
    predictions: Annotated[
        Path | None,
        typer.Option(help="Write what triage_agent understood to this file, one JSON line per utterance, in order."),
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Evaluate triage on labelled utterances.

    Reports in-scope accuracy, out-of-scope recall and precision, slots, and confusions. A clarification counts as wrong in
    scope, and as a rejection out of scope.

    \b
    Example:
      netra triage-eval labelled.jsonl
    """
    try:
        labelled = read_labelled(file.read_text(encoding="utf-8").splitlines())
    except (ValueError, UnicodeDecodeError) as fault:
        raise UsageError(f"{file}: {fault}") from None
    if data_dir is not None:
        prepare(make_data_directory(load_settings(data_dir).data_dir) / "triage")
    judged = evaluate(labelled, now_ms=time.time_ns() // 1_000_000)
    if predictions is not None:
        predictions.write_text(
            "".join(json.dumps(each.as_json()) + "\n" for each in judged.predictions), encoding="utf-8"
        )
    if as_json:
        typer.echo(json.dumps(judged.as_json()))
    else:
        _show(judged)


def _show(judged: Evaluation) -> None:
    figures = Table("figure", "share", "95 % (Wilson)", "of", box=None, pad_edge=False)
    for name in ("in_scope_accuracy", "out_of_scope_recall", "out_of_scope_precision"):
        share = getattr(judged, name)
        low, high = share.interval
        figures.add_row(name.replace("_", " "), f"{share.value:.1%}", f"{low:.1%} to {high:.1%}", f"{share.of}")
    figures.add_row("slot F1", f"{judged.slot_f1:.1%}", "", "")
    out.print(figures)
    wrong = sorted(
        ((count, pair) for pair, count in judged.confusion.items() if pair[0] != pair[1]), key=lambda each: -each[0]
    )
    if wrong:
        table = Table("count", "intent", "understood as", title="Confusions", title_justify="left")
        for count, (intent, predicted) in wrong[:20]:
            table.add_row(str(count), intent, predicted)
        out.print(table)
