"""Join what a source, the engine and the command line say of a stream."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Self

from livesim.config.settings import Settings
from livesim.values.pattern import Pattern
from livesim.wire.messages import StreamStart
from livesim.wire.stream_status import InUse

Vector = tuple[float, float]
"""(x, y) in cycles/µm."""


@dataclass(frozen=True, slots=True)
class StreamFacts:
    """All that is known of a stream but its images; None where nobody has said it."""

    source: str | None = None
    pixel_nm: float | None = None
    """Of the raw frames, in the sample."""
    settings: Settings | None = None
    patterns: Mapping[int, Pattern] = field(default_factory=dict)
    """Channel -> the pattern in use."""

    def of_channel(self, channel: int) -> Self:
        """Return the same with the pattern of one channel alone."""
        own = self.patterns.get(channel)
        return replace(self, patterns={} if own is None else {channel: own})

    @property
    def pixel_um(self) -> float | None:
        """Of the raw frames."""
        return None if self.pixel_nm is None else self.pixel_nm / 1000.0

    @property
    def z_step_raw(self) -> float | None:
        """Distance of two planes in raw pixels."""
        if self.settings is None or self.pixel_nm is None:
            return None
        volumes, plan = self.settings.volumes, self.settings.acquisition
        if volumes is not None and volumes.z_step_nm is not None:
            return volumes.z_step_nm / self.pixel_nm
        if plan is None or plan.z_step_um is None:
            return None
        return 1000.0 * plan.z_step_um / self.pixel_nm

    @property
    def cutoff(self) -> float | None:
        """Highest frequency the objective passes, cycles/µm."""
        return None if self.settings is None else self.settings.optics.cutoff_cycles_per_um

    @property
    def expected(self) -> tuple[Vector, ...]:
        """Wave vectors of the first harmonic that the settings expect; empty where they do not."""
        own = None if self.settings is None else self.settings.pattern
        if own is None or own.expected_period_nm is None or own.expected_angles_deg is None:
            return ()
        periods = own.expected_period_nm
        each = periods if isinstance(periods, tuple) else (periods,)
        each = each * own.vectors if len(each) == 1 else each
        pairs = zip(each, own.expected_angles_deg, strict=True)
        return tuple(_vector(period, math.radians(degrees)) for period, degrees in pairs)

    @property
    def found(self) -> tuple[Vector, ...]:
        """Wave vectors of the first harmonic that were found, of usable angles."""
        angles = () if self._pattern is None else self._pattern.angles
        return tuple(angle.k_cycles_per_um for angle in angles if angle.usable)

    @property
    def attainable_nm(self) -> float | None:
        """Resolution that the pattern allows; None where it is not known."""
        nm = math.nan if self._pattern is None else self._pattern.attainable_resolution_nm
        return nm if math.isfinite(nm) else None

    @property
    def _pattern(self) -> Pattern | None:
        """That of the first channel; None where none is known."""
        return self.patterns[min(self.patterns)] if self.patterns else None

    @property
    def widefield_nm(self) -> float | None:
        """Resolution of the objective alone, 1 / cut-off."""
        return None if self.cutoff is None else 1000.0 / self.cutoff


def _vector(period_nm: float, radians: float) -> Vector:
    k = 1000.0 / period_nm
    return k * math.cos(radians), k * math.sin(radians)


def merged(first: StreamFacts, second: StreamFacts) -> StreamFacts:
    """Return what `first` says, and where it says nothing, what `second` says."""
    return StreamFacts(
        source=first.source or second.source,
        pixel_nm=first.pixel_nm or second.pixel_nm,
        settings=first.settings or second.settings,
        patterns=first.patterns or second.patterns,
    )


def facts_of_settings(settings: Settings | None) -> StreamFacts:
    """Return what settings say."""
    return StreamFacts(None, None if settings is None else settings.optics.pixel_nm, settings)


def facts_in_use(in_use: InUse) -> StreamFacts:
    """Return what the engine says of the stream that it is at."""
    stream = in_use.stream
    return StreamFacts(stream.source or None, stream.pixel_nm, in_use.settings, in_use.patterns)


def facts_of_start(start: StreamStart) -> StreamFacts:
    """Return what a source says; settings that this livesim does not know say nothing."""
    settings = _settings(start)
    own = facts_of_settings(settings)
    return StreamFacts(start.source or None, start.pixel_nm or own.pixel_nm, settings)


def _settings(start: StreamStart) -> Settings | None:
    try:
        return None if start.settings is None else Settings.model_validate(start.settings)
    except ValueError:  # of another version; the engine says what is wrong with them
        return None
