"""A recording on disk -> a stream of raw frames, at its own pace or another."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from enum import Enum
from itertools import count
from math import prod

from livesim.config import Settings, SettingsError
from livesim.frames import DataError, RawFrame
from livesim.io.recording import Recording
from livesim.wire.codec import StreamStart
from livesim_acquisition.sender import Delivery, Sender
from livesim_acquisition.streaming import Due, stream_frames

Progress = Callable[[int, int], None]
"""(frames sent, frames in all)."""


class Rate(Enum):
    """A pace that is not a number of frames per second."""

    REAL = "real"
    """As the file says it was acquired."""
    MAX = "max"
    """As fast as the engine takes the frames."""


def parse_rate(text: str) -> Rate | float:
    """Read `real`, `max` or a number of raw frames per second.

    Raises
    ------
    SettingsError
        If `text` is none of these.
    """
    if text in (Rate.REAL.value, Rate.MAX.value):
        return Rate(text)
    try:
        frames_per_s = float(text)
    except ValueError:
        frames_per_s = 0.0
    if not 0 < frames_per_s < float("inf"):
        raise SettingsError(
            f"expected a rate of real, max or raw frames per second, found '{text}'"
        )
    return frames_per_s


def replay(
    recording: Recording,
    sender: Sender,
    settings: Settings | None,
    rate: Rate | float = Rate.REAL,
    progress: Progress = lambda sent, total: None,
    *,
    loop: bool = False,
) -> Delivery:
    """Stream all frames of a recording; when interrupted, the stream ends marked as aborted.

    Parameters
    ----------
    settings
        Sent along with the stream; None leaves them to the engine.
    rate
        Number = raw frames per second.
    loop
        Begin again at the end, as later time points of the same stream, until interrupted.

    Raises
    ------
    DataError
        If a frame cannot be read, or `rate` is real and the file states no times.
    WireError
        If the engine refuses the stream or stops answering.
    """
    dues = _dues(recording, rate)
    total = prod((*asdict(recording.sizes).values(), *recording.stack_shape))
    return stream_frames(
        again_and_again(recording) if loop else recording.frames(),
        sender,
        _start_of(recording, settings, loop=loop),
        dues,
        lambda sent: progress(sent, total),
    )


def again_and_again(recording: Recording) -> Iterator[RawFrame]:
    """Yield all frames without end; every round continues the time points of the one before."""
    for number in count():
        for frame in recording.frames():
            axes = replace(frame.axes, time=frame.axes.time + number * recording.sizes.time)
            sequence = frame.sequence + number * recording.numbers.size
            yield replace(frame, axes=axes, sequence=sequence)


def _start_of(recording: Recording, settings: Settings | None, *, loop: bool) -> StreamStart:
    return StreamStart(
        stream=f"{recording.source.name[:160]}-{uuid.uuid4().hex[:8]}",
        source=recording.source.name,
        settings=None if settings is None else settings.model_dump(mode="json"),
        pixel_nm=recording.pixel_nm,
        sizes=None if loop else asdict(recording.sizes),
        exposure_ms=recording.exposure_ms,
        interval_s=recording.interval_s,
    )


def _dues(recording: Recording, rate: Rate | float) -> Due:
    """Return when a frame is due, in seconds from the start of the stream."""
    if rate is Rate.MAX:
        return lambda frame: 0.0
    if rate is Rate.REAL:
        return _real_dues(recording)
    return lambda frame: frame.sequence / rate


def _real_dues(recording: Recording) -> Due:
    per_time = recording.numbers.size // recording.sizes.time
    exposure_s = (recording.exposure_ms or 0.0) / 1000.0
    if not recording.interval_s and not exposure_s:
        raise DataError(
            f"{recording.source}: expected an exposure or a time interval for the rate 'real', "
            "found neither; give a number of raw frames per second, or max"
        )
    interval_s = recording.interval_s or per_time * exposure_s
    spacing_s = min(exposure_s or interval_s, interval_s / per_time)
    return lambda frame: frame.axes.time * interval_s + frame.sequence % per_time * spacing_s
