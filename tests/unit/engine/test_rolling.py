"""Running stacks: what they are made of, when, and whether something has moved in between."""

from __future__ import annotations

import numpy as np
import pytest

from livesim.config.settings import Camera, Settings
from livesim.engine import rolling
from livesim.engine.motion import FALSE_ALARMS, block_sums, changed_blocks, fewest_of_motion
from livesim.engine.rolling import RunningStacks
from livesim.values.frames import FrameAxes, RawFrame, Rolling, StackIndex
from livesim.values.results import Result
from livesim.wire.codec import decode, encode

SIDE = 96
CAMERA = Camera(offset=100.0, gain=2.0, read_noise=1.5)
SETTINGS = Settings.model_validate(
    {"optics": {"numerical_aperture": 1.4, "emission_nm": 520.0}, "camera": CAMERA}
)
MS = 1_000_000
Y, X = np.mgrid[:SIDE, :SIDE].astype(float)


def specimen(shift=0.0):
    """Blobs as wide as the optics make them; they move along x by so many pixels."""
    spots = np.random.default_rng(5).uniform(8, SIDE - 8, (40, 2))
    return sum(np.exp(-((Y - y) ** 2 + (X - x - shift) ** 2) / 8.0) for y, x in spots)


def taken(expected, sequence, random):
    """Return frame number `sequence` of a 3 x 3 time-lapse."""
    time, place = divmod(sequence, 9)
    angle, phase = divmod(place, 3)
    fringes = 1.0 + 0.8 * np.cos(2.2 * (X * np.cos(angle) + Y * np.sin(angle)) + 2.1 * phase)
    electrons = random.poisson(expected * fringes) + random.normal(0, CAMERA.read_noise, X.shape)
    counts = np.clip(np.rint(CAMERA.gain * electrons + CAMERA.offset), 0, 65535).astype(np.uint16)
    axes = FrameAxes(time=time, angle=angle, phase=phase)
    return RawFrame("s", sequence, axes, counts, 5.0, received_ns=10 * MS * (sequence + 1))


def states(mode, count, light, seed=0):
    """Return what is said of every update of a stream; `light`: frame number -> expectation."""
    running, random = RunningStacks(SETTINGS, mode), np.random.default_rng(seed)
    for sequence in range(count):
        stack = running.add(taken(light(sequence), sequence, random))
        if stack is not None:
            yield stack.state(whole=False)


def plain(time, angle, phase, z=0):
    axes = FrameAxes(time=time, angle=angle, phase=phase, z=z)
    pixels = np.full((8, 8), 100 * time + 10 * angle + phase, np.uint16)
    return RawFrame("s", 0, axes, pixels, 5.0, received_ns=MS)


@pytest.mark.parametrize(
    ("mode", "updates"), [("frame", list(range(8, 18))), ("angle", [8, 11, 14, 17])]
)
def test_an_update_comes_with_every_angle_or_frame_once_all_are_there(mode, updates):
    running, due = RunningStacks(SETTINGS, mode), []
    for sequence in range(18):
        time, place = divmod(sequence, 9)
        if running.add(plain(time, *divmod(place, 3))) is not None:
            due.append(sequence)
    assert due == updates


def test_a_running_stack_has_the_newest_frame_of_every_angle_and_phase():
    running = RunningStacks(SETTINGS, "frame")
    frames = [plain(time, angle, phase) for time in (0, 1) for angle, phase in np.ndindex(3, 3)]
    newest = frames[:13]
    for frame in newest:
        last = running.add(frame)
    stack = last.stack(newest[-1])
    assert stack.index == StackIndex(time=1)
    expected = [[100, 101, 102], [110, 11, 12], [20, 21, 22]]
    np.testing.assert_array_equal(stack.pixels[:, :, 0, 0], expected)
    assert running.add(plain(0, 1, 0)) is None  # a late one
    assert running.add(plain(1, 1, 0)) is None  # a repeated one
    assert running.add(plain(1, 1, 1, z=1)) is None  # another plane has no stack yet
    np.testing.assert_array_equal(last.stack(newest[-1]).pixels[:, :, 0, 0], expected)


def test_the_plane_that_is_longest_ago_makes_room_for_a_new_one(monkeypatch):
    def came(z, number):
        return running.add(plain(1, *divmod(number, 3), z=z))

    running = RunningStacks(SETTINGS, "frame")
    two_stacks = 2 * 9 * plain(0, 0, 0).pixels.nbytes
    monkeypatch.setattr(rolling, "MOST_BYTES", two_stacks - 1)
    for z in (0, 1, 0):
        for number in range(9):
            came(z, number)
    assert came(2, 0) is None  # in the place of plane 1
    assert running.add(plain(2, 0, 0, z=0)) is not None
    assert running.add(plain(2, 0, 0, z=1)) is None


@pytest.mark.parametrize("place", [(3, 0), (0, 3)])
def test_an_angle_or_phase_that_the_pattern_does_not_have_is_left_out(place):
    running = RunningStacks(SETTINGS, "frame")
    for number in range(8):
        assert running.add(plain(0, *divmod(number, 3))) is None
    assert running.add(plain(0, *place)) is None
    assert running.add(plain(0, 2, 2)) is not None


def test_the_time_resolution_is_that_of_a_whole_stack_whatever_the_rate():
    for mode in ("frame", "angle"):
        for state in states(mode, 27, lambda sequence: 50.0 * np.ones((SIDE, SIDE))):
            assert state.resolution_ms == pytest.approx(8 * 10.0 + 5.0)


@pytest.mark.parametrize("peak", [3.0, 30.0, 1000.0])
def test_what_stands_still_and_bleaches_does_not_move(peak):
    still = peak * (specimen() + 0.05)
    said = [
        one.motion
        for seed in range(3)
        for one in states("frame", 100, lambda n: still * 0.996**n, seed)
    ]
    assert len(said) > 270
    assert sum(said) <= 2  # 0.3 are to be expected


@pytest.mark.parametrize(("peak", "shift"), [(30.0, 0.15), (300.0, 0.06)])
def test_what_moves_is_said_to_move(peak, shift):
    """By so many pixels a frame, nine times as much from one stack to the next."""
    said = list(states("frame", 45, lambda n: peak * (specimen(shift * n) + 0.05)))
    assert all(one.motion for one in said[-18:])
    assert 0.01 < said[-1].changed < 1.0


def test_the_limits_are_those_of_the_distribution():
    random = np.random.default_rng(1)
    for places in (1, 9, 15):
        sums = random.chisquare(places, 10**6)
        assert 40 <= changed_blocks(sums, places) <= 180  # 100 are to be expected
    for blocks in (100, 576, 16384):
        alarms = random.poisson(1e-4 * blocks, 10**6) >= fewest_of_motion(blocks)
        assert alarms.mean() <= 1.2 * FALSE_ALARMS


def test_blocks_are_summed_in_photo_electrons():
    counts = np.arange(70, dtype=np.uint16).reshape(7, 10) + 100
    expected = (counts[:4, :8].astype(float) - 100).reshape(1, 4, 2, 4).sum(axis=(1, 3)) / 2.0
    np.testing.assert_allclose(block_sums(counts, CAMERA), expected)


def test_what_is_said_travels_with_the_result():
    image = np.zeros((4, 4), np.float32)
    said = Rolling(whole=False, resolution_ms=90.0, changed=0.25, motion=True, updates_per_s=33.0)
    sent = Result("s", StackIndex(time=3), image, image[:2, :2].copy(), rolling=said)
    assert decode(encode(sent)).rolling == said
