"""Make the raw stack, pattern and settings that are timed."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from livesim.config.settings import Settings, Steps
from livesim.reconstruction.otf import Otf
from livesim.values.frames import RawStack, StackIndex
from livesim.values.pattern import Levels, Pattern
from livesim_acquisition.microscope.demo import demo_settings
from livesim_acquisition.microscope.microscope import SimulatedMicroscope

PHOTONS = 100.0
_DRAWN = 512
"""Larger fields repeat one of this size: what is in them does not matter to the time."""


@dataclass(frozen=True, eq=False)
class Scene:
    """One raw stack of a microscope and all that reconstructing it needs."""

    settings: Settings
    pattern: Pattern
    counts: Tensor
    """[angle, phase, y, x] uint16."""

    @property
    def otf(self) -> Otf:
        """Of the microscope."""
        return Otf.theoretical(self.settings.optics)

    def stack(self) -> RawStack:
        """Return the stack as the engine gets it."""
        return RawStack("bench", StackIndex(), self.counts.numpy())


def make_scene(size: int, steps: Steps | None = None) -> Scene:
    """Return a field of `size` x `size` raw pixels, 3 angles and 3 phases."""
    drawn = min(size, _DRAWN)
    settings = demo_settings(drawn, PHOTONS, 1)
    microscope = SimulatedMicroscope(settings)
    made = microscope.stack(0)
    frames = made.counts[np.argsort(microscope.instrument.order)]
    repeats = -(-size // drawn)
    counts = np.tile(frames, (1, repeats, repeats))[:, :size, :size]
    pattern = replace(made.pattern, shape=(size, size), levels=Levels(0.0, PHOTONS))
    own = settings.model_copy(update={"simulation": None, "steps": steps or settings.steps})
    shape = (*settings.pattern.stack_shape, size, size)
    return Scene(own, pattern, torch.from_numpy(counts.reshape(shape).copy()))
