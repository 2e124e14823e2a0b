"""Simulate raw stacks of one object whose pattern turns from stack to stack."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from livesim.values.frames import RawStack, StackIndex
from livesim.values.illumination import Illumination
from livesim.values.pattern import Pattern
from tests.support.scenes import BACKGROUND, Scene, mean_photons


def turned(pattern: Pattern, turn_rad: float) -> Pattern:
    """Return the pattern with all its phases advanced."""
    return Illumination(pattern, (turn_rad,) * len(pattern.angles)).turned


class DriftingScene:
    """The object of a scene under its pattern, turned as far as is asked for.

    A frame is a trigonometric polynomial in the turn, so a few of them give all others exactly.
    """

    def __init__(self, scene: Scene, peak: float, seed: int = 0) -> None:
        self.scene = scene
        harmonics = len(scene.pattern.angles[0].modulation)
        count = 2 * harmonics + 1
        self._turns = [2.0 * math.pi * number / count for number in range(count)]
        self._orders = range(1, harmonics + 1)
        self._lights = torch.stack(
            [
                mean_photons(scene.truth, turned(scene.pattern, turn), scene.otf)
                + BACKGROUND * peak
                for turn in self._turns
            ]
        )
        self._noise = torch.Generator().manual_seed(seed)

    def expected(self, turn_rad: float, contrast: Sequence[float] = ()) -> Tensor:
        """Return the mean photo-electrons [angle, phase, y, x]; `contrast` scales each angle's."""
        weights = torch.tensor(
            [
                1.0 + 2.0 * sum(math.cos(h * (turn_rad - turn)) for h in self._orders)
                for turn in self._turns
            ],
            dtype=torch.float64,
        )
        frames = torch.tensordot(weights / len(weights), self._lights, dims=1)
        if contrast:
            flat = self._lights.mean(dim=0)
            share = torch.tensor(contrast, dtype=torch.float64)[:, None, None, None]
            frames = flat + share * (frames - flat)
        return frames

    def counts(self, turn_rad: float, contrast: Sequence[float] = ()) -> np.ndarray:
        """Return camera counts, uint16."""
        camera = self.scene.camera
        light = self.expected(turn_rad, contrast).clamp(min=0.0)
        electrons = torch.poisson(light, generator=self._noise)
        electrons += camera.read_noise * torch.randn(
            light.shape, generator=self._noise, dtype=light.dtype
        )
        counts = (electrons * camera.gain + camera.offset).round().clamp(0, 65535)
        return counts.to(torch.uint16).numpy()

    def stack(self, time: int, turn_rad: float, contrast: Sequence[float] = ()) -> RawStack:
        """Return a raw stack."""
        index = StackIndex(time=time)
        return RawStack("drift", index, self.counts(turn_rad, contrast), last_received_ns=time + 1)


def phase_errors_deg(light: Illumination, true: Pattern) -> list[float]:
    """Return for each angle the largest error of a frame's phase, at the centre of the field."""
    pixel = true.pixel_nm / 1000.0
    centre = np.array([(n - 1) / 2.0 * pixel for n in true.shape[::-1]])
    errors = []
    for one, other in zip(light.turned.angles, true.angles, strict=True):
        off = np.subtract(one.k_cycles_per_um, other.k_cycles_per_um)
        turn = np.subtract(one.phases_rad, other.phases_rad) + 2 * np.pi * off @ centre
        errors.append(float(np.abs(np.rad2deg((turn + np.pi) % (2 * np.pi) - np.pi)).max()))
    return errors
