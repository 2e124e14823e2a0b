"""Make a raw stack of the newest frames, again and again: more updates, no better resolution."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from livesim.config.settings import Camera, Settings
from livesim.engine.motion import Blocks, block_sums, changed_blocks, fewest_of_motion, squared_z
from livesim.engine.time_rows import JUMP
from livesim.values.clock import steady_ns
from livesim.values.frames import Passage, RawFrame, RawStack, Rolling, StackIndex

MOST_BYTES = 1 << 30
"""Of frames that are kept for running stacks; the plane that was lit longest ago is given up."""

Mode = Literal["angle", "frame"]
Place = tuple[int, int]


@dataclass(slots=True)
class _Newest:
    """The newest frame of one angle and phase."""

    frame: RawFrame
    sums: Blocks
    squared_z: Blocks | None = None
    """Compared with the frame it replaced; None for the first."""


class RunningStack:
    """The newest frame of every angle and phase, of one position, channel and plane."""

    def __init__(self, shape: Place, camera: Camera) -> None:
        self._shape, self._camera = shape, camera
        self._newest: dict[Place, _Newest] = {}
        self._renewed: set[Place] = set()

    @property
    def size(self) -> int:
        """Bytes of the frames."""
        return sum(one.frame.pixels.nbytes for one in self._newest.values())

    def add(self, frame: RawFrame) -> bool:
        """Take a frame unless there is one as new; return whether it was taken.

        One that is newer by far is a stray one: it does not hold up all that come after it.
        """
        place = (frame.axes.angle, frame.axes.phase)
        old = self._newest.get(place)
        if old is not None and not _alike(old.frame, frame):
            self._newest.clear()
            old = None
        if old is not None and 0 <= old.frame.axes.time - frame.axes.time < JUMP:
            return False
        new = _Newest(frame, block_sums(frame.pixels, self._camera))
        if old is not None:
            new.squared_z = squared_z(old.sums, new.sums, self._camera)
        self._newest[place] = new
        self._renewed.add(place)
        return True

    def due(self, frame: RawFrame, mode: Mode) -> bool:
        """Whether a frame that was just taken makes an update: every one does, or ends an angle."""
        own = {(frame.axes.angle, phase) for phase in range(self._shape[1])}
        ended = own <= self._renewed
        if ended:
            self._renewed -= own
        full = len(self._newest) == self._shape[0] * self._shape[1]
        return full and (ended or mode == "frame")

    def state(self, *, whole: bool) -> Rolling:
        """Return how old its frames are and how much has moved between them."""
        compared = [one.squared_z for one in self._newest.values() if one.squared_z is not None]
        blocks = next(iter(self._newest.values())).sums.size
        sums = np.sum(compared, axis=0) if compared else np.zeros(1, np.float32)
        changed = changed_blocks(sums, len(compared))
        return Rolling(
            whole=whole,
            resolution_ms=self._resolution_ms(),
            changed=changed / blocks,
            motion=changed >= fewest_of_motion(blocks),
        )

    def stack(self, newest: RawFrame) -> RawStack:
        """Return the running stack, named after its newest frame."""
        frames = [self._newest[place].frame.pixels for place in np.ndindex(*self._shape)]
        pixels = np.stack(frames).reshape(*self._shape, *newest.pixels.shape)
        return RawStack(
            stream=newest.stream,
            index=newest.axes.stack,
            pixels=pixels,
            exposure_ms=newest.exposure_ms,
            last_received_ns=newest.received_ns,
            passage=Passage(newest.received_ns, steady_ns()),
            rolling=self.state(whole=False),
        )

    def _resolution_ms(self) -> float:
        """Return from when to when its frames were taken, as they came; the last one included."""
        received = [one.frame.received_ns for one in self._newest.values()]
        exposure_ms = next(iter(self._newest.values())).frame.exposure_ms
        span_ms = (max(received) - min(received)) / 1e6
        return span_ms + (exposure_ms or span_ms / max(len(received) - 1, 1))


class RunningStacks:
    """The running stacks of a stream, one for each position, channel and plane."""

    def __init__(self, settings: Settings, mode: Mode) -> None:
        self._settings, self.mode = settings, mode
        self._shape = settings.pattern.stack_shape
        self._stacks: OrderedDict[StackIndex, RunningStack] = OrderedDict()

    def add(self, frame: RawFrame) -> RunningStack | None:
        """Take a frame; return its running stack if that is due to be reconstructed."""
        if frame.axes.angle >= self._shape[0] or frame.axes.phase >= self._shape[1]:
            return None
        plane = replace(frame.axes.stack, time=0)
        running = self._stacks.get(plane) or self._new_stack(plane)
        self._stacks.move_to_end(plane)
        taken = running.add(frame)
        return running if taken and running.due(frame, self.mode) else None

    def _new_stack(self, plane: StackIndex) -> RunningStack:
        camera = self._settings.of_channel(plane.channel).camera
        self._stacks[plane] = RunningStack(self._shape, camera)
        while len(self._stacks) > 1 and sum(s.size for s in self._stacks.values()) > MOST_BYTES:
            self._stacks.popitem(last=False)
        return self._stacks[plane]


def running_stacks(settings: Settings) -> RunningStacks | None:
    """Return the running stacks that the settings ask for; None where they do not."""
    mode = settings.live.rolling
    return None if mode == "off" else RunningStacks(settings, mode)


def _alike(old: RawFrame, new: RawFrame) -> bool:
    return old.pixels.shape == new.pixels.shape and old.pixels.dtype == new.pixels.dtype
