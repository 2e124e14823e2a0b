"""Plain images of every raw stack at once; the networks beside them, on the newest stack."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import pytest
import zarr

from livesim.engine.beside import networks as networks_module
from livesim.engine.pending import ready
from livesim.engine.record import recordings
from livesim.engine.seams import Later, Reconstructed
from livesim.io.recording_files import RAW_NAME, RESULTS_NAME
from livesim.io.write.recorder import ResultRecorder
from livesim.values.frames import StackIndex
from livesim.values.results import Result
from livesim.wire.control_client import ControlClient
from livesim.wire.header import WireError
from livesim.wire.messages import StreamEnd, StreamStart
from livesim.wire.status import EngineState
from livesim_acquisition.sender import Sender
from tests.support.running_engine import WAIT_S, Mean, after, frames, running, send, start


@dataclass
class SlowNetworks(Mean):
    """Adds 100 to the plain image, stack by stack, each of which has to be let through."""

    bad: tuple[int, ...] = ()
    begun: list[int] = field(default_factory=list)
    through: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    at_work: threading.Event = field(default_factory=threading.Event)

    def begin_plain(self, stack):
        plain = replace(self(stack), provisional=True)
        return ready(Reconstructed(plain, later=Later(lambda: ready((self._run(stack),)), 1000)))

    def _run(self, stack):
        self.begun.append(stack.index.time)
        self.at_work.set()
        assert self.through.acquire(timeout=WAIT_S)
        if stack.index.time in self.bad:
            raise RuntimeError("no memory")
        made = self(stack)
        return Reconstructed(replace(made, image=made.image + 100.0, plain=made.image))

    def let(self, stacks):
        self.through.release(stacks)


@contextmanager
def streaming(slow, record=None, **options):
    """Stream raw stacks one by one to an engine; let all networks through at the end."""
    with (
        running(lambda s: lambda *_: slow, record=record, **options) as engine,
        Sender(engine.control) as sender,
        ControlClient(engine.control) as client,
    ):
        sender.start(start())
        try:
            yield Streaming(engine, sender, client)
        finally:
            slow.let(1000)


@dataclass
class Streaming:
    engine: object
    sender: Sender
    client: ControlClient
    sent: int = 0

    def send(self, count):
        """Send stacks, each once the plain image of the last one is published."""
        all_frames = list(frames(self.sent + count))
        for _ in range(count):
            for frame in all_frames[9 * self.sent : 9 * self.sent + 9]:
                self.sender.send(frame)
            self.sent += 1
            self.wait_for("publish", self.sent)

    def send_behind(self, slow, count):
        """Send a stack that the networks begin with, and others while they are at it."""
        self.send(1)
        assert slow.at_work.wait(WAIT_S)
        self.send(count)

    def wait_for(self, stage, count):
        done = {"publish": 3, "networks": 4}[stage]
        return self.engine.wait_for(lambda s: s.stages[done].done >= count)


def kinds(results):
    return [(one.index.time, "plain" if one.provisional else "networks") for one in results]


def test_every_plain_image_comes_while_the_networks_are_at_the_first():
    slow = SlowNetworks()
    with streaming(slow) as stream:
        stream.send_behind(slow, 11)
        assert slow.begun == [0]
        status = stream.engine.engine.status()
        assert {one.name: one.done for one in status.stages}["networks"] == 0
        assert status.stages[2].dropped == 0
        slow.let(1000)
        stream.sender.finish()
        results = stream.engine.results()
    plain = [one for one in results if one.provisional]
    assert [one.index.time for one in plain] == list(range(12))
    assert all(one.plain is None and one.image.max() == one.index.time for one in plain)


def test_the_networks_work_on_the_newest_stack():
    slow = SlowNetworks()
    with streaming(slow, networks="newest") as stream:
        stream.send_behind(slow, 5)
        slow.let(1)
        stream.wait_for("networks", 1)
        stream.engine.wait_for(lambda _: slow.begun == [0, 5])
        slow.let(1)
        stream.wait_for("networks", 2)
        slow.let(1000)
        stream.sender.finish()
        second = [one for one in stream.engine.results() if not one.provisional]
    assert [one.index.time for one in second[:2]] == [0, 5]
    for one in second:
        assert (one.image == one.index.time + 100.0).all()
        assert (one.plain == one.index.time).all()


def test_where_there_is_time_the_stacks_before_are_done_too_the_newest_first():
    slow = SlowNetworks()
    with streaming(slow) as stream:
        stream.send_behind(slow, 3)
        slow.let(1000)
        stream.wait_for("networks", 4)
        stream.sender.finish()
    assert slow.begun == [0, 3, 2, 1]


def test_at_the_end_of_a_stream_the_last_stack_is_done_and_recorded(tmp_path):
    slow = SlowNetworks()
    with streaming(slow, record=tmp_path) as stream:
        stream.send_behind(slow, 4)
        stream.sender.finish()
        stream.engine.wait_for(lambda s: s.state is EngineState.FINISHING)
        slow.let(2)
        messages = stream.engine.messages()
    results = [one for one in messages if isinstance(one, Result) and not one.searching]
    assert kinds(results)[-2:] == [(0, "networks"), (4, "networks")]
    assert isinstance(messages[-1], StreamEnd)
    recorded = zarr.open_group(tmp_path / "stream-001" / RESULTS_NAME, mode="r")
    assert recorded["written"][:, 0, 0].tolist() == [True] * 5
    assert recorded["networks"][:, 0, 0].tolist() == [True, False, False, False, True]
    assert recorded["0"][:, 0, 0, 0, 0].tolist() == [100.0, 1.0, 2.0, 3.0, 104.0]
    raw = zarr.open_group(tmp_path / "stream-001" / RAW_NAME, mode="r")
    assert raw["written"][:].sum() == 5


def test_at_the_end_of_a_stream_no_older_stack_is_done():
    """The last one, which is on the screen, has been done already."""
    slow = SlowNetworks()
    slow.let(1000)
    with streaming(slow, networks="held") as stream:
        stream.send(4)
        stream.client.held("s", StackIndex(time=3), WAIT_S)
        stream.wait_for("networks", 1)
        stream.sender.finish()
        stream.engine.wait_for(lambda s: s.stream is None)
    assert slow.begun == [3]


def test_what_comes_after_the_end_is_published_all_the_same(monkeypatch):
    monkeypatch.setattr(networks_module, "CATCH_UP_S", 0.0)
    slow = SlowNetworks()
    with streaming(slow) as stream:
        stream.send(3)
        stream.sender.finish()
        assert isinstance(stream.engine.messages()[-1], StreamEnd)
        slow.let(1000)
        late = [stream.engine.subscriber.receive(WAIT_S) for _ in range(2)]
        assert kinds(late) == [(0, "networks"), (2, "networks")]
        assert all(one.published_ns > one.last_received_ns for one in late)


def test_what_is_left_of_a_stream_is_dropped_when_the_next_one_begins(monkeypatch):
    monkeypatch.setattr(networks_module, "CATCH_UP_S", 0.0)
    slow = SlowNetworks()
    with streaming(slow) as stream:
        stream.send(3)
        stream.sender.finish()
        stream.engine.messages()
        stream.sender.start(start("next"))
        assert isinstance(stream.engine.subscriber.receive(WAIT_S), StreamStart)
        slow.let(1000)
        for frame in frames(2, "next"):
            stream.sender.send(frame)
        stream.sender.finish()
        results = stream.engine.results()
        assert {one.stream for one in results} == {"next"}
        assert stream.engine.engine.status().stages[3].done == 2, "counted from 0 again"


def test_who_holds_a_picture_gets_its_stack_next():
    slow = SlowNetworks()
    with streaming(slow, networks="held") as stream:
        stream.send(4)
        stream.client.held("s", StackIndex(time=1), WAIT_S)
        slow.let(1)
        stream.wait_for("networks", 1)
        assert slow.begun == [1]
        with pytest.raises(WireError, match=r"still in memory, found time 1 gone; livesim restore"):
            stream.client.held("s", StackIndex(time=1), WAIT_S)
        with pytest.raises(WireError, match="found time 2 gone"):
            stream.client.held("another stream", StackIndex(time=2), WAIT_S)
        slow.let(1)
        stream.sender.finish()
        second = [one for one in stream.engine.results() if not one.provisional]
    assert [one.index.time for one in second] == [1, 3], "the last one is on the screen"


def test_networks_that_are_off_do_nothing_and_keep_nothing():
    slow = SlowNetworks()
    with streaming(slow, networks="off") as stream:
        stream.send(4)
        status = stream.engine.engine.status()
        assert (status.networks.run, status.networks.waiting) == ("off", 0)
        stream.sender.finish()
        assert kinds(stream.engine.results()) == [(time, "plain") for time in range(4)]
    assert slow.begun == []


def test_every_nth_stack_alone():
    slow = SlowNetworks()
    with streaming(slow) as stream:
        stream.client.networks(3, WAIT_S)
        slow.let(1000)
        stream.send(8)
        stream.wait_for("networks", 3)
        assert stream.engine.engine.status().networks.run == 3
        stream.client.networks("off", WAIT_S)
        stream.sender.finish()
    assert sorted(slow.begun) == [0, 3, 6]


def test_a_stack_on_which_they_fail_keeps_its_plain_image():
    slow = SlowNetworks(bad=(0,))
    slow.let(1000)
    with streaming(slow) as stream:
        stream.send(1)
        status = stream.engine.wait_for(lambda s: s.faults.failed_stacks == 1)
        assert status.last_fault == "no memory"
        stream.send(1)
        stream.sender.finish()
        found = kinds(stream.engine.results())
    assert found == [(0, "plain"), (1, "plain"), (1, "networks")]


def test_without_losses_every_stack_waits_for_its_networks():
    class Whole(SlowNetworks):
        def begin(self, stack):
            return ready(self._run(stack))

    slow = Whole()
    slow.let(1000)
    with running(lambda s: lambda *_: slow, lossless=True) as engine:
        with ControlClient(engine.control) as client:
            assert client.status(WAIT_S).networks is None
            with pytest.raises(WireError, match="started with --lossless"):
                client.networks("off", WAIT_S)
        send(engine, frames(3))
        assert kinds(engine.results()) == [(time, "networks") for time in range(3)]


def test_while_the_pattern_is_searched_for_the_mean_is_shown(tmp_path):
    with running(after(3), record=tmp_path) as engine, Sender(engine.control) as sender:
        sender.start(start())
        means = []
        for frame in frames(3):
            sender.send(frame)
            if frame.axes.angle == frame.axes.phase == 2:
                while not means or means[-1].index.time < frame.axes.time:
                    message = engine.subscriber.receive(WAIT_S)
                    means += [message] if isinstance(message, Result) else []
        sender.finish()
        assert engine.times() in ([0, 1, 2], [1, 2], [2])  # the first ones may be heard above
    searching = [one for one in means if one.searching]
    assert [one.index.time for one in searching][:2] == [0, 1]
    for one in searching:
        assert one.image.shape == (16, 12)
        assert (one.image == one.index.time).all()
    recorded = zarr.open_group(tmp_path / "stream-001" / RESULTS_NAME, mode="r")
    assert recorded["0"].shape[-2:] == (32, 24)


def test_a_second_result_does_not_open_a_recording_again_that_has_ended(tmp_path):
    """It comes when another recording has begun, with the stacks after its own."""
    slow = SlowNetworks()
    with streaming(slow, record=tmp_path) as stream:
        stream.send(2)
        stream.client.record(on=False)
        stream.client.record(on=True)
        stream.send(2)
        slow.let(1)
        stream.wait_for("networks", 1)  # of the first stack
        stream.send(1)
        slow.let(1000)
        stream.sender.finish()
        status = stream.engine.wait_for(lambda s: s.stream is None)
    assert status.faults.unrecorded_stacks == 0, status.last_fault
    first, second = (
        zarr.open_group(tmp_path / name / RESULTS_NAME, mode="r")["written"][:, 0, 0].tolist()
        for name in ("stream-001", "stream-002")
    )
    assert first == [True, True]
    assert second == [False, False, True, True, True]


@pytest.mark.parametrize("switched", [False, True])
def test_networks_may_be_long_at_a_stack(tmp_path, monkeypatch, switched):
    """Their result is recorded though many stacks came meanwhile; where that cannot be, it is said.

    Which of two recordings a stack belongs to is not remembered for ever.
    """
    monkeypatch.setattr(recordings, "UNDER_WAY", 3)
    slow = SlowNetworks()
    with streaming(slow, record=tmp_path) as stream:
        if switched:
            stream.client.record(on=False)
            stream.client.record(on=True)
        stream.send_behind(slow, 5)
        slow.let(1)
        stream.wait_for("networks", 1)  # of the first stack
        slow.let(1000)
        stream.sender.finish()
        status = stream.engine.wait_for(lambda s: s.stream is None)
    folder = tmp_path / ("stream-002" if switched else "stream-001")
    networks = zarr.open_group(folder / RESULTS_NAME, mode="r")["networks"][:, 0, 0]
    assert networks[0] == (not switched)
    assert networks[5]
    assert (status.faults.unrecorded_stacks > 0) == switched, status.last_fault
    assert ("too late to be recorded" in (status.last_fault or "")) == switched


def test_no_picture_waits_for_a_slow_disk(tmp_path, monkeypatch):
    """A plain image is not recorded while others wait; the networks' image always is."""
    slow, disk, at_disk = SlowNetworks(), threading.Event(), threading.Event()
    write = ResultRecorder.write

    def slowly(self, made):
        at_disk.set()
        assert disk.wait(WAIT_S)
        write(self, made)

    monkeypatch.setattr(ResultRecorder, "write", slowly)
    with streaming(slow, record=tmp_path, networks="held") as stream:
        stream.send(1)
        assert at_disk.wait(WAIT_S)
        stream.send(7)
        stream.wait_for("publish", 8)  # though nothing is written
        disk.set()
        slow.let(1000)
        stream.sender.finish()
        stream.engine.wait_for(lambda s: s.stream is None)
    recorded = zarr.open_group(tmp_path / "stream-001" / RESULTS_NAME, mode="r")
    # One is being written, four wait for that, and the others are left out.
    assert recorded["written"][:, 0, 0].tolist() == [True] * 5 + [False] * 2 + [True]
    assert recorded["networks"][:, 0, 0].tolist() == [False] * 7 + [True]
    raw = zarr.open_group(tmp_path / "stream-001" / RAW_NAME, mode="r")
    assert raw["written"][:].sum() == 8


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere threads have no priorities")
def test_images_step_behind_raw_frames_and_networks_behind_images():
    niceness = {}

    class Priorities(SlowNetworks):
        def begin_plain(self, stack):
            niceness["plain"] = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
            return super().begin_plain(stack)

        def _run(self, stack):
            niceness["networks"] = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
            return super()._run(stack)

    slow = Priorities()
    slow.let(1000)
    with streaming(slow) as stream:
        stream.send(1)
        stream.wait_for("networks", 1)
        stream.sender.finish()
    own = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    assert own < niceness["plain"] < niceness["networks"] or niceness["plain"] == 19
