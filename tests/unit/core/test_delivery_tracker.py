"""What is told of a thread: scripts of what is heard, and what becomes of it. Whatever is lost, late or doubled on the way,
what is told is 1, 2, 3 …, each once."""

from __future__ import annotations

import random

import pytest

from netra_backend.app.core.delivery_tracker import Cursor, DeliveryTracker, Verdict

ADA, BOB = "user_ada", "user_bob"
DELIVER, DROP, HOLD, READ = Verdict.DELIVER, Verdict.DROP, Verdict.HOLD, Verdict.READ
NOTE = Verdict.NOTE


def followed(*threads: tuple[str, str, int], whole: bool = True, most: int = 256) -> DeliveryTracker:
    """Somebody who has connections here, and these threads."""
    following = DeliveryTracker(most)
    following.follow(ADA)
    assert following.look(ADA, threads, whole) == []
    return following


def mark_of(following: DeliveryTracker, thread_id: str) -> Cursor:
    cursor = following.cursor(ADA, thread_id)
    assert cursor is not None
    return cursor


def read_all(following: DeliveryTracker, thread_id: str, page: int = 100) -> list[int]:
    """Read from a log that has everything; the positions that are told."""
    cursor, told = mark_of(following, thread_id), list[int]()
    while (gap := following.gap(cursor)) is not None:
        after, upto = gap
        while after < upto:
            count = min(page, upto - after)
            assert following.page(cursor, count)
            told += range(after + 1, after + count + 1)
            after += count
    return told


class TestInOrder:
    def test_what_comes_next_is_told_as_it_is_heard(self) -> None:
        following = followed(("thr_1", "e", 2))
        assert following.told(ADA, "thr_1", "e", 3, 5) is DELIVER
        assert following.told(ADA, "thr_1", "e", 6, 6) is DELIVER
        assert following.at(ADA, "thr_1") == 6

    def test_a_new_thread_begins_at_one(self) -> None:
        following = followed()
        assert following.told(ADA, "thr_new", "e", 1, 3) is DELIVER
        assert following.told(ADA, "thr_new", "e", 4, 4) is DELIVER

    def test_what_was_told_is_dropped(self) -> None:
        following = followed(("thr_1", "e", 5))
        assert [following.told(ADA, "thr_1", "e", first, last) for first, last in ((4, 5), (1, 1), (6, 7), (6, 7))] == [
            DROP,
            DROP,
            DELIVER,
            DROP,
        ]

    def test_nothing_is_told_of_whoever_has_no_connection_here(self) -> None:
        following = followed(("thr_1", "e", 5))
        assert following.told(BOB, "thr_1", "e", 1, 1) is DROP
        assert following.moved(BOB, "thr_1", "e", 9) is DROP
        assert following.live(BOB, "thr_1", "e", 9) == (9, DROP)
        assert following.at(BOB, "thr_1") is None
        following.hold(BOB, "thr_1")
        assert following.release(BOB, "thr_1") is None
        assert following.look(BOB, [], True) == []
        assert following.is_seen(BOB)
        following.unfollow(BOB)


