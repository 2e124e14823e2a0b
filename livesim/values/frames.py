"""The frozen values that travel through livesim: frames, stacks, results, patterns."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, fields

import numpy as np
from numpy.typing import NDArray

from livesim.values.verdict import Review

Pixels = NDArray[np.generic]
Image = NDArray[np.float32]

FAINT_PEAK, FAINT_MCNR = 22.0, 1.0
"""Peak over noise and fringes over noise: where an angle is below both, one stack tells its phases
to some degrees only."""


class DataError(ValueError):
    """The data cannot be used; the message says which file, what was expected, what was found."""


@dataclass(frozen=True, slots=True, order=True)
class StackIndex:
    """Which raw stack of a recording or stream."""

    position: int = 0
    time: int = 0
    channel: int = 0
    z: int = 0


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
            if getattr(self, axis.name) < 0:
                raise ValueError(f"expected {axis.name} >= 0, found {getattr(self, axis.name)}")

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

    @property
    def whole(self) -> bool:
        """Whether all its frames are of one raw stack."""
        return self.rolling is None or self.rolling.whole


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """One reconstructed image, with the widefield image of the same photons beside it."""

    stream: str
    index: StackIndex
    image: Image
    """[2 y, 2 x], sampled at half the raw pixel; may be negative."""
    widefield: Image
    """[y, x], mean of the raw frames in photo-electrons."""
    last_received_ns: int = 0
    published_ns: int = 0
    plain: Image | None = None
    """[2 y, 2 x] the reconstruction without networks; None where `image` is that itself."""
    step_one: Image | None = None
    """[2 y, 2 x] what step one alone gives; None where not both networks made the image, or nobody
    looks at it."""
    make_step_one: Callable[[], Image] | None = None
    """Brings `step_one` to where it can be sent; in the engine only."""
    passage: Passage = Passage()
    """Known in the engine only."""
    steps_ms: tuple[tuple[str, float], ...] = ()
    """What the reconstruction consisted of, and how long each part took; in the engine only."""
    rolling: Rolling | None = None
    """None unless a new result is made with every angle or frame."""

    @property
    def whole(self) -> bool:
        """Whether all its frames are of one raw stack."""
        return self.rolling is None or self.rolling.whole

    review: Review | None = None
    """Says whether the networks can be trusted here; in the engine only, None without networks."""


@dataclass(frozen=True, slots=True)
class PatternAngle:
    """The illumination of one angle: I(r) = 1 + sum_h m_h cos(2 pi h k.r + h phi_n)."""

    k_cycles_per_um: tuple[float, float]
    """(kx, ky), pointing to x >= 0 (for kx = 0, to y > 0)."""
    phases_rad: tuple[float, ...]
    """One per frame; r = 0 is the centre of raw pixel (0, 0)."""
    modulation: tuple[float, ...]
    """One per harmonic."""
    peak_to_noise: float = math.inf
    mcnr: float = math.inf
    usable: bool = True
    intensity: tuple[float, ...] = ()
    """Relative brightness of each frame (bleaching, exposure); empty = all 1."""

    def __post_init__(self) -> None:
        kx, ky = self.k_cycles_per_um
        if kx < 0 or (kx == 0 and ky < 0):
            raise ValueError(f"expected k to point to x >= 0, found ({kx}, {ky})")
        if self.intensity and len(self.intensity) != len(self.phases_rad):
            raise ValueError(
                f"expected {len(self.phases_rad)} intensities, one per phase, "
                f"found {len(self.intensity)}"
            )

    @property
    def faint(self) -> bool:
        """Whether one raw stack tells its phases to some degrees only."""
        return self.peak_to_noise < FAINT_PEAK and self.mcnr < FAINT_MCNR

    @property
    def period_nm(self) -> float:
        """Spacing of the first harmonic's fringes."""
        return 1000.0 / math.hypot(*self.k_cycles_per_um)


@dataclass(frozen=True, slots=True)
class NoiseToSignal:
    """The noise of one raw stack's zero order over the object's power, a power law in frequency."""

    at_cutoff: float
    """At the widefield cut-off."""
    exponent: float
    """Of the frequency; objects have less power the finer the detail, so it is positive."""


@dataclass(frozen=True, slots=True)
class Levels:
    """The brightness between which a network's input counts as 0 ... 1, held for a whole stream.

    Of the widefield image, in photo-electrons.
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        if not self.high > self.low:
            raise ValueError(f"expected high above low = {self.low:g}, found {self.high:g}")


@dataclass(frozen=True, slots=True)
class Pattern:
    """The illumination of a raw stack, and how sure we are of it."""

    pixel_nm: float
    shape: tuple[int, int]
    """(y, x) of the raw frames it was estimated from."""
    angles: tuple[PatternAngle, ...]
    attainable_resolution_nm: float = math.nan
    warnings: tuple[str, ...] = field(default=())
    layout: str = "angle-phase"
    noise_to_signal: NoiseToSignal | None = None
    """What the automatic Wiener filter needs; None = not measured."""
    levels: Levels | None = None
    """Of the stacks it was estimated from, for the networks; None = not measured."""
