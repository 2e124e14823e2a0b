"""Several engines behind one address: one is killed under load, and what it skipped is restored."""

from __future__ import annotations

import os
import signal
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count, islice

import numpy as np
import pytest
import zarr

from livesim.commands.engines import keys_between
from livesim.config.settings import Settings
from livesim.io.logs import read_settings_log
from livesim.io.pattern_file import read_pattern
from livesim.processes.engine import EngineProcess
from livesim.router.member import Member
from livesim.values.frames import FrameAxes, RawFrame
from livesim.values.results import Result
from livesim.wire.control_client import ControlClient
from livesim.wire.endpoints import beside, split_keys
from livesim.wire.header import WireError
from livesim.wire.messages import StreamEnd, StreamStart
from livesim.wire.sockets import Keep, Subscriber
from livesim.wire.status import EngineStatus, MemberState
from livesim_acquisition.sender import Sender
from tests.support.processes import LIMIT_S, livesim
from tests.support.scenes import CAMERA, OPTICS, simulate

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

SHAPE, CHANNELS = (64, 80), 2
KILLED_AT, AWAY_UNTIL, TIMES = 12, 24, 36
SETTINGS = {"optics": OPTICS, "camera": CAMERA, "steps": {"one": "none", "two": "none"}}
STILL = {"tracking": {"follow": False, "estimate": False}}


@pytest.fixture(scope="module", autouse=True)
def one_core():
    """Sums on another number of cores round differently, and engines share the cores."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        yield


@pytest.fixture(scope="module")
def scenes():
    """For each channel what it shows, with a pattern of its own."""
    return [simulate(seed, SHAPE, times=8) for seed in (0, 2)]


@dataclass
class Rig:
    """Engines, a source and a viewer."""

    control: ControlClient
    sender: Sender
    viewer: Subscriber
    scenes: list
    results: list = field(default_factory=list)
    sequence: int = 0

    def start(self, stream, settings, **more):
        sent = Settings.model_validate(settings).model_dump(mode="json", exclude_none=True)
        sizes = {"time": TIMES, "channel": CHANNELS}
        self.results = []
        self.sender.start(StreamStart(stream=stream, settings=sent, sizes=sizes, **more))

    def send(self, *times):
        """Send the raw stacks of these times, the channels in turn."""
        for at in times:
            for channel, scene in enumerate(self.scenes):
                stack = scene.counts[at % len(scene.counts)].numpy()
                for angle, phase in np.ndindex(3, 3):
                    axes = FrameAxes(at, channel, 0, 0, angle, phase)
                    self.sender.send(RawFrame("s", self.sequence, axes, stack[angle, phase]))
                    self.sequence += 1

    def wait_for(self, condition) -> EngineStatus:
        deadline = time.monotonic() + LIMIT_S
        while not condition(status := self.control.status(LIMIT_S)):
            assert time.monotonic() < deadline, status
            time.sleep(0.02)
        return status

    def wait_for_result(self, channel, at):
        while (channel, at) not in self.seen:
            message = self.viewer.receive(LIMIT_S)
            assert message is not None, f"expected time {at} of channel {channel}"
            self._take(message)

    def hear(self, pictures):
        """Wait a little for so many pictures, so that not many stacks are in front of them."""
        for _ in range(pictures):
            if (message := self.viewer.receive(1.0)) is not None:
                self._take(message)

    def finish(self):
        self.sender.finish()
        while not isinstance(message := self.viewer.receive(LIMIT_S), StreamEnd):
            assert message is not None
            self._take(message)

    def _take(self, message):
        if isinstance(message, Result) and not message.searching:
            self.results.append(message)

    @property
    def seen(self):
        return {(one.index.channel, one.index.time) for one in self.results}


@contextmanager
def rig(scenes, *flags, keys=None):
    with EngineProcess(*flags, keys=keys) as engine, ControlClient(engine.control()) as control:
        results = beside(engine.control(), control.status(LIMIT_S).endpoints.results)
        with (
            Subscriber(results, Keep.DROP_OLDEST, 1000) as viewer,
            Sender(engine.control(), answer_s=LIMIT_S) as sender,
        ):
            yield Rig(control, sender, viewer, scenes)


def known(scenes):
    """Return the true patterns, as a source that knows them says."""
    return {channel: scene.pattern for channel, scene in enumerate(scenes)}


def kill_the_second(one):
    """Kill the second engine's process; wait until the router knows, and return its status."""
    pid = one.control.status(LIMIT_S).engines[1].pid
    os.kill(pid, signal.SIGKILL)
    return one.wait_for(lambda status: status.engines[1].pid != pid)


