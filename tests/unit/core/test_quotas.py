"""Quotas: what one user may have at once and per second, and what is forgotten when."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from netra_backend.app.core.errors import LimitRefused
from netra_backend.app.core.identity import OWN_ISSUER, Identity
from netra_backend.app.core.limits import Limits
from netra_backend.app.core.plans import Plan, Plans
from netra_backend.app.core.quotas import NOTHING, Counts, Quotas, UserQuota

SMALL = Limits(
    connections=2,
    runs=2,
    queued_runs=1,
    claim_rate=10.0,
    claim_burst=2,
    request_rate=10.0,
    request_burst=2,
    resume_rate=10.0,
    resume_burst=20,
    user_requests=2,
    transfers=1,
)


@pytest.mark.validation_point("limit.resumes")
def test_resumes_wait_by_the_threads_that_they_name_and_are_refused_beyond_a_patience() -> None:
    quota = UserQuota(SMALL, 0.0)
    assert [quota.take_resume(named, 0.0) for named in (0, 0, 40)] == [0.0, 0.0, 5.0]
    assert not quota.is_as_new(6.0)
    with pytest.raises(LimitRefused, match="Too many threads were resumed") as refused:
        quota.take_resume(241, 0.0)
    assert (refused.value.entry.id, refused.value.retry_after_ms) == ("rate_limited", 5_100)
    assert quota.take_resume(240, 0.0) == 30.0
    assert quota.take_resume(10, 60.0) == 0.0
    assert quota.is_as_new(62.0)


@pytest.mark.validation_point("limit.connections")
def test_connections_of_one_user_are_bounded() -> None:
    quota = UserQuota(SMALL, 0.0)
    quota.add_connection()
    quota.add_connection()
    with pytest.raises(LimitRefused, match="The limit is 2 connections") as refused:
        quota.add_connection()
    assert (refused.value.entry.id, refused.value.entry.close_code) == ("connection_limit", 4411)
    assert refused.value.retry_after_ms
    assert quota.connections == 2
    quota.drop_connection()
    quota.add_connection()


def test_what_connections_of_one_user_send_is_counted_together_and_not_forgotten() -> None:
    quotas = Quotas(SMALL)
    quota = quotas.of("user_1", 0.0)
    assert quota.frames(0.0) is quota.frames(1.0)
    assert quota.traffic(0.0) is quota.traffic(1.0)
    quota.frames(0.0).take(0.0)
    quotas.release("user_1")
    assert len(quotas) == 1
    quotas.of("user_1", 1.0).traffic(1.0).take(1, 1, 100, 1.0)
    quotas.release("user_1")
    assert len(quotas) == 1
    quotas.of("user_1", 2.0)
    quotas.release("user_1")
    assert len(quotas) == 0


@pytest.mark.validation_point("limit.runs")
def test_runs_of_one_user_are_bounded() -> None:
    quota = UserQuota(SMALL, 0.0)
    quota.add_run()
    quota.add_run()
    with pytest.raises(LimitRefused, match="The limit is 2 runs") as refused:
        quota.add_run()
    assert (refused.value.entry.id, refused.value.entry.close_code) == ("run_limit", None)
    assert quota.runs == 2
    quota.drop_run()
    quota.add_run()


@pytest.mark.validation_point("limit.queued")
def test_waiting_runs_of_one_user_are_bounded() -> None:
    quota = UserQuota(SMALL, 0.0)
    quota.add_queued()
    with pytest.raises(LimitRefused, match="The limit is 1 waiting runs") as refused:
        quota.add_queued()
    assert refused.value.entry.id == "run_limit"
    assert quota.queued == 1
    quota.drop_queued()
    quota.add_queued()


@pytest.mark.validation_point("limit.threads")
def test_claims_of_unknown_threads_have_a_bounded_rate() -> None:
    quota = UserQuota(SMALL, 0.0)
    quota.claim_thread(0.0)
    quota.claim_thread(0.0)
    with pytest.raises(LimitRefused) as refused:
        quota.claim_thread(0.0)
    assert (refused.value.entry.id, refused.value.retry_after_ms) == ("rate_limited", 100)
    quota.claim_thread(0.1)


@pytest.mark.validation_point("limit.requests")
def test_requests_over_http_have_a_bounded_rate() -> None:
    quota = UserQuota(SMALL, 0.0)
    quota.take_request(0.0)
    quota.take_request(0.0)
    with pytest.raises(LimitRefused, match="Too many requests") as refused:
        quota.take_request(0.0)
    assert (refused.value.entry.id, refused.value.retry_after_ms) == ("rate_limited", 100)
    quota.take_request(0.1)


def test_a_user_whose_requests_still_count_is_not_forgotten() -> None:
    quotas = Quotas(SMALL)
    quotas.of("user_1", 0.0).take_request(0.0)
    quotas.release("user_1")
    assert len(quotas) == 1
    quotas.of("user_1", 0.1)
    quotas.release("user_1")
    assert len(quotas) == 0


@pytest.mark.validation_point("limit.open_requests")
def test_requests_over_http_that_are_not_answered_are_bounded() -> None:
    quotas = Quotas(SMALL)
    quota = quotas.of("user_1", 0.0)
    quota.add_request()
    quota.add_request()
    with pytest.raises(LimitRefused, match="The limit is 2 HTTP requests") as refused:
        quota.add_request()
    assert (refused.value.entry.id, refused.value.retry_after_ms) == ("rate_limited", 1000)
    quota.drop_request()
    quotas.release("user_1")
    assert quotas.of("user_1", 0.0) is quota
    quota.drop_request()
    quotas.release("user_1")
    assert len(quotas) == 0


@pytest.mark.validation_point("limit.transfers")
def test_uploads_and_exports_of_one_user_are_bounded() -> None:
    quota = UserQuota(SMALL, 0.0)
    quota.add_transfer()
    assert not quota.idle
    with pytest.raises(LimitRefused, match="The limit is 1 uploads, exports and reports") as refused:
        quota.add_transfer()
    assert refused.value.entry.id == "transfer_limit"
    quota.drop_transfer()
    quota.add_transfer()


def test_a_user_keeps_one_quota_and_is_forgotten_when_nothing_is_held() -> None:
    quotas = Quotas(SMALL)
    quota = quotas.of("user_1", 0.0)
    quota.add_connection()
    quotas.release("user_1")
    assert quotas.of("user_1", 0.0) is quota
    quota.drop_connection()
    quotas.release("user_1")
    quotas.release("user_1")
    quotas.release("user_2")
    assert len(quotas) == 0


def test_leaving_and_coming_back_does_not_refill_the_claims() -> None:
    quotas = Quotas(SMALL)
    for _ in range(2):
        quotas.of("user_1", 0.0).claim_thread(0.0)
    quotas.release("user_1")
    with pytest.raises(LimitRefused):
        quotas.of("user_1", 0.05).claim_thread(0.05)


def test_those_who_left_are_forgotten_as_others_come_once_their_claims_have_refilled() -> None:
    quotas = Quotas(SMALL)
    for name in ("user_1", "user_2", "user_3"):
        quotas.of(name, 0.0).claim_thread(0.0)
        quotas.release(name)
    returned = quotas.of("user_1", 0.0)
    returned.add_run()
    quotas.of("user_4", 0.0)  # looks at 1, who is back, and at 2, whose claims still count
    assert len(quotas) == 4
    quotas.of("user_5", 1.0)
    assert len(quotas) == 3
    assert quotas.of("user_1", 1.0) is returned
    returned.drop_run()
    quotas.release("user_1")
    assert len(quotas) == 2


@pytest.mark.parametrize(
    ("kind", "elsewhere", "point"),
    [
        ("connection", Counts(connections=2), "limit.connections"),
        ("run", Counts(runs=2), "limit.runs"),
        ("queued", Counts(queued=2), "limit.queued"),
    ],
)
def test_what_a_user_has_at_other_processes_counts_together_with_what_is_had_here(
    kind: str, elsewhere: Counts, point: str
) -> None:
    quotas = Quotas(Limits(connections=3, runs=3, queued_runs=3))
    quota = quotas.of("user_ada", 0.0)
    quotas.note_elsewhere({"user_ada": elsewhere, "user_bob": Counts(9, 9, 9)})
    add = getattr(quota, f"add_{kind}")
    add()
    with pytest.raises(LimitRefused) as refused:
        add()
    assert refused.value.point is not None
    assert refused.value.point.id == point
    quotas.note_elsewhere({})
    assert quota.elsewhere is NOTHING
    add()


def test_what_users_hold_here_is_told_of_those_who_hold_something() -> None:
    quotas = Quotas(Limits())
    ada, bob = quotas.of("user_ada", 0.0), quotas.of("user_bob", 0.0)
    quotas.of("user_eve", 0.0).add_transfer()
    ada.add_connection()
    ada.add_run()
    bob.add_queued()
    assert quotas.held() == {"user_ada": Counts(connections=1, runs=1), "user_bob": Counts(queued=1)}


def signed_in(plan: str, issued_ms: int = 0, issuer: str = "") -> Identity:
    return Identity("user_ada", frozenset(), None, issued_ms, plan=plan, issuer=issuer)


def quotas_of_plans() -> Quotas:
    large = Plan("large", replace(SMALL, runs=5, claim_burst=4, request_burst=4, resume_burst=40, frame_burst=4))
    return Quotas(SMALL, Plans({"large": large}, Plan("", SMALL)))


def test_a_quota_has_the_limits_of_the_plan_that_the_newest_sign_in_says() -> None:
    quotas = quotas_of_plans()
    for plan, issued_ms, runs in (("large", 5, 5), ("", 4, 5), ("", 6, 2), ("large", 6, 5)):
        quota = quotas.of_identity(signed_in(plan, issued_ms), 0.0)
        for _ in range(runs):
            quota.add_run()
        with pytest.raises(LimitRefused, match=f"{runs} runs"):
            quota.add_run()
        quota.runs = 0


def test_without_plans_a_sign_in_says_nothing_of_limits() -> None:
    quotas = Quotas(SMALL)
    assert quotas.of_identity(signed_in("large"), 0.0) is quotas.of("user_ada", 0.0)


def test_a_token_that_a_command_made_for_a_user_and_that_names_no_plan_leaves_the_limits_as_they_are() -> None:
    quotas = quotas_of_plans()
    assert quotas.of_identity(signed_in("", issuer=OWN_ISSUER), 0.0).limits.runs == SMALL.runs
    for plan, issued_ms, issuer, runs in (
        ("large", 5, "", 5),
        ("", 9, OWN_ISSUER, 5),
        ("", 6, "", SMALL.runs),
        ("large", 7, OWN_ISSUER, 5),
    ):
        assert quotas.of_identity(signed_in(plan, issued_ms, issuer), 0.0).limits.runs == runs


def test_another_plan_gives_back_nothing_of_what_was_used() -> None:
    quotas = quotas_of_plans()
    quota = quotas.of_identity(signed_in(""), 0.0)
    assert quota.frames(0.0).take_many(SMALL.frame_burst, 0.0)
    quota.traffic(0.0)
    for _ in range(2):
        quota.claim_thread(0.0)
        quota.take_request(0.0)
    assert quota.take_resume(10, 0.0) == 0.0
    for plan in ("large", "", "large"):
        assert quotas.of_identity(signed_in(plan), 0.0) is quota
        with pytest.raises(LimitRefused):
            quota.claim_thread(0.0)
        with pytest.raises(LimitRefused):
            quota.take_request(0.0)
        assert not quota.frames(0.0).take(0.0)


def test_a_new_user_has_all_that_the_plan_gives_at_once() -> None:
    quota = quotas_of_plans().of_identity(signed_in("large"), 0.0)
    for _ in range(4):
        quota.claim_thread(0.0)
    with pytest.raises(LimitRefused):
        quota.claim_thread(0.0)


class QuotasAgainstModel(RuleBasedStateMachine):
    """Quotas of a few users beside plain counts; a user who was forgotten must be as good as new."""

    USERS = ("user_1", "user_2", "user_3")

    def __init__(self) -> None:
        super().__init__()
        self.limits = Limits(connections=2, runs=1, queued_runs=2, claim_rate=1.0, claim_burst=2)
        self.quotas = Quotas(self.limits)
        self.now = 0.0
        self.held: dict[tuple[str, str], int] = {}
        self.claims = dict.fromkeys(self.USERS, (2.0, 0.0))

    def most(self, kind: str) -> int:
        return {"connection": 2, "run": 1, "queued": 2}[kind]

    @rule(user=st.sampled_from(USERS), kind=st.sampled_from(["connection", "run", "queued"]))
    def add(self, user: str, kind: str) -> None:
        add = getattr(self.quotas.of(user, self.now), f"add_{kind}")
        if self.held.get((user, kind), 0) < self.most(kind):
            add()
            self.held[user, kind] = self.held.get((user, kind), 0) + 1
        else:
            with pytest.raises(LimitRefused):
                add()
        self.quotas.release(user)

    @precondition(lambda self: any(self.held.values()))
    @rule(data=st.data())
    def drop(self, data: st.DataObject) -> None:
        user, kind = data.draw(st.sampled_from(sorted(key for key, count in self.held.items() if count)))
        getattr(self.quotas.of(user, self.now), f"drop_{kind}")()
        self.held[user, kind] -= 1
        self.quotas.release(user)

    @rule(user=st.sampled_from(USERS))
    def claim(self, user: str) -> None:
        left, seen = self.claims[user]
        left = min(2.0, left + self.now - seen)  # eighths of a second and one a second: no rounding
        quota = self.quotas.of(user, self.now)
        if left >= 1.0:
            quota.claim_thread(self.now)
            left -= 1.0
        else:
            with pytest.raises(LimitRefused):
                quota.claim_thread(self.now)
        self.claims[user] = (left, self.now)
        self.quotas.release(user)

    @rule(eighths=st.integers(1, 30))
    def wait(self, eighths: int) -> None:
        self.now = self.now + eighths / 8

    @invariant()
    def counts_agree(self) -> None:
        for user in self.USERS:
            if any(self.held.get((user, kind), 0) for kind in ("connection", "run", "queued")):
                assert not self.quotas.of(user, self.now).idle

    def teardown(self) -> None:
        for user, kind in sorted(self.held):
            for _ in range(self.held[user, kind]):
                getattr(self.quotas.of(user, self.now), f"drop_{kind}")()
            self.quotas.release(user)
        for count in range(10):
            passer_by = f"passer_by_{count}"
            self.quotas.of(passer_by, self.now + 100.0)
            self.quotas.release(passer_by)
        assert len(self.quotas) == 0


TestQuotasAgainstModel = QuotasAgainstModel.TestCase


def test_connections_of_a_user_who_asked_too_much_come_back_one_by_one() -> None:
    quota = UserQuota(Limits(request_rate=10, rest_s=0.35), 0.0)
    assert [round(quota.rest_s(0.0), 2) for _ in range(5)] == [0.1, 0.2, 0.3, 0.35, 0.35]
    assert not quota.is_as_new(0.0)
    quota.plan(Limits(request_rate=100, rest_s=1), 1, 10.0)
    assert [round(quota.rest_s(10.0), 2) for _ in range(2)] == [0.01, 0.02]
    assert quota.is_as_new(20.0)
