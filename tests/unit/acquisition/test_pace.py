"""A replay that is paused, stepped and sped up: every frame once, in order, when it is its turn."""

from __future__ import annotations

import threading
import time
from itertools import islice

import numpy as np
import pytest

from livesim.commands.replay.controls import obey, press, words
from livesim.config.settings import SettingsError
from livesim.values.frames import FrameAxes, RawFrame
from livesim_acquisition.replay import pace as pace_module
from livesim_acquisition.replay.pace import Pace
from livesim_acquisition.replay.rate import Rate
from tests.support.waiting import wait_for

WAIT_S = 60.0


def frames(stacks=10_000):
    """Yield numbered frames of 2 x 3 in a stack."""
    for number in range(6 * stacks):
        time_, place = divmod(number, 6)
        axes = FrameAxes(time=time_, angle=place // 3, phase=place % 3)
        yield RawFrame("cells", number, axes, np.zeros((1, 1)))


def interleaved():
    """Yield frames whose phases are fastest, then two planes of z, then the angles."""
    for number in range(48):
        rest, phase = divmod(number, 3)
        time_, z, angle = rest // 4, rest % 2, rest // 2 % 2
        axes = FrameAxes(time=time_, z=z, angle=angle, phase=phase)
        yield RawFrame("cells", number, axes, np.zeros((1, 1)))


def due_at(rate):
    return lambda frame: 0.0 if isinstance(rate, Rate) else frame.sequence / rate


class Flow:
    """Frames that a thread of its own takes from a pace."""

    def __init__(self, pace, source):
        self.seen = []
        self.thread = threading.Thread(target=self.take, args=(pace, source))
        self.thread.start()

    def take(self, pace, source):
        for frame in pace.paced(source, due_at, 6):
            self.seen.append(frame.sequence)

    def wait_for(self, count):
        wait_for(lambda: self.seen, lambda seen: len(seen) >= count)

    def stays_at(self, count):
        self.wait_for(count)
        time.sleep(0.03)  # a frame too many would come within this
        return self.seen == list(range(count))


@pytest.fixture
def flowing():
    """Start flows, and end them after the test."""
    begun = []

    def start(pace, source):
        begun.append((pace, Flow(pace, source)))
        return begun[-1][1]

    yield start
    for pace, flow in begun:
        pace.stop()
        flow.thread.join(WAIT_S)
        assert not flow.thread.is_alive()


def test_a_pause_holds_the_next_frame_and_loses_none(flowing):
    pace = Pace(Rate.MAX)
    pace.pause()
    flow = flowing(pace, frames(4))
    assert flow.stays_at(0)
    pace.resume()
    assert flow.stays_at(24)


def test_a_step_is_one_raw_stack(flowing):
    pace = Pace(1.0)
    pace.step()  # before the recording begins: it counts for nothing
    flow = flowing(pace, frames())
    assert flow.stays_at(0)
    for steps, count in ((1, 6), (2, 18), (1, 24)):
        for _ in range(steps):
            pace.step()
        assert flow.stays_at(count)
        assert pace.state.paused


def test_a_step_in_the_middle_of_a_stack_completes_it(flowing):
    pace = Pace(0.001)  # so slow that no other frame comes before the step
    flow = flowing(pace, frames())
    flow.wait_for(1)
    pace.step()
    assert flow.stays_at(6)


def test_a_step_ends_with_a_complete_stack_where_planes_interleave(flowing):
    pace = Pace(Rate.MAX)
    pace.pause()
    flow = flowing(pace, interleaved())
    for count in (9, 12, 21, 24):
        pace.step()
        assert flow.stays_at(count)


@pytest.mark.parametrize("seed", range(3))
def test_whatever_is_pressed_every_frame_comes_once_and_in_order(flowing, seed):
    random = np.random.default_rng(seed)
    pace = Pace(2000.0)
    flow = flowing(pace, frames(300))
    for key in random.choice(list(" .+-m "), 400):
        press(pace, key)
        time.sleep(float(random.exponential(2e-4)))
    pace.set_rate(Rate.MAX)
    pace.resume()
    assert flow.stays_at(1800)


def test_after_stop_nothing_comes_whether_paused_or_not(flowing):
    for paused in (True, False):
        pace = Pace(0.001)
        flow = flowing(pace, frames())
        flow.wait_for(1)
        if paused:
            pace.pause()
        pace.stop()
        flow.thread.join(WAIT_S)
        assert flow.seen == [0]


class Clock:
    """A clock that waits by being set forward."""

    def __init__(self, monkeypatch, pace):
        self.now = 100.0
        monkeypatch.setattr(pace_module.time, "monotonic", lambda: self.now)
        monkeypatch.setattr(pace._changed, "wait", self.wait)

    def wait(self, timeout):
        self.now += timeout

    def times(self, flow, count, late_s=0.0):
        """Return when each of the next frames comes, to a source that needs `late_s` for each."""
        found = []
        for _ in islice(flow, count):
            found.append(round(self.now - 100.0, 6))
            self.now += late_s
        return found


def test_the_rate_is_held_and_changed_at_once(monkeypatch):
    pace = Pace(10.0)
    clock = Clock(monkeypatch, pace)
    flow = pace.paced(frames(), due_at, 6)
    assert clock.times(flow, 4) == [0.0, 0.1, 0.2, 0.3]
    pace.set_rate(100.0)
    assert clock.times(flow, 3) == [0.3, 0.31, 0.32]
    pace.set_rate(Rate.MAX)
    assert clock.times(flow, 3) == [0.32] * 3


def test_delays_do_not_add_up(monkeypatch):
    pace = Pace(10.0)
    clock = Clock(monkeypatch, pace)
    flow = pace.paced(frames(), due_at, 6)
    np.testing.assert_allclose(clock.times(flow, 50, late_s=0.09), np.arange(50) / 10.0)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("pause", "paused"),
        ("resume", "10 frames/s"),
        ("rate 20.5", "20.5 frames/s"),
        ("rate max", "as fast as it goes"),
        ("rate real", "as recorded"),
        ("step", "paused"),
    ],
)
def test_lines_are_obeyed(line, said):
    pace = Pace(10.0)
    obey(pace, line)
    assert words(pace.state) == said
    obey(pace, "stop")
    assert pace.state.stopped


@pytest.mark.parametrize("line", ["", "faster", "rate", "rate 0", "pause 3", "state"])
def test_other_lines_are_refused(line):
    pace = Pace(10.0)
    with pytest.raises(SettingsError, match="expected a"):
        obey(pace, line)
    assert pace.state == Pace(10.0).state


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        (" ", "paused"),
        ("  ", "10 frames/s"),
        ("++", "40 frames/s"),
        ("-", "5 frames/s"),
        ("m", "as fast as it goes"),
        ("m+", "20 frames/s"),
        ("mr", "as recorded"),
        (".", "paused"),
        ("xyz\n", "10 frames/s"),
    ],
)
def test_keys_are_obeyed(keys, said):
    pace = Pace(10.0)
    for key in keys:
        press(pace, key)
    assert words(pace.state) == said
    press(pace, "q")
    assert pace.state.stopped