def is_back(status):
    return status.engines[1].state is MemberState.WORKING


@dataclass
class Run:
    """What is left of a stream."""

    folder: object
    results: dict
    """Channel -> the times of its results, as they were published."""
    away: EngineStatus
    """While the killed engine was away."""
    last: EngineStatus
    """Before the stream ended."""
    over: EngineStatus


@pytest.fixture(scope="module")
def killed(scenes, tmp_path_factory):
    """Stream without a pause into two engines, and kill the second one meanwhile."""
    folder = tmp_path_factory.mktemp("killed")
    with rig(scenes, "--workers=2", "--lossless", f"--record={folder}") as one:
        one.start("s", SETTINGS | STILL, patterns=known(scenes))
        one.send(*range(KILLED_AT))
        one.wait_for(lambda status: status.engines[1].done > 2)
        kill_the_second(one)
        one.send(*range(KILLED_AT, AWAY_UNTIL))
        away = one.wait_for(lambda status: status.engines[1].skipped > 0)
        one.wait_for(is_back)
        one.send(*range(AWAY_UNTIL, TIMES))
        last = one.wait_for(lambda status: len(status.in_use.patterns) == CHANNELS)
        one.finish()
        over = one.control.status(LIMIT_S)
    return Run(folder / "stream-001", in_order(folder / "stream-001"), away, last, over)


def in_order(folder):
    """Return the times of each channel's results in the order in which they were published."""
    results = zarr.open_group(folder / "results.ome.zarr", mode="r")
    published, written = results["published_ns"][:, :, 0], results["written"][:, :, 0]
    order = np.argsort(published, axis=0, kind="stable")
    return {c: [at for at in order[:, c].tolist() if written[at, c]] for c in range(CHANNELS)}


def skipped(run):
    """Return the times that have no result, by what was recorded."""
    written = zarr.open_array(run.folder / "results.ome.zarr" / "written", mode="r")[:]
    return {c: np.flatnonzero(~written[:, c, 0]).tolist() for c in range(CHANNELS)}


def test_the_other_engine_is_undisturbed_and_in_order(killed):
    assert killed.results[0] == list(range(TIMES))
    assert skipped(killed)[0] == []


def test_what_was_skipped_is_named_and_counted(killed):
    missing = skipped(killed)[1]
    assert killed.results[1] == [at for at in range(TIMES) if at not in missing]
    assert set(range(AWAY_UNTIL, TIMES)) <= set(killed.results[1])
    assert set(missing) & set(range(KILLED_AT, AWAY_UNTIL))
    first, last = missing[0], missing[-1]
    assert missing == list(range(first, last + 1))
    (left, right) = killed.over.engines
    assert (left.skipped, left.done, left.words) == (0, TIMES, "")
    assert (right.skipped, right.done) == (len(missing), TIMES - len(missing))
    span = f"times {first} to {last}" if last > first else f"time {first}"
    assert right.words == f"skipped channel 1: {span}"
    assert killed.over.faults.skipped_stacks == len(missing)
    assert f"restore {killed.folder}/raw.zarr makes them" in killed.over.last_fault


def test_a_death_is_said_where_the_status_is_shown(killed):
    figure = next(one for one in killed.away.figures if one.name == "engines at work")
    assert figure.value == 1 or is_back(killed.away)
    assert killed.last.engines[1].starts == 2
    back = next(one for one in killed.last.figures if one.name == "engines at work")
    assert back.words.startswith("2 of 2; ")
    assert killed.last.in_use.patterns.keys() == {0, 1}


def test_no_raw_stack_is_lost(killed, scenes):
    raw = zarr.open_group(killed.folder / "raw.zarr", mode="r")
    assert raw["written"][:].all()
    for channel, scene in enumerate(scenes):
        for at in range(TIMES):
            stack = scene.counts[at % len(scene.counts)].numpy()
            np.testing.assert_array_equal(raw["raw"][0, at, channel, 0], stack)


