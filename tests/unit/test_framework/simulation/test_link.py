"""Links: in order, delayed, bounded, and cut."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import pytest

from test_framework.simulation.link import Cable, Link
from test_framework.simulation.virtual_loop import VirtualLoop


class End:
    """Both ends of a link: what came to whom."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.ends: list[int | None] = []
        self.told: list[str] = []

    def came(self, link: Cable, frame: bytes) -> None:
        self.frames.append(frame)

    def ended(self, link: Cable, code: int | None) -> None:
        self.ends.append(code)

    def received(self, raw: bytes | str) -> None:
        self.told.append(str(raw))

    def ponged(self) -> None:
        self.told.append("pong")

    def writable(self) -> None:
        self.told.append("writable")

    def lost(self) -> None:
        self.told.append("lost")


class Story:
    def __init__(self, window: int = 10) -> None:
        self.loop = VirtualLoop()
        self.device, self.server = End(), End()
        self.link = Link(self.loop, Random(1), self.device, window=window, slowest=1.0)
        self.link.attach(self.server)

    def pass_time(self, seconds: float = 60.0) -> None:
        self.loop.call_later(seconds, self.loop.stop)
        self.loop.run_forever()


@pytest.fixture
def story() -> Iterator[Story]:
    story = Story()
    yield story
    story.loop.close()


def test_what_is_sent_arrives_later_and_in_order_in_both_directions(story: Story) -> None:
    frames = [b"%d" % number for number in range(50)]
    story.link.send(frames)
    for number in range(50):
        story.link.send_up(str(number))
    assert (story.device.frames, story.server.told) == ([], [])
    story.pass_time()
    assert story.device.frames == frames
    assert [told for told in story.server.told if told != "writable"] == [str(number) for number in range(50)]


def test_more_than_the_window_unread_is_not_writable_and_reading_makes_it_so_again(story: Story) -> None:
    story.link.send([b"12345"])
    assert story.link.writable
    story.link.send([b"12345"])
    assert (story.link.writable, story.link.unsent) == (False, 10)
    story.pass_time()
    assert (story.link.writable, story.link.unsent, story.server.told) == (True, 0, ["writable"])


def test_a_stalled_device_reads_nothing_until_it_goes_on(story: Story) -> None:
    story.link.stall()
    story.link.send([b"1"] * 20)
    story.link.ping()
    story.pass_time()
    assert (story.device.frames, story.link.writable, story.server.told) == ([], False, [])
    story.link.go_on()
    story.pass_time()
    assert (len(story.device.frames), story.server.told) == (20, ["writable", "pong"])


def test_a_close_comes_after_what_was_sent_and_ends_both_directions(story: Story) -> None:
    story.link.send([b"last"])
    story.link.close(4408, "slow_consumer")
    story.link.send_up("too late")
    story.pass_time()
    assert (story.device.frames, story.device.ends, story.server.told) == ([b"last"], [4408], ["lost"])
    story.link.send([b"more"])
    story.pass_time()
    assert story.device.frames == [b"last"]


def test_a_dead_process_is_noticed_by_the_device(story: Story) -> None:
    story.link.break_off()
    story.link.send_up("anybody?")
    story.pass_time()
    assert (story.device.ends, story.server.told) == ([None], [])


@pytest.mark.parametrize(("noticed_after", "told"), [(1.0, ["lost"]), (None, [])])
def test_a_cut_loses_what_is_under_way_and_is_noticed_or_not(
    story: Story, noticed_after: float | None, told: list[str]
) -> None:
    story.link.send([b"1"])
    story.link.send_up("1")
    story.link.cut(noticed_after)
    story.pass_time()
    assert (story.device.frames, story.server.told) == ([], told)