class TestGaps:
    def test_a_gap_is_read_once_and_what_is_heard_meanwhile_waits_for_the_read(self) -> None:
        following = followed(("thr_1", "e", 2))
        assert following.told(ADA, "thr_1", "e", 4, 4) is READ
        assert following.told(ADA, "thr_1", "e", 5, 6) is HOLD
        assert following.told(ADA, "thr_1", "e", 3, 3) is HOLD
        assert read_all(following, "thr_1") == [3, 4, 5, 6]
        assert following.told(ADA, "thr_1", "e", 7, 7) is DELIVER

    def test_what_is_heard_between_two_pages_is_read_in_the_next_pass(self) -> None:
        following = followed(("thr_1", "e", 0))
        assert following.told(ADA, "thr_1", "e", 2, 2) is READ
        cursor = mark_of(following, "thr_1")
        assert following.gap(cursor) == (0, 2)
        assert following.page(cursor, 2)
        assert following.told(ADA, "thr_1", "e", 3, 3) is HOLD
        assert following.gap(cursor) == (2, 3)
        assert following.page(cursor, 1)
        assert following.gap(cursor) is None
        assert following.told(ADA, "thr_1", "e", 4, 4) is DELIVER

    def test_a_chunk_of_which_a_part_was_told_is_read(self) -> None:
        following = followed(("thr_1", "e", 4))
        assert following.told(ADA, "thr_1", "e", 3, 6) is READ
        assert read_all(following, "thr_1") == [5, 6]

    def test_what_nothing_was_heard_of_is_found_by_a_look(self) -> None:
        following = followed(("thr_1", "e", 2))
        assert following.moved(ADA, "thr_1", "e", 2) is DROP
        assert following.moved(ADA, "thr_1", "e", 5) is READ
        assert following.moved(ADA, "thr_1", "e", 6) is HOLD
        assert read_all(following, "thr_1") == [3, 4, 5, 6]
        assert following.moved(ADA, "thr_1", "e", 0) is DROP

    def test_a_new_thread_of_which_the_beginning_was_lost_is_told_from_one(self) -> None:
        following = followed(("thr_1", "e", 2))
        assert following.told(ADA, "thr_heard", "e", 3, 4) is READ
        assert read_all(following, "thr_heard") == [1, 2, 3, 4]
        assert following.moved(ADA, "thr_seen", "e", 2) is READ
        assert read_all(following, "thr_seen") == [1, 2]

    def test_of_an_old_thread_only_what_is_new_is_told(self) -> None:
        following = followed(("thr_1", "e", 2), whole=False)
        assert following.told(ADA, "thr_old", "e", 70, 71) is READ
        assert read_all(following, "thr_old") == [70, 71]
        assert following.moved(ADA, "thr_older", "e", 40) is READ
        assert read_all(following, "thr_older") == [40]
        assert following.told(ADA, "thr_new", "e", 1, 2) is DELIVER

    def test_of_an_old_thread_that_was_shown_before_only_the_position_is_told(self) -> None:
        following = followed(("thr_1", "e", 2), whole=False)
        assert following.moved(ADA, "thr_older", "e", 40, again=True) is NOTE
        assert following.at(ADA, "thr_older") is None
        assert following.moved(ADA, "thr_1", "e", 3, again=True) is READ
        whole = followed(("thr_1", "e", 2))
        assert whole.moved(ADA, "thr_new", "e", 2, again=True) is READ
        assert read_all(whole, "thr_new") == [1, 2]

    def test_what_the_log_does_not_have_is_not_waited_for(self) -> None:
        following = followed(("thr_1", "e", 2))
        assert following.told(ADA, "thr_1", "e", 1_000_000, 1_000_000) is READ
        cursor = mark_of(following, "thr_1")
        assert following.gap(cursor) == (2, 1_000_000)
        following.absent(cursor)
        assert following.gap(cursor) is None
        assert following.told(ADA, "thr_1", "e", 3, 3) is DELIVER

    def test_a_read_that_failed_is_begun_again_by_whatever_comes_first(self) -> None:
        following = followed(("thr_1", "e", 2))
        assert following.told(ADA, "thr_1", "e", 4, 4) is READ
        cursor = mark_of(following, "thr_1")
        following.failed(cursor)
        assert following.again(cursor)
        assert not following.again(cursor)
        following.failed(cursor)
        assert following.told(ADA, "thr_1", "e", 5, 5) is READ
        assert read_all(following, "thr_1") == [3, 4, 5]
        assert not following.again(cursor)

    def test_nothing_is_told_of_another_history(self) -> None:
        following = followed(("thr_1", "e", 2))
        assert following.told(ADA, "thr_1", "other", 3, 3) is DROP
        assert following.stale == 1
        assert following.told(ADA, "thr_1", "e", 3, 3) is DELIVER

    def test_where_the_store_shows_another_history_its_top_counts_as_told(self) -> None:
        following = followed(("thr_1", "e", 9))
        assert following.moved(ADA, "thr_1", "restored", 4) is DROP
        assert following.told(ADA, "thr_1", "restored", 5, 5) is DELIVER


