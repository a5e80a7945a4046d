"""A run's log lines do not show what it was given; those of others stay as they are."""

from __future__ import annotations

import contextvars

from netra_backend.app.core.hidden_values import HiddenValues
from netra_backend.app.services import hiding


def test_lines_of_the_run_alone_are_without_its_secrets() -> None:
    values = HiddenValues()
    line = {"event": "it is hunter2-hunter2", "n": 1}

    def run() -> list[dict[str, object]]:
        hiding.enter(values)
        before = hiding.hidden_in(line)
        values.add("hunter2-hunter2")
        return [before, hiding.hidden_in(line)]

    before, after = contextvars.copy_context().run(run)
    assert before is line
    assert after == {"event": "it is ***", "n": 1}
    assert hiding.hidden_in(line) is line
