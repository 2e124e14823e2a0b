"""Send frames of zeros until killed: sends_for_ever.py CONTROL"""

from __future__ import annotations

import sys
from itertools import count

import numpy as np

from livesim.values.frames import FrameAxes, RawFrame
from livesim.wire.messages import StreamStart
from livesim_acquisition.sender import Sender

SETTINGS = {"optics": {"numerical_aperture": 1.4, "emission_nm": 520.0, "pixel_nm": 80.0}}
PIXELS = np.zeros((32, 24), np.uint16)


def main(control):
    with Sender(control) as sender:
        sender.start(StreamStart(stream="endless", source="test", settings=SETTINGS))
        for number in count():
            time, place = divmod(number, 9)
            axes = FrameAxes(time=time, angle=place // 3, phase=place % 3)
            sender.send(RawFrame("endless", number, axes, PIXELS, 5.0))


if __name__ == "__main__":
    main(*sys.argv[1:])
