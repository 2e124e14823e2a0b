"""Volumes wait for planes in any order; a lost plane costs its own volume and no other."""

import pytest

from livesim.engine.open_volumes import OpenVolumes
from livesim.engine.volume_gate import VolumeGate
from livesim.values.frames import RawStack, StackIndex

PLANES = 4


def plane(z, time=0, position=0):
    return RawStack("s", StackIndex(position, time, 0, z), None, last_received_ns=100 * time + z)


def gathered(volumes, planes):
    """Add planes; return the volumes that became whole, and what was given up."""
    whole = []
    for stack in planes:
        volume = volumes.see(stack)
        if volume is not None and volumes.is_whole(volume):
            whole.append((stack.index.position, stack.index.time))
            volumes.close(stack.index.volume)
    return whole, volumes.take_torn()


@pytest.fixture
def begun():
    return []


@pytest.fixture
def volumes(begun):
    return OpenVolumes(PLANES, lambda: begun.append(0), most=2)


def test_planes_may_come_in_any_order_and_volumes_one_in_the_other(volumes, begun):
    mixed = [plane(3), plane(0, 1), plane(1), plane(3, 1), plane(0), plane(2), plane(1, 1)]
    assert gathered(volumes, mixed) == ([(0, 0)], [])
    assert gathered(volumes, [plane(2, 1)]) == ([(0, 1)], [])
    gathered(volumes, [plane(z, time) for time in range(2, 50) for z in range(PLANES)])
    assert len(begun) == 2  # memory is used again


def test_a_lost_plane_costs_its_own_volume_and_no_other(volumes):
    planes = [plane(z, time) for time in range(3) for z in range(PLANES) if (z, time) != (2, 0)]
    whole, torn = gathered(volumes, planes)
    assert whole == [(0, 1), (0, 2)]
    (words,) = torn
    assert words == (
        "the volume of position 0, time 0, channel 0 has lost 1 of 4 planes (z 2): left out"
    )
    assert gathered(volumes, [plane(2, 0)]) == ([], [])  # too late


def test_a_volume_of_another_position_is_not_given_up_for_this_one(volumes):
    first = [plane(0), *(plane(z, 0, 1) for z in range(PLANES)), *map(plane, range(1, PLANES))]
    assert gathered(volumes, first) == ([(1, 0), (0, 0)], [])


def test_more_open_volumes_than_memory_allows_cost_the_oldest(volumes):
    _, torn = gathered(volumes, [plane(0, 0, 0), plane(0, 0, 1), plane(0, 0, 2)])
    assert [words[:24] for words in torn] == ["the volume of position 0"]


def test_what_is_open_at_the_end_is_said(volumes):
    gathered(volumes, [plane(0), plane(1, 1)])
    volumes.give_up()
    assert ["time 0" in words or "time 1" in words for words in volumes.take_torn()] == [True] * 2


def test_volumes_pass_whole_or_not_at_all():
    queued = []
    gate = VolumeGate(PLANES, lambda: 2 * PLANES - len(queued))

    def came(time, position=0):
        taken = [gate.takes(plane(z, time, position).index) for z in range(PLANES)]
        queued.extend(taken if all(taken) else [])
        return taken

    assert came(0) == [True] * PLANES
    assert came(1) == [True] * PLANES
    assert came(2) == [False] * PLANES
    del queued[:3]  # the processor is in the middle of the first
    assert came(3) == [False] * PLANES
    del queued[:1]
    assert came(4) == [True] * PLANES
    assert gate.skipped == 2


def test_room_that_is_promised_to_one_volume_is_not_given_to_another():
    gate = VolumeGate(PLANES, lambda: 2 * PLANES)
    channels = [StackIndex(0, 0, channel, 0) for channel in range(3)]
    assert [gate.takes(index) for index in channels] == [True, True, False]


def test_a_plane_that_is_lost_keeps_no_room():
    gate = VolumeGate(PLANES, lambda: PLANES)
    assert gate.takes(plane(0, 0).index)  # its other planes never come
    assert gate.takes(plane(0, 1).index)


def test_a_source_that_waits_loses_no_volume():
    gate = VolumeGate(PLANES, None)
    assert all(gate.takes(plane(z, time).index) for time in range(9) for z in range(PLANES))
