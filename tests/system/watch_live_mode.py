"""Follow live mode of a simulated microscope, in a process of its own.

python watch_live_mode.py SETTINGS ENGINE FRAMES
"""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

from livesim.config import load_settings
from livesim_acquisition.background_sender import BackgroundSender
from livesim_acquisition.live_mode import LiveImages, core_peek, stream_live_mode
from livesim_acquisition.microscope import SimulatedMicroscope
from livesim_acquisition.simulated_camera import camera_of, simulated_core


def main(config, engine, frames):
    settings = load_settings(Path(config))
    stop = threading.Event()
    with (
        simulated_core(camera_of(SimulatedMicroscope(settings)), 80.0) as core,
        BackgroundSender(engine, settings) as sender,
    ):
        images = LiveImages(core_peek(core))
        words = (images, sender, settings.pattern, stop)
        watching = threading.Thread(target=stream_live_mode, args=words)
        core.startContinuousSequenceAcquisition(0)
        watching.start()
        while sender.counts.offered < int(frames):
            time.sleep(0.01)
        stop.set()
        watching.join()
        core.stopSequenceAcquisition()
        left = core.getRemainingImageCount()
    print(f"received {sender.counts.received} missed {images.missed} left {left}")


if __name__ == "__main__":
    main(*sys.argv[1:])
