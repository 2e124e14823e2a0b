"""Paint stages of results as JPEG, each kind once for all who look at it.

A picture is for the eye: 8 bits, compressed. Values are those of the recording.
"""

from __future__ import annotations

import asyncio
import io
import time
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from livesim.images.grey_levels import every_nth, grey_levels
from livesim.images.levels import Levels
from livesim_gui.state.picture.contrast import Contrasts
from livesim_gui.state.picture.stages import Stage, stages_of
from livesim_gui.state.time.ring import Shot

QUALITY = 90
"""Of JPEG: errors of about two grey levels, at a quarter of the bytes."""
KEPT = 32
"""Pictures that are kept for watchers who ask a little later."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A stage, ready to be sent."""

    name: str
    """Of the stage."""
    levels: Levels
    by_itself: Levels
    """What black and white would be without a hand on them."""
    step: float
    """A painted pixel in raw pixels; pixel (0, 0) has the same centre as raw pixel (0, 0)."""
    size: tuple[int, int]
    """(y, x) painted pixels."""
    jpeg: bytes = field(repr=False)


_Key = tuple[object, ...]


class Pictures:
    """Paints in one thread of its own; for one event loop.

    Watchers that ask for the same get the same bytes, however many they are.
    """

    def __init__(self) -> None:
        self._contrasts, self._stream = Contrasts(), ""
        self._painter = ThreadPoolExecutor(1, "livesim-pictures")
        self._known: OrderedDict[_Key, asyncio.Future[Picture]] = OrderedDict()
        self.painted = 0
        """So far."""

    def close(self) -> None:
        """End the thread."""
        self._painter.shutdown(cancel_futures=True)

    async def of(self, shot: Shot, stage: str, levels: Levels | None, width: int) -> Picture:
        """Return a stage of a result.

        Parameters
        ----------
        levels
            None = those that follow the stream.
        width
            Pixels of the screen that its width covers.
        """
        shown = stages_of(shot.result)[stage]
        raw_columns = shown.image.shape[1] * shown.step
        every = every_nth(shown.step, width / raw_columns)
        # By what tells results apart, not by the result: that would be kept for as long.
        key = (*identity(shot), stage, levels, every)
        if key not in self._known:
            loop = asyncio.get_running_loop()
            painting = loop.run_in_executor(self._painter, self._paint, shot, shown, levels, every)
            self._known[key] = painting
            while len(self._known) > KEPT:
                self._known.popitem(last=False)
        return await asyncio.shield(self._known[key])

    def _paint(self, shot: Shot, stage: Stage, levels: Levels | None, every: int) -> Picture:
        if shot.result.stream != self._stream:
            self._contrasts.forget()
            self._stream = shot.result.stream
        by_itself = self._contrasts.see(stage, shot.channel, time.monotonic())
        used = levels or by_itself
        grey = grey_levels(stage.image[::every, ::every], used)
        self.painted += 1
        size = (grey.shape[0], grey.shape[1])
        return Picture(stage.name, used, by_itself, stage.step * every, size, _jpeg(grey))


def identity(shot: Shot) -> tuple[int, bool, bool]:
    """Return what tells a result from all others, the fuller one of the same stack included."""
    return shot.number, shot.result.searching, shot.result.provisional


def _jpeg(grey: NDArray[np.uint8]) -> bytes:
    file = io.BytesIO()
    Pillow.fromarray(grey).save(file, "JPEG", quality=QUALITY)
    return file.getvalue()
