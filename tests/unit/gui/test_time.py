"""The viewer's memory and its place in time, without a window."""

from __future__ import annotations

import pytest

from livesim.values.errors import DataError
from livesim_gui.state.time.ring import Ring
from livesim_gui.state.time.timeline import Mode, Timeline, nearest
from tests.support.shown import result, shots

BYTES = (32 * 32 + 64 * 64) * 4


def test_the_ring_keeps_the_newest_within_its_bytes():
    ring = Ring(3 * BYTES)
    for time in range(10):
        ring.add(result(time))
    assert [shot.result.index.time for shot in ring.shots] == [7, 8, 9]
    assert [shot.number for shot in ring.shots] == [7, 8, 9]
    assert ring.bytes == 3 * BYTES


def test_the_ring_keeps_one_result_that_is_larger_than_itself():
    ring = Ring(10)
    ring.add(result(0))
    ring.add(result(1))
    assert [shot.number for shot in ring.shots] == [1]


def test_the_ring_counts_the_image_without_networks_as_well():
    ring = Ring(1 << 30)
    ring.add(result(0, plain=True))
    assert ring.bytes == BYTES + 64 * 64 * 4


def test_the_ring_returns_the_same_tuple_until_something_changes():
    ring = Ring()
    ring.add(result(0))
    assert ring.shots is ring.shots
    ring.clear()
    assert ring.shots == ()
    assert ring.add(result(1)).number == 1, "numbers go on"


def test_live_is_always_the_newest():
    line, shown = Timeline().advance(shots(5), 0.0)
    assert (line.mode, shown.number) == (Mode.LIVE, 4)
    assert Timeline().advance((), 0.0)[1] is None


def test_what_is_held_stays_while_the_stream_goes_on_and_then_is_the_oldest():
    held = Timeline().hold(3)
    assert held.advance(shots(5), 0.0)[1].number == 3
    assert held.advance(shots(50), 9.0)[1].number == 3
    assert held.advance(shots(50)[20:], 9.0)[1].number == 20


@pytest.mark.parametrize(("by", "reached"), [(-1, 2), (1, 4), (-9, 0), (99, 9)])
def test_a_step_holds_a_neighbour_and_stays_inside(by, reached):
    stepped = Timeline().step(shots(10), 3, by)
    assert (stepped.mode, stepped.number) == (Mode.HELD, reached)


@pytest.mark.parametrize(("speed", "number"), [(1.0, 7), (2.0, 12), (0.5, 4)])
def test_playing_takes_the_time_that_the_stream_took(speed, number):
    line = Timeline(speed=speed).play(2, now_s=50.0)
    line, shown = line.advance(shots(40, interval_s=0.1), now_s=50.51)
    assert shown.number == number
    assert line.mode is Mode.PLAYING


def test_playing_ends_at_the_live_edge():
    line, shown = Timeline().play(2, 0.0).advance(shots(10), 100.0)
    assert (line.mode, shown.number) == (Mode.LIVE, 9)


def test_another_speed_goes_on_from_the_result_shown():
    line = Timeline().play(0, 0.0).at_speed(2.0, shown=5, now_s=10.0)
    assert line.advance(shots(40), 10.11)[1].number == 7
    assert Timeline().hold(3).at_speed(2.0, 3, 0.0).mode is Mode.HELD
    with pytest.raises(DataError, match="positive speed"):
        Timeline().at_speed(0.0, 0, 0.0)


def test_nearest_takes_the_next_one_that_is_there():
    kept = shots(10)[3:]
    assert [nearest(kept, n).number for n in (0, 3, 5, 99)] == [3, 3, 5, 9]
