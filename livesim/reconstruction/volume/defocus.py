"""Evaluate the transfer function of a plane out of focus, and of stacks of planes."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from livesim.reconstruction.forward.pupil import Pupil

_RADIUS = 96
"""Samples of the pupil's radius: what makes the transfer function right to 1e-3."""


@dataclass(frozen=True, eq=False)
class ThroughFocus:
    """The transfer function of planes at equal distances around the focal plane.

    It is rotationally symmetric and real, as that of every pupil without astigmatism or coma.
    """

    table: Tensor
    """[distance, radius] from frequency 0 to the cut-off, both included; 1 at frequency 0."""
    cutoff: float
    """Cycles/µm."""
    first: int
    """Distance of the first row, in steps; negative = nearer to the objective."""
    step_um: float
    depth_um: float
    """lambda n / NA²: the depth of focus, in units of which axial integrals are taken."""

    @classmethod
    def of(cls, pupil: Pupil, step_um: float, first: int, count: int) -> ThroughFocus:
        """Return that of `pupil` at the distances (first ... first + count - 1) x step."""
        optics, cutoff = pupil.optics, pupil.optics.cutoff_cycles_per_um
        distances = range(first, first + count)
        if not pupil.aberrations and not pupil.defocus_um:  # as far above the focus as below it
            rows = {d: _radial(pupil.defocused(d * step_um)) for d in set(map(abs, distances))}
            table = torch.stack([rows[abs(d)] for d in distances])
        else:
            table = torch.stack([_radial(pupil.defocused(d * step_um)) for d in distances])
        relative = torch.linspace(0.0, 1.0, table.shape[1], dtype=torch.float64)
        depth = optics.emission_nm / 1000.0 * optics.refractive_index
        depth /= optics.numerical_aperture**2
        return cls(table * optics.damping**relative, cutoff, first, step_um, depth)

    @property
    def distances_um(self) -> Tensor:
        """[distance] of every row."""
        return (self.first + torch.arange(len(self.table), dtype=torch.float64)) * self.step_um

    def modulated(self, axial_frequency: float, axial_phase: float) -> Tensor:
        """Return the table times the axial fringes cos(2 pi kz u + psi)."""
        turns = 2.0 * math.pi * axial_frequency * self.distances_um + axial_phase
        return self.table * torch.cos(turns)[:, None]


def _radial(pupil: Pupil) -> Tensor:
    """Return the OTF along a line, [radius]: the autocorrelation of the pupil's rows, summed.

    The rows on either side of the middle are alike.
    """
    axis = torch.arange(-_RADIUS, _RADIUS + 1, dtype=torch.float64) / _RADIUS
    y, x = axis[_RADIUS:, None], axis[None, :]
    times = torch.where(y == 0.0, 1.0, 2.0)
    width = (y.abs() + x.abs()) / (torch.sqrt(y * y + x * x).clamp(min=0.5) * _RADIUS)
    covered = (1.0 - torch.sqrt(y * y + x * x)) / width.clamp(min=1.0 / _RADIUS) + 0.5
    covered = covered.clamp(0.0, 1.0)
    phase = 2.0 * torch.pi * pupil.phase_waves(y, x)
    rows = torch.fft.fft(torch.polar(covered, phase.expand_as(covered)), n=4 * len(axis))
    power = rows.real.square() + rows.imag.square()
    line = torch.fft.ifft((times * power).sum(dim=0)).real[: 2 * _RADIUS + 1]
    area = (times * covered).sum()
    line[0] = area  # the soft rim makes it fall short, here alone
    line[-1] = 0.0
    return line / area


def stack_transfer(kernel: Tensor, planes: int, first: int) -> Tensor:
    """Return the axial transform [planes, radius] of a kernel over distances, faded to the stack.

    Parameters
    ----------
    kernel
        [distance, radius], the first row at distance `first` (in planes).
    planes
        Of the stack. A point spread function that is longer than it wraps around; it is therefore
        faded by a Hann window as long as the stack.
    """
    distances = first + torch.arange(len(kernel))
    inside = 2 * distances.abs() < planes
    fade = torch.cos(torch.pi * distances[inside] / planes).square()
    wrapped = kernel.new_zeros(planes, kernel.shape[1])
    wrapped[distances[inside] % planes] = kernel[inside] * fade[:, None].to(kernel)
    return torch.fft.fft(wrapped, dim=0)


def sampled(table: Tensor, relative: Tensor) -> Tensor:
    """Interpolate a table [row, radius] at `relative` (in units of the cut-off): [row, ...]."""
    place = relative.clamp(max=1.0) * (table.shape[1] - 1)
    low = place.floor().long().clamp(max=table.shape[1] - 2)
    weight = (place - low).to(table.real)
    return table[:, low] * (1.0 - weight) + table[:, low + 1] * weight
