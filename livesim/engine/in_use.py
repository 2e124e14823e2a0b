"""A stream's start, first frame and pipeline in; what a status tells of them out."""

from __future__ import annotations

from collections.abc import Mapping

from livesim.config.settings import Settings
from livesim.engine.seams import Pipeline, Tracked
from livesim.values.frames import RawFrame
from livesim.values.pattern import Pattern
from livesim.wire.in_use import PatternStatus, StreamStatus
from livesim.wire.messages import StreamStart


def stream_status(start: StreamStart, settings: Settings, first: RawFrame | None) -> StreamStatus:
    """Return what is known of a stream.

    Parameters
    ----------
    first
        Its first frame; None before it has come.
    """
    assert settings.optics.pixel_nm is not None  # a stream without is refused at its start
    return StreamStatus(
        source=start.source,
        pixel_nm=settings.optics.pixel_nm,
        frame_shape=None if first is None else (first.pixels.shape[0], first.pixels.shape[1]),
        dtype=None if first is None else first.pixels.dtype.name,
        sizes=start.sizes,
        exposure_ms=start.exposure_ms or (first.exposure_ms or None if first else None),
        interval_s=start.interval_s,
    )


def patterns_in_use(pipelines: Mapping[int, Pipeline]) -> tuple[PatternStatus, ...]:
    """Return the pattern that each channel's next stack is reconstructed with, once known."""
    return tuple(PatternStatus.of(_now(pipelines[one]), one) for one in sorted(pipelines))


def _now(pipeline: Pipeline) -> Pattern:
    return pipeline.illumination.turned if isinstance(pipeline, Tracked) else pipeline.pattern
