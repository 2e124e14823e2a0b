"""An engine in this process, with a fake pipeline, over real sockets; frames for it."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np

from livesim.config.settings import Settings
from livesim.engine.options import EngineOptions
from livesim.engine.pending import ready
from livesim.engine.process import Engine
from livesim.engine.record.folder import record_into
from livesim.engine.seams import Computing, Reconstructed
from livesim.io.read.open import open_recording
from livesim.values.frames import FrameAxes, RawFrame
from livesim.values.pattern import Pattern, PatternAngle
from livesim.values.results import Result
from livesim.wire.endpoints import FREE_ADDRESS
from livesim.wire.messages import StreamEnd, StreamStart
from livesim.wire.sockets import Keep, Subscriber
from livesim_acquisition.sender import Sender
from tests.support import waiting

WAIT_S = 60.0
SETTINGS = {"optics": {"numerical_aperture": 1.4, "emission_nm": 520.0, "pixel_nm": 80.0}}
OWN = Settings.model_validate(SETTINGS)
ANGLE = PatternAngle((5.0, 0.0), (0.0, 2.0, 4.0), (0.8,))
PATTERN = Pattern(80.0, (16, 12), (ANGLE, ANGLE, ANGLE), 110.0)


@dataclass
class Mean:
    """The doubled mean."""

    pattern: Pattern = PATTERN

    def __call__(self, stack) -> Result:
        widefield = stack.pixels.mean(axis=(0, 1), dtype=np.float32)
        image = np.kron(widefield, np.ones((2, 2), np.float32))
        return Result(stack.stream, stack.index, image, widefield)


@dataclass
class FakePipeline(Mean):
    """Waits for a gate; a stack that holds a 666 cannot be reconstructed."""

    gate: threading.Event | None = None

    def __call__(self, stack) -> Result:
        if self.gate is not None:
            assert self.gate.wait(WAIT_S)
        if (stack.pixels == 666).any():
            raise ValueError("expected no 666, found one")
        return super().__call__(stack)


@dataclass
class TwoSteps(FakePipeline):
    """Says besides what step one alone would give, 5 everywhere, and both networks, 6."""

    def begin(self, stack):
        made = self(stack)
        result = replace(made, plain=made.image)
        stages = (lambda: np.full_like(made.image, 5.0), lambda: np.full_like(made.image, 6.0))
        return ready(Reconstructed(result, *stages))


class Fakes(Computing):
    """Computes with fake pipelines: the settings of a stream -> their factory."""

    def __init__(self, factory_for, examine_for=None):
        self.factory_for = factory_for
        if examine_for is not None:
            self.examine_for = examine_for


class FakeChannels:
    """The channels of a stream that has one factory; remembers whose pipelines are ready."""

    def __init__(self, factory=None, before=lambda stack: None):
        self._factory, self.before = factory, before
        self.ready = []

    def factory(self, channel):
        return self._factory

    def begin(self, channel, pipeline):
        self.ready.append(channel)

    def after(self, stack):
        pass

    def conclusion(self):
        return ""


def averaging():
    """Return what averages every raw stack of every stream."""
    return Fakes(lambda settings: lambda *_: Mean())


def at_once(settings):
    return lambda stacks, ended: FakePipeline()


def after(count):
    """Return a factory that needs `count` stacks to know the pattern."""
    return lambda settings: lambda stacks, ended: FakePipeline() if len(stacks) >= count else None


def frames(times, stream="s", bad=(), lost=()):
    sequence = 0
    for time_ in range(times):
        for angle, phase in np.ndindex(3, 3):
            value = 666 if time_ in bad else time_
            if (time_, angle, phase) not in lost:
                axes = FrameAxes(time=time_, angle=angle, phase=phase)
                yield RawFrame(stream, sequence, axes, np.full((16, 12), value, np.uint16), 5.0)
            sequence += 1


def start(stream="s", settings=SETTINGS, **more):
    return StreamStart(stream=stream, source="test", settings=settings, **more)


@dataclass
class Running:
    engine: Engine
    thread: threading.Thread
    subscriber: Subscriber

    @property
    def control(self):
        return self.engine.endpoints.control

    def messages(self):
        """What is published, up to the end of a stream."""
        got = []
        while not got or not isinstance(got[-1], StreamEnd):
            message = self.subscriber.receive(WAIT_S)
            assert message is not None, f"expected a stream's end, found {got}"
            got.append(message)
        return got

    def results(self):
        """What is reconstructed, up to the end of a stream: not the means before the pattern."""
        published = [one for one in self.messages() if isinstance(one, Result)]
        return [one for one in published if not one.searching]

    def times(self):
        return [one.index.time for one in self.results()]

    def wait_for(self, condition):
        """Wait until the status fulfils a condition."""
        return wait_for(self.engine, condition)

    def stopped(self):
        self.thread.join(WAIT_S)
        assert not self.thread.is_alive()
        return self.engine.status()


def wait_for(engine, condition):
    """Wait until the status of an engine fulfils a condition."""
    return waiting.wait_for(engine.status, condition)


def anywhere(**options):
    """Return options with free ports, and room for all results that a test makes at once."""
    return EngineOptions(FREE_ADDRESS, FREE_ADDRESS, FREE_ADDRESS, results_depth=1000, **options)


@contextmanager
def at_work(engine):
    """Let an engine work in a thread; it is stopped at the end."""
    thread = threading.Thread(target=engine.run)
    thread.start()
    try:
        yield thread
    finally:
        engine.request_stop()
        thread.join(WAIT_S)
        assert not thread.is_alive()


@contextmanager
def running(factory=at_once, settings=None, record=None, **options):
    recorder = None if record is None else record_into(record)
    with (
        Engine(anywhere(**options), Fakes(factory), settings, recorder) as engine,
        Subscriber(engine.endpoints.results, Keep.DROP_OLDEST, 1000) as subscriber,
    ):
        _introduce(engine, subscriber)
        with at_work(engine) as thread:
            yield Running(engine, thread, subscriber)


def _introduce(engine, subscriber):
    """Publish until the subscriber hears it, then until it has heard all."""
    deadline = time.monotonic() + WAIT_S
    while subscriber.receive(0.01) is None:
        assert time.monotonic() < deadline
        engine._publisher.publish(StreamStart(stream="hello"))
    engine._publisher.publish(StreamEnd(stream="hello"))
    while not isinstance(subscriber.receive(WAIT_S), StreamEnd):
        pass


def send(engine, what, stream="s", **finish):
    with Sender(engine.control) as sender:
        sender.start(start(stream))
        for frame in what:
            sender.send(frame)
        return sender.finish(**finish)


def recorded(folder) -> list[int]:
    """Return a pixel of every frame of a recording, in order."""
    with open_recording(folder / "raw.zarr", OWN.pattern) as recording:
        return [int(frame.pixels[3, 4]) for frame in recording.frames()]
