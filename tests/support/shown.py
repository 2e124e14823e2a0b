"""Results and shots for tests of the viewer."""

from __future__ import annotations

import numpy as np

from livesim.values.frames import StackIndex
from livesim.values.results import Result
from livesim_gui.state.time.ring import Shot


def result(
    time=0,
    side=32,
    stream="s",
    channel=0,
    plain=False,
    step_one=False,
    network=False,
    value=None,
    interval_s=0.1,
):
    """Return a widefield ramp and a doubled image with one bright spot that moves with time."""
    widefield = np.linspace(0.0, 50.0, side * side, dtype=np.float32).reshape(side, side)
    image = np.zeros((2 * side, 2 * side), np.float32)
    image[4 : 2 * side : 8] = 20.0 if value is None else value
    image[side, (3 * time) % (2 * side)] = 100.0
    return Result(
        stream=stream,
        index=StackIndex(time=time, channel=channel),
        image=image,
        widefield=widefield,
        last_received_ns=round(1e9 * (1.0 + interval_s * time)),
        plain=image + 5.0 if plain or step_one or network else None,
        step_one=image + 2.0 if step_one else None,
        network=image - 3.0 if network else None,
    )


def shots(count, **kind):
    return tuple(Shot(number, result(number, **kind)) for number in range(count))
