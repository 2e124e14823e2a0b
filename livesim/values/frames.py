"""The frozen values of the camera's side: raw frames, raw stacks and where they belong."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from livesim.values.numbers import LARGEST, Count

Pixels = NDArray[np.generic]

SMALLEST = 8
"""Rows and columns of a frame at least: fewer hold no fringes, and show axes that are mixed up."""
MOST_PLACES = {"position": 4096, "channel": 64, "z": 4096}
"""Places along the axes of a recording, which are numbered from 0; a time may be any number."""


@dataclass(frozen=True, slots=True, order=True)
class StackIndex:
    """Which raw stack of a recording or stream."""

    position: Count = 0
    time: Count = 0
    channel: Count = 0
    z: Count = 0

    @property
    def volume(self) -> StackIndex:
        """The volume that it is a plane of, by the index of the first plane."""
        return replace(self, z=0)

    @property
    def words(self) -> str:
        """What it is called: its time, and whatever else is not 0."""
        rest = (("channel", self.channel), ("z", self.z), ("position", self.position))
        return " ".join([f"time {self.time}", *(f"{name} {at}" for name, at in rest if at)])


@dataclass(frozen=True, slots=True)
class FrameAxes:
    """Where a raw frame belongs."""

    time: int = 0
    channel: int = 0
    z: int = 0
    position: int = 0
    angle: int = 0
    phase: int = 0

    def __post_init__(self) -> None:
        for axis in fields(self):
            found = getattr(self, axis.name)
            if not 0 <= found <= LARGEST:
                raise ValueError(f"expected {axis.name} from 0 to {LARGEST}, found {found}")

    @property
    def stack(self) -> StackIndex:
        """The raw stack this frame is a part of."""
        return StackIndex(position=self.position, time=self.time, channel=self.channel, z=self.z)


@dataclass(frozen=True, slots=True)
class Passage:
    """When a raw stack passed the stages of the engine: ns of a clock that never jumps."""

    received: int = 0
    """Its last raw frame; 0 = not yet, as everywhere below."""
    assembled: int = 0
    taken: int = 0
    """By the processor, out of the queue in front of it."""
    reconstructed: int = 0
    published: int = 0


@dataclass(frozen=True, slots=True)
class Rolling:
    """What is to be said of a result while a new one is made with every angle or frame."""

    whole: bool
    """Made of all frames of one raw stack, and of no others."""
    resolution_ms: float
    """From when to when its raw frames were taken: the time resolution, whatever the rate."""
    changed: float = 0.0
    """Share of the field that differs by more than photon noise between its frames and those they
    replaced."""
    motion: bool = False
    """More has changed than chance explains: expect artefacts where it did."""
    updates_per_s: float = 0.0
    """How often there is a new result: not the time resolution."""


@dataclass(frozen=True, slots=True, eq=False)
class RawFrame:
    """One camera frame that describes itself.

    The timestamps are nanoseconds of the wall clock of the machine that took them; 0 = unknown.
    """

    stream: str
    sequence: int
    axes: FrameAxes
    pixels: Pixels
    """[y, x] in camera counts."""
    exposure_ms: float = 0.0
    camera_ns: int = 0
    sent_ns: int = 0
    received_ns: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class RawStack:
    """All frames of one reconstruction."""

    stream: str
    index: StackIndex
    pixels: Pixels
    """[angle, phase, y, x] in camera counts."""
    exposure_ms: float = 0.0
    last_received_ns: int = 0
    """When the last frame of the stack was received."""
    passage: Passage = Passage()
    rolling: Rolling | None = None
    """None unless a new result is made with every angle or frame."""
    label: int | None = None
    """What the source calls its time, where that does not count the time points."""
    equalised: bool = False
    """Whether the map of the camera's pixels has been applied: then the counts are float32."""

    @property
    def whole(self) -> bool:
        """Whether all its frames are of one raw stack."""
        return self.rolling is None or self.rolling.whole
