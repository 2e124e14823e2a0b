"""Sort frames that arrive in any order into complete raw stacks."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livesim.values.frames import Pixels, RawFrame, RawStack, StackIndex

PATIENCE_STACKS = 2
OPEN_STACKS = 1024
OPEN_BYTES = 2 << 30
CLOSED_STACKS = 4096


@dataclass(frozen=True, slots=True)
class AssemblyCounts:
    """What became of the frames of one stream."""

    frames: int = 0
    stacks: int = 0
    """Complete ones."""
    repeated_frames: int = 0
    misplaced_frames: int = 0
    """With an angle or phase that the pattern does not have."""
    late_frames: int = 0
    """Of a stack already given up."""
    incomplete_stacks: int = 0
    mixed_stacks: int = 0
    """Given up because their frames are not of one exposure: they differ in shape or dtype, or two
    that differ claim the same place."""
    unfit_frames: int = 0
    """Left out because they cannot be used, see `livesim.engine.entrance`."""
    unfit_stacks: int = 0
    """Complete ones left out in the same way."""


@dataclass(slots=True)
class _OpenStack:
    """A raw stack that waits for frames."""

    pixels: NDArray[np.generic]
    missing: set[tuple[int, int]]
    exposure_ms: float
    last_received_ns: int = 0
    newer: int = 0
    """Complete stacks of the same sequence after it."""

    def fits(self, pixels: Pixels) -> bool:
        return self.pixels.shape[2:] == pixels.shape and self.pixels.dtype == pixels.dtype

    def contradicts(self, pixels: Pixels, place: tuple[int, int]) -> bool:
        """Whether a frame is of another exposure than those that are here."""
        if not self.fits(pixels):
            return True
        return place not in self.missing and not np.array_equal(self.pixels[place], pixels)


class Assembler:
    """Sort frames into raw stacks by their axes, never by counting.

    A lost frame costs its own stack and no other: an incomplete stack is given up once `patience`
    newer stacks of the same position, channel and z are complete. Memory is bounded, too: the
    stack that was opened first is given up when more than `open_stacks` stacks or `open_bytes`
    bytes are open.

    Parameters
    ----------
    shape
        (angles, phases) of a raw stack.
    memory
        Returns the memory of a raw stack [angle, phase, y, x] of a type.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        memory: Callable[[tuple[int, ...], np.dtype[Any]], NDArray[Any]] = np.empty,
        *,
        patience: int = PATIENCE_STACKS,
        open_stacks: int = OPEN_STACKS,
        open_bytes: int = OPEN_BYTES,
    ) -> None:
        self._shape, self._memory = shape, memory
        self._patience = patience
        self._limits = (open_stacks, open_bytes)
        self._open: OrderedDict[StackIndex, _OpenStack] = OrderedDict()
        self._closed: OrderedDict[StackIndex, bool] = OrderedDict()
        self._counts = AssemblyCounts()

    @property
    def counts(self) -> AssemblyCounts:
        """A snapshot."""
        return self._counts

    @property
    def open_stacks(self) -> int:
        """Raw stacks that wait for frames."""
        return len(self._open)

    def add(self, frame: RawFrame) -> RawStack | None:
        """Take one frame; return its raw stack if that is now complete.

        Raises
        ------
        MemoryError
            If there is none for a new raw stack; then nothing has changed or was counted.
        """
        index, place = frame.axes.stack, (frame.axes.angle, frame.axes.phase)
        complete = None
        if place[0] >= self._shape[0] or place[1] >= self._shape[1]:
            self._count("misplaced_frames")
        elif index in self._closed:
            self._count("repeated_frames" if self._closed[index] else "late_frames")
        else:
            complete = self._place(frame, index, place)
        self._count("frames")
        return complete

    def leave_out(self, frame_or_stack: RawFrame | RawStack) -> None:
        """Count what cannot be used: a frame instead of adding it, or a stack that is complete."""
        if isinstance(frame_or_stack, RawStack):
            self._count("unfit_stacks")
        else:
            self._count("frames")
            self._count("unfit_frames")

    def finish(self) -> None:
        """Give up what is still open: no more frames will come."""
        for index in list(self._open):
            self._give_up(index, "incomplete_stacks")

    def _place(self, frame: RawFrame, index: StackIndex, place: tuple[int, int]) -> RawStack | None:
        stack = self._open.get(index) or self._new_stack(frame, index)
        if stack.contradicts(frame.pixels, place):
            self._give_up(index, "mixed_stacks")
        elif place not in stack.missing:
            self._count("repeated_frames")
        else:
            stack.pixels[place] = frame.pixels
            stack.missing.remove(place)
            stack.last_received_ns = max(stack.last_received_ns, frame.received_ns)
            if not stack.missing:
                return self._complete(frame.stream, index)
        return None

    def _new_stack(self, frame: RawFrame, index: StackIndex) -> _OpenStack:
        angles, phases = self._shape
        stack = _OpenStack(
            pixels=self._memory((angles, phases, *frame.pixels.shape), frame.pixels.dtype),
            missing={(angle, phase) for angle in range(angles) for phase in range(phases)},
            exposure_ms=frame.exposure_ms,
        )
        self._open[index] = stack
        self._keep_bounds()
        return stack

    def _keep_bounds(self) -> None:
        stacks, size = self._limits
        while len(self._open) > 1 and (
            len(self._open) > stacks or sum(one.pixels.nbytes for one in self._open.values()) > size
        ):
            self._give_up(next(iter(self._open)), "incomplete_stacks")

    def _complete(self, stream: str, index: StackIndex) -> RawStack:
        stack = self._open[index]
        self._close(index, complete=True)
        self._count("stacks")
        self._give_up_older(index)
        return RawStack(
            stream=stream,
            index=index,
            pixels=stack.pixels,
            exposure_ms=stack.exposure_ms,
            last_received_ns=stack.last_received_ns,
        )

    def _give_up_older(self, complete: StackIndex) -> None:
        for index, stack in list(self._open.items()):
            if replace(index, time=complete.time) == complete and index.time < complete.time:
                stack.newer += 1
                if stack.newer >= self._patience:
                    self._give_up(index, "incomplete_stacks")

    def _give_up(self, index: StackIndex, why: str) -> None:
        self._close(index, complete=False)
        self._count(why)

    def _close(self, index: StackIndex, *, complete: bool) -> None:
        del self._open[index]
        self._closed[index] = complete
        while len(self._closed) > CLOSED_STACKS:
            self._closed.popitem(last=False)

    def _count(self, what: str) -> None:
        self._counts = replace(self._counts, **{what: getattr(self._counts, what) + 1})