def test_restored_it_is_a_run_without_a_death(killed, scenes, tmp_path):
    with rig(scenes, "--lossless", f"--record={tmp_path}") as one:
        one.start("s", SETTINGS | STILL, patterns=known(scenes))
        one.send(*range(TIMES))
        one.finish()
    again = tmp_path / "again.ome.zarr"
    livesim("restore", killed.folder / "raw.zarr", "--out", again)
    whole = images(tmp_path / "stream-001" / "results.ome.zarr")
    assert np.isfinite(whole).all()
    assert images(again).tobytes() == whole.tobytes()
    for name in ("pattern.json", "pattern-channel-1.json"):
        own, other = (read_pattern(at / name) for at in (killed.folder, tmp_path / "stream-001"))
        assert own == other


def images(path):
    return zarr.open_array(path / "0", mode="r")[:]


def test_live_pixels_come_back_whatever_an_engine_lived_through(scenes, tmp_path):
    """Patterns that are estimated and tracked, steering and recording, with a death in between."""
    with rig(scenes, "--workers=2", f"--record={tmp_path}") as one:
        one.start("s", SETTINGS)
        times = count()

        def send_and_see(number):
            for at in islice(times, number):
                one.send(at)
                one.wait_for_result(1, at)

        while len(one.control.status(LIMIT_S).in_use.patterns) < CHANNELS:
            one.send(next(times))  # a pattern that does not stand out takes more of them
            one.hear(CHANNELS)
        one.control.steer({"reconstruction.wiener": 0.2}, LIMIT_S)
        send_and_see(6)
        kill_the_second(one)
        one.send(next(times))
        one.wait_for(is_back)
        send_and_see(4)
        one.control.record(on=False)
        one.control.record(on=True)
        send_and_see(4)
        status = one.wait_for(lambda status: len(status.channels) == CHANNELS)
        assert status.in_use.settings.reconstruction.wiener == 0.2
        assert [channel.channel for channel in status.channels] == [0, 1]
        one.finish()
        over = one.control.status(LIMIT_S)
    sent, skipped = next(times), sum(one.skipped for one in over.engines)
    assert sum(one.done for one in over.engines) + skipped + over.stages[2].dropped == 2 * sent
    first, second = tmp_path / "stream-001", tmp_path / "stream-002"
    assert {one.stack.channel for one in read_settings_log(first / "settings-log.jsonl")} == {0}
    for stream in (first, second):
        again = stream / "again.ome.zarr"
        livesim("restore", stream / "raw.zarr", "--out", again)
        written = zarr.open_array(stream / "results.ome.zarr" / "written", mode="r")[..., 0]
        live, restored = images(stream / "results.ome.zarr"), images(again)
        assert written.sum() > 4
        begun = len(live) - len(restored)  # a recording may begin in the middle of a stream
        for at, *place in zip(*np.nonzero(written), strict=True):
            np.testing.assert_array_equal(live[at, *place], restored[at - begun, *place])


def test_engines_behind_an_address_with_keys_ask_for_keys_too(scenes):
    member = (1, ("--part",), {}, lambda *_: None, lambda _: None, lambda: False)
    with keys_between() as keys:
        engine = Member(*member, keys)
        engine.start()
        try:
            engine.await_first()
            for address in (engine.reach.control, engine.reach.frames):
                assert split_keys(address)[1] == keys
            with ControlClient(engine.reach.control) as friend:
                assert friend.status(LIMIT_S).stream is None
            plain = split_keys(engine.reach.control)[0]
            with ControlClient(plain) as stranger, pytest.raises(WireError, match="found none"):
                stranger.status(2.0)
        finally:
            engine.close()
        with rig(scenes, "--workers=2", keys=keys) as one:
            one.start("s", SETTINGS | STILL, patterns=known(scenes))
            one.send(0)
            one.wait_for(lambda status: [engine.done for engine in status.engines] == [1, 1])


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"live": {"rolling": "angle"}}, "expected live.rolling = 'off' for 2 engines"),
        ({"steps": {"one": "nobody"}}, "nobody"),
    ],
)
def test_what_cannot_be_spread_is_refused(refusing, table, words):
    with pytest.raises(WireError, match=words):
        refusing.start(words, SETTINGS | table)  # each has a name of its own


@pytest.fixture(scope="module")
def refusing(scenes):
    with rig(scenes, "--workers=2") as one:
        yield one
