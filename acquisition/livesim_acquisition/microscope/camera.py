"""Show the frames of a simulated microscope as a camera that pycromanager drives.

The camera is a device written in Python under `pymmcore_plus`' UniMMCore, which has the functions
of Micro-Manager's core. pycromanager's acquisition engine runs on it as on any other core, so
everything from the events to the files can be tried with frames whose truth is known.

This reaches into what pycromanager keeps to itself (its list of cores, its engine's singleton), and
UniMMCore is experimental: the extra `simulated-camera` pins the versions that this was tried with.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Any

import numpy as np
from mmpycorex import launcher
from numpy.typing import DTypeLike
from pycromanager.acquisition.acq_eng_py.internal.engine import Engine
from pymmcore_plus.experimental.unicore import CameraDevice, UniMMCore

from livesim.values.frames import Pixels
from livesim_acquisition.microscope.microscope import SimulatedMicroscope

LABEL = "Camera"
FRAME_KEY = "SimulatedFrame"
"""In the metadata of every image: the number of the frame, by which its truth is found."""
BUFFER_MB = 256

GetBuffer = Callable[[Sequence[int], DTypeLike], np.ndarray]


class SimulatedCamera(CameraDevice):
    """A camera that shows given frames one after another, and then from the first one again.

    It counts on from one sequence to the next, as a microscope whose pattern generator is advanced
    by the camera's own exposures does.

    Parameters
    ----------
    frames
        [frame, y, x] counts.
    exposure_ms
        Until Micro-Manager sets another one; the frames stay the same.
    readout_ms
        From the end of an exposure to the beginning of the next.
    """

    def __init__(self, frames: Pixels, exposure_ms: float, readout_ms: float = 0.0) -> None:
        super().__init__()
        self._frames = frames
        self._exposure_ms = exposure_ms
        self._readout_ms = readout_ms
        self._numbers = count()

    def get_exposure(self) -> float:
        """Return the exposure in ms."""
        return self._exposure_ms

    def set_exposure(self, exposure: float) -> None:
        """Set the exposure in ms."""
        self._exposure_ms = exposure

    def shape(self) -> tuple[int, int]:
        """Return (y, x) of a frame."""
        y, x = self._frames.shape[1:]
        return y, x

    def dtype(self) -> DTypeLike:
        """Return the type of a pixel."""
        return self._frames.dtype

    def start_sequence(self, n: int | None, get_buffer: GetBuffer) -> Iterator[Mapping[str, str]]:
        """Take `n` frames, or frames without end, each when its exposure is over."""
        frame_s = (self._exposure_ms + self._readout_ms) / 1000.0
        begin = time.monotonic()
        for taken in count(1) if n is None else range(1, n + 1):
            wait_s = begin + taken * frame_s - time.monotonic()
            if wait_s > 0:
                time.sleep(wait_s)
            number = next(self._numbers)
            get_buffer(self.shape(), self.dtype())[:] = self._frames[number % len(self._frames)]
            yield {FRAME_KEY: str(number)}


def camera_of(microscope: SimulatedMicroscope) -> SimulatedCamera:
    """Return a camera that shows all frames of a simulation; they are computed now."""
    frames = [frame.pixels for frame in microscope.frames(microscope.own.time_points)]
    own = microscope.own
    return SimulatedCamera(np.stack(frames), own.exposure_ms, own.readout_ms)


@contextmanager
def simulated_core(
    camera: SimulatedCamera, pixel_nm: float | None = None, buffer_mb: int = BUFFER_MB
) -> Iterator[Any]:
    """Make `camera` the microscope that every `pycromanager.Acquisition` of this process drives.

    Yields the core. One process can do this once at a time.
    """
    core = _SnakeCaseCore()
    core.loadPyDevice(LABEL, camera)
    core.initializeDevice(LABEL)
    core.setCameraDevice(LABEL)
    core.setCircularBufferMemoryFootprint(buffer_mb)
    if pixel_nm is not None:
        core.definePixelSizeConfig("simulated")
        core.setPixelSizeUm("simulated", pixel_nm / 1000.0)
        core.setPixelSizeConfig("simulated")
    launcher._PYMMCORES.append(core)
    Engine(core)
    try:
        yield core
    finally:
        Engine.singleton.shutdown()
        del Engine.singleton
        launcher._PYMMCORES.remove(core)
        core.unloadAllDevices()
        del core
        gc.collect()  # a core that the interpreter clears away at its end can abort the process


class _SnakeCaseCore(UniMMCore):
    """A core whose functions have the names by which pycromanager's engine calls them."""

    TaggedImage = launcher.TaggedImage
    pop_next_tagged_image = launcher.pop_next_tagged_image
    get_tagged_image = launcher.get_tagged_image

    def __getattr__(self, name: str) -> Any:
        camel = _CAMEL_CASE.get(name.replace("_", ""))
        if camel is None or name.startswith("_"):
            raise AttributeError(f"expected a function of the core, found '{name}'")
        return getattr(self, camel)


_CAMEL_CASE = {name.lower(): name for name in dir(UniMMCore) if not name.startswith("_")}
