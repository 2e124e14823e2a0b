"""State what is known of a pattern before the data: nearly equal steps and brightness."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from livesim.reconstruction.estimate.parameters import Coordinates

_DOUBT = 2.0  # times the variance: deviations no larger are taken for noise


@dataclass(frozen=True, eq=False)
class Quadratic:
    """What the data of one group say: a quadratic log-likelihood around `flat`."""

    coordinates: Coordinates
    information: Tensor
    pull: Tensor
    """information @ (best - flat)"""
    flat: Tensor
    centre: Tensor
    """Where the prior has its mean."""
    held: tuple[Tensor, Tensor]
    """(information, pull) of the correlation's peaks where they tell more than the bands do, so
    that a step stays near them: else the bands would move a wave vector by whole pixels."""
    unexplained: float
    """As in `NormalEquations`, and the next."""
    unexplained_error: float
    consistent: bool = True
    """Whether noise explains how the bands differ."""


@dataclass(frozen=True)
class Prior:
    """How equal the phase steps and the brightness of a group's frames are: normal distributions.

    Empirical Bayes: the widths come from the data of all groups, so that in good light the data
    speak alone and in weak light the noise of single frames goes.
    """

    phase_rad: float = math.radians(10.0)
    brightness: float = 0.02

    def precision(self, coordinates: Coordinates) -> Tensor:
        """Return the inverse covariance over all coordinates; the common phase is free."""
        matrix = torch.zeros(coordinates.size, coordinates.size, dtype=torch.float64)
        level = coordinates.steps @ coordinates.steps.T
        blocks = torch.block_diag(*[level] * coordinates.vectors)
        matrix[coordinates.phase, coordinates.phase] = blocks / self.phase_rad**2
        unit = torch.eye(coordinates.frames - 1, dtype=torch.float64)
        matrix[coordinates.intensity, coordinates.intensity] = unit / self.brightness**2
        return matrix

    def step(self, known: Quadratic) -> Tensor:
        """Return the step from `known.flat` to the most probable parameters."""
        precision = self.precision(known.coordinates)
        pull = known.pull + known.held[1] + precision @ (known.centre - known.flat)
        return torch.linalg.solve(known.information + known.held[0] + precision, pull)

    @classmethod
    def fitted(cls, groups: Sequence[Quadratic]) -> Prior:
        """Return the prior that explains all groups: they share an instrument.

        Its variances are those of the deviations the data alone show, less what noise explains.
        """
        shown = [_deviations(known) for known in groups]
        phases, brightness = (torch.cat(parts) for parts in zip(*shown, strict=True))
        return cls(
            min(max(math.sqrt(max(float(phases.mean()), 0.0)), 1e-3), 0.5),
            min(max(math.sqrt(max(float(brightness.mean()), 0.0)), 1e-4), 0.2),
        )


def _deviations(known: Quadratic) -> tuple[Tensor, Tensor]:
    """Return the squares of the steps' and of the brightness' deviations less those of noise."""
    coordinates = known.coordinates
    covariance = torch.linalg.inv(known.information)
    away = known.flat + covariance @ known.pull - known.centre
    level = torch.block_diag(*[coordinates.steps] * coordinates.vectors)
    noise = level.T @ covariance[coordinates.phase, coordinates.phase] @ level
    phase = (level.T @ away[coordinates.phase]).square() - _DOUBT * noise.diagonal()
    noise = covariance[coordinates.intensity, coordinates.intensity]
    brightness = away[coordinates.intensity].square() - _DOUBT * noise.diagonal()
    return phase, brightness


def nearest_equal(coordinates: Coordinates, intensity: Tensor, flat: Tensor) -> Tensor:
    """Return the coordinates of equal steps and equal brightness nearest to `flat`.

    `intensity` [frame] is the relative brightness that was divided out.
    """
    phases = flat[coordinates.phase].reshape(coordinates.vectors, coordinates.phased)
    centre = flat.clone()
    centre[coordinates.phase] = torch.stack([_equal_steps(row) for row in phases]).flatten()
    equal = 1.0 / intensity
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
