"""What became of raw stacks that an engine has: done, passed over, or lost with it."""

from __future__ import annotations

import numpy as np

from livesim.router.under_way import UnderWay
from livesim.values.frames import RawStack, StackIndex


def stack(time, channel=0):
    pixels = np.zeros((3, 3, 8, 8), np.uint16)
    return RawStack("s", StackIndex(time=time, channel=channel), pixels, last_received_ns=time)


def sent(*places):
    """Return what is under way after stacks (time, channel) were sent."""
    one = UnderWay()
    assert all(one.add(stack(*place), lambda: True) for place in places)
    return one


def counts(one):
    return one.done, one.missed, len(one)


def test_results_in_order_miss_nothing():
    one = sent((0, 0), (0, 1), (1, 0))
    for place in ((0, 1), (0, 0), (1, 0)):
        found, second = one.made(stack(*place).index)
        assert (found.index, found.last_received_ns, second) == (
            stack(*place).index,
            place[0],
            False,
        )
    assert counts(one) == (3, 0, 0)


def test_a_second_result_is_told_apart_and_counts_once():
    one = sent((0, 0))
    index = stack(0).index
    assert [one.made(index)[1] for _ in range(3)] == [False, True, True]
    assert counts(one) == (1, 0, 0)


def test_stacks_before_a_result_were_passed_over_in_their_own_channel_alone():
    one = sent((0, 0), (0, 1), (1, 0), (2, 0))
    one.made(stack(2).index)
    assert counts(one) == (1, 2, 1)
    assert one.lose() == [stack(0, 1).index]
    assert counts(one) == (1, 2, 0)


def test_what_has_no_result_at_the_end_was_passed_over_and_with_a_death_is_lost():
    one = sent((0, 0), (1, 0))
    one.end()
    assert (counts(one), one.lose()) == ((0, 2, 0), [])
    other = sent((0, 0), (1, 0))
    assert other.lose() == [stack(0).index, stack(1).index]
    assert counts(other) == (0, 0, 0)


def test_nothing_is_sent_to_an_engine_that_has_gone():
    one = UnderWay()
    assert not one.add(stack(0), lambda: False)
    assert len(one) == 0


def test_no_pixels_are_held():
    one = sent((0, 0))
    assert one.seen(stack(0).index).pixels.nbytes == 0
    assert one.made(StackIndex(time=9)) == (None, False)
