"""Settings, pattern and device that a running stream is worked on with, as on the wire."""

from __future__ import annotations

import math
from typing import Self

from pydantic import Field

from livesim.config.settings import Settings
from livesim.values.pattern import FAINT_MCNR, FAINT_PEAK, Pattern, PatternAngle
from livesim.wire.header import Part

Numbers = tuple[float, ...]


class PatternAngleStatus(Part):
    """The illumination of one angle, see `livesim.values.pattern.PatternAngle`."""

    k_cycles_per_um: tuple[float, float]
    phases_rad: Numbers
    """Of the newest stack: followed where the pattern drifts."""
    modulation: Numbers
    peak_to_noise: float | None = None
    """None where it was never measured."""
    mcnr: float | None = None
    """Modulation contrast over the noise of one raw stack, likewise."""
    usable: bool = True

    @property
    def faint(self) -> bool:
        """See `livesim.values.pattern.PatternAngle.faint`; what was never measured is not."""
        if self.peak_to_noise is None or self.mcnr is None:
            return False
        return self.peak_to_noise < FAINT_PEAK and self.mcnr < FAINT_MCNR

    @classmethod
    def of(cls, angle: PatternAngle) -> Self:
        """Return an angle as it is sent: JSON has no infinity."""
        return cls(
            k_cycles_per_um=angle.k_cycles_per_um,
            phases_rad=angle.phases_rad,
            modulation=angle.modulation,
            peak_to_noise=_finite(angle.peak_to_noise),
            mcnr=_finite(angle.mcnr),
            usable=angle.usable,
        )


class PatternStatus(Part):
    """The pattern that raw stacks are reconstructed with."""

    channel: int | None = None
    """Whose pattern it is; None = that of every channel."""
    angles: tuple[PatternAngleStatus, ...]
    attainable_resolution_nm: float | None = None
    warnings: tuple[str, ...] = ()

    @classmethod
    def of(cls, pattern: Pattern, channel: int | None = None) -> Self:
        """Return a pattern as it is sent."""
        return cls(
            channel=channel,
            angles=tuple(PatternAngleStatus.of(angle) for angle in pattern.angles),
            attainable_resolution_nm=_finite(pattern.attainable_resolution_nm),
            warnings=pattern.warnings,
        )


class StreamStatus(Part):
    """What is known of the stream itself."""

    source: str
    pixel_nm: float
    """Of the raw frames, in the sample."""
    frame_shape: tuple[int, int] | None = None
    """(y, x); None before the first frame."""
    dtype: str | None = None
    """Of the camera's counts, likewise."""
    sizes: dict[str, int] | None = None
    """Expected length of each axis by name; None where the source does not know."""
    exposure_ms: float | None = None
    interval_s: float | None = None


class InUse(Part):
    """All that the results of the running stream depend on, besides its frames."""

    stream: StreamStatus
    settings: Settings
    """As in its TOML file; where it said "auto" for a network, the one that is used."""
    models: dict[str, str] = Field(default_factory=dict)
    """File of a network -> SHA-256."""
    choices: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Step ("one", "two") -> the networks on the engine's machine that fit the stream."""
    patterns: tuple[PatternStatus, ...] = ()
    """One for all channels, or one a channel; none before the pattern is known."""


class DeviceStatus(Part):
    """What the engine computes on."""

    name: str
    memory_used_bytes: int | None = None
    """Of a GPU, by all its users; None for a processor."""
    memory_total_bytes: int | None = None


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