class TestTheFirstLook:
    def test_nothing_is_told_before_it_and_nothing_is_lost_by_that(self) -> None:
        following = DeliveryTracker()
        following.follow(ADA)
        assert following.unseen() == following.owners() == [ADA]
        assert not following.is_seen(ADA)
        assert following.told(ADA, "thr_1", "e", 5, 6) is HOLD
        assert following.told(ADA, "thr_new", "e", 2, 2) is HOLD
        assert following.told(ADA, "thr_2", "e", 3, 3) is HOLD
        late = following.look(ADA, [("thr_2", "e", 3), ("thr_1", "e", 4)], True)
        assert sorted(cursor.thread_id for cursor in late) == ["thr_1", "thr_2", "thr_new"]
        assert read_all(following, "thr_1") == [5, 6]
        assert read_all(following, "thr_2") == [3], "it was heard after the connection came, whatever the look shows"
        assert read_all(following, "thr_new") == [1, 2]
        assert following.told(ADA, "thr_2", "e", 4, 4) is DELIVER
        assert following.is_seen(ADA)
        assert following.unseen() == []

    def test_of_a_thread_that_it_does_not_show_only_what_was_heard_is_told(self) -> None:
        following = DeliveryTracker()
        following.follow(ADA)
        assert following.told(ADA, "thr_old", "e", 5, 6) is HOLD
        assert [cursor.thread_id for cursor in following.look(ADA, [("thr_2", "e", 3)], False)] == ["thr_old"]
        assert read_all(following, "thr_old") == [5, 6]

    def test_a_second_one_changes_nothing(self) -> None:
        following = followed(("thr_1", "e", 2))
        assert following.look(ADA, [("thr_1", "e", 7)], True) == []
        assert following.at(ADA, "thr_1") == 2

    def test_a_read_ends_when_the_last_connection_went_even_where_another_came(self) -> None:
        following = followed(("thr_1", "e", 2))
        assert following.told(ADA, "thr_1", "e", 4, 4) is READ
        cursor = mark_of(following, "thr_1")
        following.unfollow(ADA)
        following.follow(ADA)
        assert not following.page(cursor, 2)
        assert following.gap(cursor) is None
        assert not following.again(cursor)


class TestAnswers:
    def test_nothing_is_told_until_a_request_is_answered_and_then_everything(self) -> None:
        following = followed(("thr_1", "e", 2))
        following.hold(ADA, "thr_1")
        assert following.told(ADA, "thr_1", "e", 3, 4) is HOLD
        assert following.told(ADA, "thr_1", "e", 5, 5) is HOLD
        assert following.release(ADA, "thr_1") is mark_of(following, "thr_1")
        assert read_all(following, "thr_1") == [3, 4, 5]
        assert following.told(ADA, "thr_1", "e", 6, 6) is DELIVER

    def test_where_nothing_was_heard_nothing_is_read(self) -> None:
        following = followed(("thr_1", "e", 2))
        following.hold(ADA, "thr_1")
        assert following.release(ADA, "thr_1") is None
        assert following.told(ADA, "thr_1", "e", 3, 3) is DELIVER
        assert following.release(ADA, "thr_1") is None

    def test_two_requests_hold_a_thread_up_until_both_are_answered(self) -> None:
        following = followed()
        following.hold(ADA, "thr_new")
        following.hold(ADA, "thr_new")
        assert following.told(ADA, "thr_new", "e", 1, 1) is HOLD
        assert following.release(ADA, "thr_new") is None
        assert following.told(ADA, "thr_new", "e", 2, 2) is HOLD
        assert following.release(ADA, "thr_new") is mark_of(following, "thr_new")
        assert read_all(following, "thr_new") == [1, 2]

    def test_a_read_that_goes_on_stops_for_an_answer(self) -> None:
        following = followed(("thr_1", "e", 2))
        assert following.told(ADA, "thr_1", "e", 4, 4) is READ
        cursor = mark_of(following, "thr_1")
        assert following.gap(cursor) == (2, 4)
        following.hold(ADA, "thr_1")
        assert following.page(cursor, 2)
        assert following.told(ADA, "thr_1", "e", 5, 5) is HOLD
        assert following.gap(cursor) is None
        assert following.release(ADA, "thr_1") is cursor
        assert read_all(following, "thr_1") == [5]


