"""Acquire a simulated time-lapse with the real pycromanager, in a process of its own.

python acquire_simulated.py SETTINGS FOLDER ENGINE counted|saved
"""

from __future__ import annotations

import sys
from pathlib import Path

from pycromanager import Acquisition

from livesim.config.settings import load_settings
from livesim_acquisition.hook import BackgroundSender, make_hook, make_saved_hook
from livesim_acquisition.microscope.camera import camera_of, simulated_core
from livesim_acquisition.microscope.microscope import SimulatedMicroscope


def named(time, number):
    angle, phase = divmod(number, 3)
    return {"phase": phase, "angle": angle, "time": time}


def counted(time, number):
    """Two channels and two planes of z share the stacks; names, and one axis for the frames."""
    channel, z = divmod(time % 4, 2)
    return {"channel": ("561", "488")[channel], "sim": number, "z": z, "time": time // 4}


def events(stacks, axes):
    return [
        {"axes": axes(stack, number), "exposure": 2.0}
        for stack in range(stacks)
        for number in range(9)
    ]


def main(config, folder, engine, kind):
    settings = load_settings(Path(config))
    microscope = SimulatedMicroscope(settings)
    axes = counted if kind == "counted" else named
    with (
        simulated_core(camera_of(microscope), settings.optics.pixel_nm),
        BackgroundSender(engine, settings) as sender,
    ):
        hooks = {"image_process_fn": make_hook(sender)}
        if kind == "saved":
            hooks = {"image_saved_fn": make_saved_hook(sender)}
        with Acquisition(directory=folder, name="raw", show_display=False, **hooks) as acquisition:
            acquisition.acquire(events(microscope.own.time_points, axes))
    counts = sender.counts
    print(f"offered {counts.offered} received {counts.received} unsent {counts.unsent}")


if __name__ == "__main__":
    main(*sys.argv[1:])
