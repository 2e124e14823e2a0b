"""Acquire with pymmcore-plus from the simulated camera, in a process of its own.

python mda_simulated.py SETTINGS ENGINE KEPT

Three acquisitions: a sequence, events of one's own, and one that is cancelled. Beside what is
streamed, every frame is kept in KEPT as the camera gave it, with the index of its event.
"""

from __future__ import annotations

import gc
import sys
from pathlib import Path

import numpy as np
from pymmcore_plus.experimental.unicore import UniMMCore
from useq import MDAEvent, MDASequence

from livesim.config.settings import load_settings
from livesim_acquisition.mda import sim_events, stream
from livesim_acquisition.microscope.camera import LABEL, camera_of
from livesim_acquisition.microscope.microscope import SimulatedMicroscope

CANCELLED_AFTER = 13


def core_with(camera, pixel_nm):
    core = UniMMCore()
    core.loadPyDevice(LABEL, camera)
    core.initializeDevice(LABEL)
    core.setCameraDevice(LABEL)
    core.definePixelSizeConfig("simulated")
    core.setPixelSizeUm("simulated", pixel_nm / 1000.0)
    core.setPixelSizeConfig("simulated")
    return core


def own_events():
    """Two planes at two times, the angle faster than the phase."""
    return [
        MDAEvent(index={"phase": phase, "z": z, "t": t, "angle": angle}, exposure=2.0)
        for t in range(2)
        for z in range(2)
        for phase in range(3)
        for angle in range(3)
    ]


class Kept:
    """Every frame that the core hands out; cancels the acquisition at one of them."""

    def __init__(self, runner):
        self.pixels, self.indices, self.triggered = [], [], 0
        self.runner, self.cancel_at = runner, None

    def take(self, image, event, metadata):
        self.pixels.append(image.copy())
        self.indices.append([event.index.get(axis, 0) for axis in ("t", "z", "angle", "phase")])
        self.triggered += metadata.get("hardware_triggered", False)
        if len(self.pixels) == self.cancel_at:
            self.runner.cancel()


def main(config, engine, path):
    settings = load_settings(Path(config))
    core = core_with(camera_of(SimulatedMicroscope(settings)), settings.optics.pixel_nm)
    kept = Kept(core.mda)
    core.mda.events.frameReady.connect(kept.take)
    sequence = MDASequence(time_plan={"interval": 0, "loops": 4})
    with stream(core, engine, settings) as streamed:
        core.mda.run(sim_events(sequence, settings.pattern))
        core.mda.run(own_events())
        print(streamed.counts, flush=True)
        kept.cancel_at = 72 + CANCELLED_AFTER
        core.mda.run(sim_events(sequence, settings.pattern))
    print(streamed.counts, "triggered", kept.triggered)
    np.savez(path, pixels=kept.pixels, indices=kept.indices)
    core.unloadAllDevices()
    del core, kept
    gc.collect()  # a core that the interpreter clears away at its end can abort the process


if __name__ == "__main__":
    main(*sys.argv[1:])