class TestLive:
    def test_a_connection_is_told_what_was_told_to_the_others(self) -> None:
        following = followed(("thr_1", "e", 2))
        assert following.live(ADA, "thr_1", "e", 2) == (2, DROP)
        assert following.live(ADA, "thr_1", "e", 4) == (2, READ)
        assert following.live(ADA, "thr_new", "e", 3) == (0, READ)

    def test_an_old_thread_is_live_from_its_top(self) -> None:
        following = followed(("thr_1", "e", 2), whole=False)
        assert following.live(ADA, "thr_old", "e", 30) == (30, DROP)
        assert following.told(ADA, "thr_old", "e", 31, 31) is DELIVER

    def test_a_thread_without_events_is_live_from_nothing(self) -> None:
        assert followed().live(ADA, "thr_empty", "e", 0) == (0, DROP)


class TestBounds:
    def test_the_mark_that_was_made_first_goes_and_its_thread_is_an_old_one_then(self) -> None:
        following = followed(*((f"thr_{n}", "e", 1) for n in (3, 2, 1)), most=3)
        assert following.told(ADA, "thr_4", "e", 1, 1) is DELIVER
        assert [following.at(ADA, f"thr_{n}") for n in (1, 2, 3, 4)] == [None, 1, 1, 1]
        assert following.told(ADA, "thr_1", "e", 2, 3) is READ
        assert read_all(following, "thr_1") == [2, 3]

    def test_a_thread_that_is_being_read_keeps_its_mark_where_another_can_go(self) -> None:
        following = followed(("thr_2", "e", 1), ("thr_1", "e", 1), most=2)
        assert following.told(ADA, "thr_1", "e", 3, 3) is READ
        assert following.told(ADA, "thr_3", "e", 1, 1) is DELIVER
        assert following.at(ADA, "thr_2") is None
        assert following.told(ADA, "thr_3", "e", 3, 3) is READ
        assert following.told(ADA, "thr_4", "e", 1, 1) is DELIVER
        assert following.at(ADA, "thr_1") is None


@pytest.mark.parametrize("round", range(40))
def test_whatever_is_lost_late_or_doubled_each_position_is_told_once_and_in_order(
    rng: random.Random, round: int
) -> None:
    rng.seed(f"{rng.random()} {round}")
    start, top = rng.randrange(4), 60
    following = followed(("thr_1", "e", start))
    chunks, first = list[tuple[int, int]](), start + 1
    while first <= top:
        last = min(top, first + rng.randrange(4))
        chunks.append((first, last))
        first = last + 1
    heard = [chunk for chunk in chunks for _ in range(rng.choice((0, 1, 1, 1, 2)))]
    for at in range(len(heard) - 1):
        if rng.random() < 0.2:
            heard[at], heard[at + 1] = heard[at + 1], heard[at]
    told, reads = list[int](), False
    cursor = mark_of(following, "thr_1")

    def read_a_page() -> bool:
        gap = following.gap(cursor)
        if gap is None:
            return False
        count = rng.randrange(1, gap[1] - gap[0] + 1)
        assert following.page(cursor, count)
        told.extend(range(gap[0] + 1, gap[0] + count + 1))
        return True

    for first, last in [*heard, (0, 0)]:
        verdict = following.told(ADA, "thr_1", "e", first, last) if first else following.moved(ADA, "thr_1", "e", top)
        if verdict is DELIVER:
            told.extend(range(first, last + 1))
        reads = reads or verdict is READ
        while reads and (rng.random() < 0.5 or not first):
            reads = read_a_page()
    assert told == list(range(start + 1, top + 1))
