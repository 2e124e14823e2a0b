"""A stream's start, first frame and pipeline in; what a status tells of them out."""

from __future__ import annotations

from livesim.config import Settings
from livesim.engine.pipeline import Pipeline, Watched
from livesim.frames import RawFrame
from livesim.wire.codec import StreamStart
from livesim.wire.in_use import PatternStatus, StreamStatus


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


def patterns_in_use(pipeline: Pipeline | None) -> tuple[PatternStatus, ...]:
    """Return the pattern that the next stack is reconstructed with; none before it is known."""
    if pipeline is None:
        return ()
    if isinstance(pipeline, Watched):
        return (PatternStatus.of(pipeline.illumination.turned),)
    return (PatternStatus.of(pipeline.pattern),)
