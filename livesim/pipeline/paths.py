"""Choose the frame path of a device."""

from __future__ import annotations

import torch

from livesim.pipeline.cpu import EagerPath
from livesim.pipeline.cuda import NETWORKS_FIRST, Cuda
from livesim.pipeline.graphs import ReplayedPath
from livesim.pipeline.lanes import Lanes
from livesim.pipeline.work import FramePath


def path_for(device: torch.device, priority: int = NETWORKS_FIRST, *, lanes: int = 1) -> FramePath:
    """Return the frame path for one stream on `device`.

    Parameters
    ----------
    priority
        On a GPU lower ones go first.
    lanes
        Raw stacks that a GPU may be at work on at once, where more are faster than one.
    """
    if device.type != "cuda":
        return EagerPath(device)

    gpu = Cuda(device, priority)
    return ReplayedPath(gpu) if lanes == 1 else Lanes(lambda: ReplayedPath(gpu), lanes)
