"""Stream the frames of a recording to an engine."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from functools import partial
from itertools import count
from math import prod
from typing import Any

from livesim.config.settings import Settings
from livesim.io.read.recording import Recording
from livesim.io.read.volume_scale import Stated, with_planes
from livesim.values.errors import LostFrameError
from livesim.values.frames import RawFrame
from livesim.wire.messages import StreamStart
from livesim_acquisition.replay.pace import Pace
from livesim_acquisition.replay.rate import due_times
from livesim_acquisition.sender import Delivery, Sender
from livesim_acquisition.streaming import stream_frames

Progress = Callable[[int, int], None]
"""(frames sent, frames in all)."""


def replay(
    recording: Recording,
    sender: Sender,
    settings: Settings | None,
    pace: Pace,
    progress: Progress = lambda sent, total: None,
    *,
    loop: bool = False,
    lost: Callable[[LostFrameError], None] | None = None,
) -> Delivery:
    """Stream all frames of a recording; when interrupted, the stream ends marked as aborted.

    Parameters
    ----------
    settings
        Sent along with the stream; None leaves them to the engine.
    pace
        Steers it, from any thread, while it runs; once stopped, the stream ends in order.
    loop
        Begin again at the end, as later time points of the same stream, until stopped.
    lost
        Is told of a frame that cannot be read, which is not sent; None = it is an error.

    Raises
    ------
    DataError
        If a frame cannot be read.
    WireError
        If the engine refuses the stream or stops answering.
    """
    due_at = partial(due_times, recording)
    frames = looped_frames(recording, lost) if loop else recording.frames(lost)
    total = prod((*asdict(recording.sizes).values(), *recording.stack_shape))
    return stream_frames(
        pace.paced(frames, due_at, prod(recording.stack_shape)),
        sender,
        _start_of(recording, settings, loop=loop),
        lambda sent: progress(sent, total),
    )


def looped_frames(
    recording: Recording, lost: Callable[[LostFrameError], None] | None = None
) -> Iterator[RawFrame]:
    """Yield all frames without end; every round continues the time points of the one before."""
    for number in count():
        for frame in recording.frames(lost):
            axes = replace(frame.axes, time=frame.axes.time + number * recording.sizes.time)
            sequence = frame.sequence + number * recording.numbers.size
            yield replace(frame, axes=axes, sequence=sequence)


def _sent(recording: Recording, settings: Settings) -> dict[str, Any]:
    """Return the settings as they are sent, with what the file says of its planes."""
    if settings.volumes is not None:
        stated = Stated(recording.sizes.z, recording.z_step_nm, recording.source.name)
        settings = with_planes(settings, stated)
    return settings.model_dump(mode="json")


def _start_of(recording: Recording, settings: Settings | None, *, loop: bool) -> StreamStart:
    return StreamStart(
        stream=f"{recording.source.name[:160]}-{uuid.uuid4().hex[:8]}",
        source=recording.source.name,
        settings=None if settings is None else _sent(recording, settings),
        pixel_nm=recording.pixel_nm,
        sizes=None if loop else asdict(recording.sizes),
        exposure_ms=recording.exposure_ms,
        interval_s=recording.interval_s,
    )
