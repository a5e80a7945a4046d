"""Holders of threads: leases that run out, fences that grow."""

from __future__ import annotations

import pytest

from netra_backend.app.core.history import HeldElsewhere
from test_framework.memory.ownership import LEASE_MS, ThreadOwnership


def test_a_thread_has_one_holder_and_its_fence_grows_with_each() -> None:
    ownership = ThreadOwnership()
    for process_id in ("prc_1", "prc_2"):
        ownership.renew(process_id, 0)
    assert (ownership.holder("thr_1", 0), ownership.fence("thr_1")) == ("", 0)
    assert ownership.take("thr_1", "prc_1", 0) == 1
    with pytest.raises(HeldElsewhere) as elsewhere:
        ownership.take("thr_1", "prc_2", 0)
    assert elsewhere.value.process_id == ownership.holder("thr_1", 0) == "prc_1"
    assert ownership.take("thr_1", "prc_1", 0) == 2
    ownership.let_go("thr_1")
    assert (ownership.holder("thr_1", 0), ownership.fence("thr_1")) == ("", 2)
    assert ownership.take("thr_1", "prc_2", 0) == 3


def test_who_is_not_heard_of_holds_nothing_when_its_lease_has_run_out() -> None:
    ownership = ThreadOwnership()
    ownership.renew("prc_1", 0)
    ownership.renew("prc_2", 10)
    ownership.take("thr_1", "prc_1", 0)
    assert (ownership.holder("thr_1", LEASE_MS - 1), ownership.holder("thr_1", LEASE_MS)) == ("prc_1", "")
    assert ownership.living(LEASE_MS) == ["prc_2"]
    assert ownership.take("thr_1", "prc_2", LEASE_MS) == 2


def test_who_leaves_holds_nothing() -> None:
    ownership = ThreadOwnership()
    ownership.renew("prc_1", 0)
    ownership.keep("thr_1", "prc_1", 1)
    ownership.leave("prc_1")
    ownership.leave("prc_1")
    assert (ownership.holder("thr_1", 0), ownership.living(0)) == ("", [])
