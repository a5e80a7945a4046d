"""What every run needs is made once and cannot be changed by one of them."""

from __future__ import annotations

import dataclasses

import pytest

from netra_backend.app.agents.supervisor.run_services import RunServices
from netra_backend.app.services.questions import OpenQuestions
from test_framework.clock import ManualClock
from test_framework.ids import new_id


def test_no_run_can_change_what_others_get() -> None:
    services = RunServices(ManualClock(), OpenQuestions(), new_id)
    with pytest.raises(dataclasses.FrozenInstanceError):
        services.model = None  # type: ignore[misc]  # wrong on purpose
    assert (services.model, services.audit_trail) == (None, None)
