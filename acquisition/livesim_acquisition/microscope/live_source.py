"""Stream a simulated microscope to an engine, timed like a camera."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from livesim.config.settings import Settings, SettingsError
from livesim.values.clock import steady_ns
from livesim.values.frames import RawFrame
from livesim.wire.messages import StreamStart
from livesim_acquisition.microscope.microscope import SOURCE, SimulatedMicroscope
from livesim_acquisition.microscope.prefetch import Prefetch
from livesim_acquisition.replay.rate import Rate
from livesim_acquisition.sender import Delivery, Sender
from livesim_acquisition.streaming import on_time, stream_frames

AHEAD_BYTES = 1 << 30
"""Of frames that wait to be sent."""

Progress = Callable[[int, int], None]
"""(frames sent, frames in all)."""


@dataclass(frozen=True, slots=True)
class Timing:
    """What became of a stream, and how well its pace was held."""

    delivery: Delivery
    frames_per_s: float
    """Sent, from the first frame to the last."""
    behind: int
    """Frames sent more than one frame's time after they were due."""


def at_rate(settings: Settings, rate: Rate | float) -> Settings:
    """Return the settings of a camera that takes `rate` frames a second.

    The readout takes what the exposure leaves of a frame's time, and where that is nothing, the
    exposure becomes as short as a frame; the photons of a frame stay the same. `Rate.REAL` and
    `Rate.MAX` leave the settings alone.

    Raises
    ------
    SettingsError
        If nothing is simulated.
    """
    own = settings.simulation
    if own is None:
        raise SettingsError("expected [simulation] in the settings, found none")
    if isinstance(rate, Rate):
        return settings
    frame_ms = 1000.0 / rate
    exposure_ms = min(own.exposure_ms, frame_ms)
    timed = own.model_copy(
        update={"exposure_ms": exposure_ms, "readout_ms": frame_ms - exposure_ms}
    )
    return settings.model_copy(update={"simulation": timed})


def prefetch_frames(microscope: SimulatedMicroscope, most_bytes: int = AHEAD_BYTES) -> Prefetch:
    """Return a prefetch of the frames of all time points; `with` starts its thread."""
    rows, columns = microscope.own.size
    pixel_bytes = 1 if microscope.own.camera.bits == 8 else 2
    room = most_bytes // (rows * columns * pixel_bytes)
    frames = microscope.frames(microscope.own.time_points)
    return Prefetch(frames, room, microscope.instrument.frames)


def stream_prefetched(
    microscope: SimulatedMicroscope,
    ahead: Prefetch,
    sender: Sender,
    *,
    paced: bool = True,
    name: str = "simulated",
    progress: Progress = lambda sent, total: None,
) -> Timing:
    """Stream what a microscope takes; when interrupted, the stream ends marked as aborted.

    Parameters
    ----------
    ahead
        Its frames, being computed: sending begins as soon as the pace can be held to the end, or
        when the prefetch is full.
    paced
        Send each frame when a camera would have read it out; otherwise as fast as it goes.
    name
        What the stream's name begins with.

    Raises
    ------
    SettingsError, DataError
        As `SimulatedMicroscope.stack`.
    WireError
        If the engine refuses the stream or stops answering.
    """
    total = microscope.own.time_points * microscope.instrument.frames
    frame_s = microscope.instrument.frame_interval_s
    if paced:
        ahead.wait_for(1.0 / frame_s, total)
    clock = _Clock(frame_s)
    delivery = stream_frames(
        on_time(clock.started(ahead), clock.due_s) if paced else clock.started(ahead),
        sender,
        _start(microscope, name),
        lambda sent: progress(clock.note(sent), total),
    )
    return Timing(delivery, clock.frames_per_s, clock.behind if paced else 0)


class _Clock:
    """When the camera's time 0 was, and how the sending keeps up with it."""

    def __init__(self, frame_s: float) -> None:
        self._frame_s = frame_s
        self._start_ns = 0
        self._due_ns = 0
        self._sent_ns: list[int] = []
        self.behind = 0
        self._count = 0

    def started(self, frames: Prefetch) -> Iterator[RawFrame]:
        """Yield the frames with the wall clock's time of their exposure."""
        self._start_ns = steady_ns()
        for frame in frames:
            exposed = replace(frame, camera_ns=self._start_ns + frame.camera_ns)
            self._due_ns = max(self._due_ns, exposed.camera_ns + round(1e9 * self._frame_s))
            yield exposed

    def due_s(self, frame: RawFrame) -> float:
        """Return when a frame is exposed and read out, in seconds from the start."""
        return (frame.camera_ns - self._start_ns) / 1e9 + self._frame_s

    def note(self, sent: int) -> int:
        """Note that a frame was sent just now; return `sent`."""
        now = steady_ns()
        self._sent_ns = [*self._sent_ns[:1], now]
        self._count = sent
        self.behind += now - self._due_ns > 1e9 * self._frame_s
        return sent

    @property
    def frames_per_s(self) -> float:
        """From the first frame sent to the last."""
        if len(self._sent_ns) < 2:
            return 0.0
        return (self._count - 1) / max((self._sent_ns[1] - self._sent_ns[0]) / 1e9, 1e-9)


def _start(microscope: SimulatedMicroscope, name: str) -> StreamStart:
    return StreamStart(
        stream=f"{name}-{uuid.uuid4().hex[:8]}",
        source=SOURCE,
        settings=microscope.settings.model_dump(mode="json"),
        pixel_nm=microscope.instrument.pixel_nm,
        sizes={"position": 1, "time": microscope.own.time_points, "channel": 1, "z": 1},
        exposure_ms=microscope.own.exposure_ms,
        interval_s=microscope.stack_interval_s,
    )
