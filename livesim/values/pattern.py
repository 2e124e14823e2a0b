"""The frozen values of a pattern: what lights each frame of a raw stack, and how sure we are."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from livesim.values.defects import Place
from livesim.values.numbers import Count, Finite, InfinityAsNull, NanAsNull, NonNegative, Positive

SomeNumbers = Annotated[tuple[Finite, ...], Field(min_length=1)]
Size = Annotated[int, Field(ge=1)]
PatternLayout = Literal["angle-phase", "hexagonal"]
LEFT_OUT_IF_EMPTY = Field(exclude_if=lambda value: not value)
"""Not written into JSON where it says nothing."""

FAINT_PEAK, FAINT_MCNR = 22.0, 1.0
"""Peak over noise and fringes over noise: where an angle is below both, one stack tells its phases
to some degrees only."""


@dataclass(frozen=True, slots=True)
class PatternAngle:
    """The illumination of one angle: I(r) = 1 + sum_h m_h cos(2 pi h k.r + h phi_n)."""

    k_cycles_per_um: tuple[Finite, Finite]
    """(kx, ky), pointing to x >= 0 (for kx = 0, to y > 0)."""
    phases_rad: SomeNumbers
    """One per frame; r = 0 is the centre of raw pixel (0, 0)."""
    modulation: SomeNumbers
    """One per harmonic."""
    peak_to_noise: InfinityAsNull = math.inf
    mcnr: InfinityAsNull = math.inf
    """Modulation contrast over the noise of one raw stack."""
    usable: bool = True
    intensity: Annotated[tuple[Finite, ...], LEFT_OUT_IF_EMPTY] = ()
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


WIDEFIELD_ONLY = (
    "widefield only: no angle shows fringes, the images are those of the widefield, sharpened"
)
"""What `Pattern.is_widefield_only` means, said by everything that goes on with such a pattern."""


@dataclass(frozen=True, slots=True)
class NoiseToSignal:
    """The noise of one raw stack's zero order over the object's power, a power law in frequency."""

    at_cutoff: Positive
    """At the widefield cut-off."""
    exponent: NonNegative
    """Of the frequency; objects have less power the finer the detail, so it is positive."""


@dataclass(frozen=True, slots=True)
class OtfDamping:
    """How fast the OTF falls, found from the frames: the theoretical one times a ** (f / cut-off).

    1 is that of an ideal objective.
    """

    value: Annotated[float, Field(gt=0, le=1)]
    error: Positive
    """Standard error, in the same unit."""

    def __str__(self) -> str:
        return f"{self.value:.2g} ± {self.error:.1g}"


@dataclass(frozen=True, slots=True)
class Levels:
    """The brightness between which a network's input counts as 0 ... 1, held for a whole stream.

    Of the widefield image, in photo-electrons.
    """

    low: Finite
    high: Finite

    def __post_init__(self) -> None:
        if not self.high > self.low:
            raise ValueError(f"expected high above low = {self.low:g}, found {self.high:g}")


@dataclass(frozen=True, slots=True)
class AxialPattern:
    """What light of three beams is along z, for volumes; see `VolumePattern`."""

    planes: Size
    """Of the volume."""
    z_step_nm: Positive
    excitation_nm: Positive
    refractive_index: Positive
    phases_rad: SomeNumbers
    """psi of each angle: where the pattern's focus lies, against that of the detection."""
    noise_to_signal: NoiseToSignal | None = None
    """Of volumes, in frequencies of all three axes; None = not measured."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """The illumination of a raw stack, and how sure we are of it."""

    pixel_nm: Positive
    shape: tuple[Size, Size]
    """(y, x) of the raw frames it was estimated from."""
    angles: Annotated[tuple[PatternAngle, ...], Field(min_length=1)]
    attainable_resolution_nm: NanAsNull = math.nan
    warnings: tuple[str, ...] = ()
    doubts: Annotated[tuple[str, ...], LEFT_OUT_IF_EMPTY] = ()
    """Why images that are made with it may show what is not there; each is among the warnings, or a
    part of one."""
    doubts_at: Annotated[tuple[tuple[Count, str], ...], LEFT_OUT_IF_EMPTY] = ()
    """(position, why) of images of that position alone; each is among the warnings as well."""
    layout: Annotated[PatternLayout, Field(exclude_if=lambda layout: layout == "angle-phase")] = (
        "angle-phase"
    )
    noise_to_signal: Annotated[NoiseToSignal | None, LEFT_OUT_IF_EMPTY] = None
    """What the automatic Wiener filter needs; None = not measured."""
    levels: Annotated[Levels | None, LEFT_OUT_IF_EMPTY] = None
    """Of the stacks it was estimated from, for the networks; None = not measured."""
    otf_damping: Annotated[OtfDamping | None, LEFT_OUT_IF_EMPTY] = None
    """That modulation and `noise_to_signal` belong to; None = that of the settings."""
    defects: Annotated[tuple[Place, ...], LEFT_OUT_IF_EMPTY] = ()
    """(y, x) of the camera's pixels that are replaced before anything else, for they are wrong."""
    axial: Annotated[AxialPattern | None, LEFT_OUT_IF_EMPTY] = None
    """What it is along z, where it was found in a volume."""

    @property
    def too_few_frames(self) -> bool:
        """Whether a raw stack has not enough frames to separate its bands."""
        return self.layout == "angle-phase" and any(
            len(angle.phases_rad) < 1 + 2 * len(angle.modulation) for angle in self.angles
        )

    def doubts_of(self, position: int) -> tuple[str, ...]:
        """Return why images of a position, as of no other, may show what is not there."""
        return tuple(words for at, words in self.doubts_at if at == position)

    @property
    def is_widefield_only(self) -> bool:
        """Whether no angle shows fringes, so that nothing beyond the widefield can be resolved."""
        return not any(angle.usable for angle in self.angles)
