"""A pipeline that tracks its pattern, with a reconstruction that is a fake, and its stacks."""

from __future__ import annotations

import cmath
import time
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from livesim.config.settings import Optics, Settings, Tracking
from livesim.engine.beside.tracked import TrackedPipeline
from livesim.engine.beside.tracking import BackgroundTracking
from livesim.engine.pending import ready
from livesim.engine.seams import Reconstructed
from livesim.reconstruction.track.check import BandReading
from livesim.values.frames import RawStack, StackIndex
from livesim.values.pattern import Pattern, PatternAngle
from livesim.values.results import Result

WAIT_S = 60.0
ANGLES = tuple(PatternAngle((5.0, float(n)), (0.0, 2.0, 4.0), (0.8,)) for n in range(3))
PATTERN = Pattern(80.0, (16, 16), ANGLES)


@dataclass
class Light:
    """What the fake stacks show: the same for all fakes."""

    phases: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    modulation: list[float] = field(default_factory=lambda: [0.8, 0.8, 0.8])
    coherence: float = 0.5
    fault: Exception | None = None


class Fake:
    """A reconstruction that remembers with which turns and weights it was asked."""

    def __init__(self, pattern, light, coherence=None):
        self.pattern, self.light, self.coherence = pattern, light, coherence
        self.turns, self.weights = [], []
        self.weight_shapes, self.review = (), None

    def begin(self, stack, decide, weights):
        self.turns.append(decide(lambda: self.measure(stack)))
        self.weights.append(weights)
        image = np.zeros((32, 32), np.float32)
        result = Result(stack.stream, stack.index, image, image[:16, :16])
        return ready(Reconstructed(result, review=self.review))

    def measure(self, stack):
        if self.light.fault is not None:
            raise self.light.fault
        return tuple(
            BandReading(number, 1, self._ratio(number, angle), 0.01, self._coherence())
            for number, angle in enumerate(self.pattern.angles)
            if angle.usable
        )

    def _ratio(self, number, angle):
        off = self.light.phases[number] - angle.phases_rad[0]
        return self.light.modulation[number] / angle.modulation[0] * cmath.exp(1j * off)

    def _coherence(self):
        return self.light.coherence if self.coherence is None else self.coherence


def stack(number):
    pixels = np.zeros((3, 3, 16, 16), np.uint16)
    return RawStack("s", StackIndex(time=number), pixels, last_received_ns=number)


class Stream:
    """A tracking pipeline of fakes and the stacks it gets."""

    def __init__(self, estimate=None, coherence=None):
        self.light = Light()
        self.prepared = [Fake(PATTERN, self.light)]
        self._coherence = coherence
        self.background = BackgroundTracking(self._prepare, estimate, self.prepared[0])
        self.pipeline = TrackedPipeline(self.prepared[0], self.background)
        self.changes = []
        self.count = 0

    def _prepare(self, pattern):
        self.prepared.append(Fake(pattern, self.light, self._coherence))
        return self.prepared[-1]

    def feed(self, count=1):
        for _ in range(count):
            self.pipeline(stack(self.count))
            self.count += 1
            self.changes += self.pipeline.take_changes()

    def feed_until(self, condition):
        deadline = time.monotonic() + WAIT_S
        while not condition():
            assert time.monotonic() < deadline, self.changes
            self.feed()
            time.sleep(0.005)

    def kinds(self):
        return [change.kind for change in self.changes]


@pytest.fixture
def streams():
    made = []

    def make(*args, **more):
        made.append(Stream(*args, **more))
        return made[-1]

    yield make
    for one in made:
        one.pipeline.close()


def shifted(phase):
    """Return an estimate whose phases are ahead of the known pattern's by `phase`."""
    angles = tuple(replace(a, phases_rad=tuple(p + phase for p in a.phases_rad)) for a in ANGLES)
    return lambda stacks: replace(PATTERN, angles=angles)


class Settled:
    """What prepares fakes for settings, and remembers for which."""

    def __init__(self, stream):
        self.stream, self.asked = stream, []

    def __call__(self, settings):
        self.asked.append(settings)
        return self.stream._prepare


def steerable(stream):
    stream.pipeline._prepare_for = Settled(stream)
    return stream


WATCHING = Settings(optics=Optics(numerical_aperture=1.4, emission_nm=500.0))
BLIND = WATCHING.model_copy(update={"tracking": Tracking(follow=False)})
