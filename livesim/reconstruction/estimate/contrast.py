"""Measure how far the modulation of one angle stands out of the noise."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Contrast:
    """Measures in the frames of one angle how strong fringes of given phases are."""

    frames: Tensor
    """[frame, y, x] photo-electrons."""
    noise: float
    """Power per spectral sample of a frame."""

    def to_noise(self, phases: Tensor) -> float:
        """Return the rms fringe amplitude in the brighter half of the signal over the noise there.

        The measure of SIMcheck (Ball et al., Sci. Rep. 5, 15915, 2015) with the noise read from
        beyond the optical cut-off; the noise's own share of the amplitude is taken off.
        """
        count, flat = len(self.frames), self.frames.flatten(1)
        mixing = torch.stack([phases.cos(), phases.sin(), torch.full_like(phases, 1.0 / count)])
        cosine, sine, mean = mixing.float() @ flat  # at once: the memory is what takes the time
        levels = mixing.float() @ flat.mean(dim=1)
        power = (2.0 / count) ** 2 * ((cosine - levels[0]).square() + (sine - levels[1]).square())
        average = float(mean.mean())
        bright = (mean > average).float()
        samples = float(bright.sum())
        if samples == 0.0:
            return 0.0
        floor = self.noise / mean.numel()
        local = floor * max(float(mean @ bright) / samples / max(average, 1e-6), 1.0)
        signal = float(power @ bright) / samples - 4.0 / count * local
        return math.sqrt(max(signal, 0.0) / local)
