"""What is known of a pattern before the data: its steps and its brightness are nearly equal."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from livesim.reconstruction.parameters import Coordinates
from livesim.reconstruction.spectra import Spectra

_ITERATIONS = 100


@dataclass(frozen=True)
class Prior:
    """How equal the phase steps and the brightness of a group's frames are: normal distributions.

    Empirical Bayes: the widths maximise the evidence (expectation maximisation on the quadratic
    log-likelihood), so that in good light the data speak alone and in weak light the noise of
    single frames goes.
    """

    phase_rad: float = math.radians(10.0)
    brightness: float = 0.02

    def precision(self, coordinates: Coordinates) -> Tensor:
        """Return the inverse covariance over all coordinates; the common phase is free."""
        matrix = torch.zeros(coordinates.size, coordinates.size, dtype=torch.float64)
        level = coordinates.contrast @ coordinates.contrast.T
        blocks = torch.block_diag(*[level] * coordinates.vectors)
        matrix[coordinates.phase, coordinates.phase] = blocks / self.phase_rad**2
        unit = torch.eye(coordinates.frames - 1, dtype=torch.float64)
        matrix[coordinates.intensity, coordinates.intensity] = unit / self.brightness**2
        return matrix

    def near(self, other: Prior) -> bool:
        """Return whether both widths agree to 0.2 %."""
        ratios = (self.phase_rad / other.phase_rad, self.brightness / other.brightness)
        return all(abs(ratio - 1.0) < 0.002 for ratio in ratios)

    def step(
        self,
        coordinates: Coordinates,
        information: Tensor,
        pull: Tensor,
        flat: Tensor,
        centre: Tensor,
    ) -> Tensor:
        """Return the step from `flat` to the most probable parameters."""
        precision = self.precision(coordinates)
        return torch.linalg.solve(information + precision, pull + precision @ (centre - flat))

    def fitted(
        self,
        coordinates: Coordinates,
        information: Tensor,
        pull: Tensor,
        flat: Tensor,
        centre: Tensor,
    ) -> Prior:
        """Return the prior whose widths explain the data best."""
        prior = self
        for _ in range(_ITERATIONS):
            before = prior
            precision = prior.precision(coordinates)
            covariance = torch.linalg.inv(information + precision)
            away = flat + covariance @ (pull + precision @ (centre - flat)) - centre
            second = covariance + torch.outer(away, away)
            level = torch.block_diag(*[coordinates.contrast] * coordinates.vectors)
            phase = level.T @ second[coordinates.phase, coordinates.phase] @ level
            brightness = second[coordinates.intensity, coordinates.intensity]
            prior = Prior(
                min(max(math.sqrt(float(phase.diagonal().mean())), 1e-3), 0.5),
                min(max(math.sqrt(float(brightness.diagonal().mean())), 1e-4), 0.2),
            )
            if prior.near(before):
                break
        return prior


HELD = Prior(phase_rad=1e-6, brightness=1e-7)
"""Lets only the common phase, the modulation and the wave vector move."""


def nearest_equal(coordinates: Coordinates, spectra: Spectra, flat: Tensor) -> Tensor:
    """Return the coordinates of equal steps and equal brightness nearest to `flat`."""
    phases = flat[coordinates.phase].reshape(coordinates.vectors, coordinates.frames)
    centre = flat.clone()
    centre[coordinates.phase] = torch.stack([_equal_steps(row) for row in phases]).flatten()
    equal = 1.0 / spectra.intensity
    centre[coordinates.intensity] = coordinates.contrast.T @ (equal / equal.mean())
    return centre


def _equal_steps(phases: Tensor) -> Tensor:
    """Return the equally stepped phases nearest to `phases` [frame]."""
    count = len(phases)
    ladder = torch.arange(count, dtype=torch.float64)
    turns = 2.0 * torch.pi / count * torch.arange(1, count, dtype=torch.float64)[:, None] * ladder
    mean = torch.exp(1j * (phases - turns)).mean(dim=1)
    best = int(mean.abs().argmax())
    steps = turns[best] + mean[best].angle()
    apart = torch.remainder(phases - steps + torch.pi, 2.0 * torch.pi) - torch.pi
    return phases - apart
