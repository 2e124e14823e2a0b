"""Make napari-sim-processor's images; it runs in a Python of its own."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack

import numpy as np
import torch

from bench.quality.seeds.fields import Field
from bench.quality.seeds.methods import Method, Restore, settings_of
from bench.speed.peer import Peer

WIENERS = (0.05, 0.1, 0.2, 0.3)
"""From which the best is chosen with the truth; 0.3 is its default."""


def peer_methods(python: str | None, stack: ExitStack) -> Mapping[str, Method]:
    """Return its method, its processes ended with `stack`; none without a Python that has it.

    It measures the phases, as ML-SIM's stacks ask for; all else is its default.
    """
    if python is None:
        return {}
    peers: dict[float, Peer] = {}

    def begin(field: Field, wiener: float) -> Restore:
        if field.cutoff not in peers:
            optics = settings_of(field).optics
            peers[field.cutoff] = stack.enter_context(Peer(python, optics))
        peer = peers[field.cutoff]
        frames = np.ascontiguousarray(field.frames.flatten(0, 1).double().numpy())
        peer.calibrate(frames, "numpy", w=wiener, usePhases=True)
        return lambda _: torch.from_numpy(peer.image("numpy"))

    return {"napari-sim-processor": Method(begin, WIENERS)}
