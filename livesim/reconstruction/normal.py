"""The overlaps of the bands in, the quadratic model of their misfit around the parameters out."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from livesim.reconstruction.overlap import Overlap
from livesim.reconstruction.parameters import Coordinates
from livesim.reconstruction.spectra import Spectra


@dataclass(frozen=True, eq=False)
class Normal:
    """The quadratic model of the misfit around the present parameters."""

    curvature: Tensor
    scatter: Tensor
    """Of the gradient; the noise in the channels adds to it but not to the curvature."""
    gradient: Tensor
    misfit: float
    """Observed over expected mismatch, 1 where noise explains it all."""

    def likelihood(self, means: Tensor, flat: Tensor, clustering: float) -> tuple[Tensor, Tensor]:
        """Return the information matrix and information @ step, with the frames' means added."""
        information = self.curvature @ torch.linalg.solve(self.scatter, self.curvature)
        step = -torch.linalg.solve(self.curvature, self.gradient)
        information *= 2.0 / (clustering * max(self.misfit, 1.0))
        return information + torch.diag(means), information @ step - means * flat


def normal_equations(
    coordinates: Coordinates, flat: Tensor, forms: list[Overlap], spectra: Spectra
) -> Normal:
    """Linearise the mismatch at `flat`."""
    signal, noise = spectra.steady.signal_share, spectra.steady.noise_share
    rows, jacobian = coordinates.rows(flat), coordinates.jacobian(flat)
    regressors = coordinates.regressors(flat, jacobian)
    curvature = torch.zeros(coordinates.size, coordinates.size, dtype=torch.float64)
    scatter = torch.zeros(coordinates.size, coordinates.size, dtype=torch.float64)
    gradient = scatter[0].clone()
    found = expected = 0.0
    for form, row, slopes, told in zip(forms, rows, jacobian, regressors, strict=True):
        noisy = form.noise @ row
        found += float((row.conj() @ form.gradient).real)
        expected += noise * float((row.conj() @ noisy).real)
        gradient += (told.mH @ (form.gradient - noise * noisy)).real
        curvature += signal * (told.mH @ (form.gram - form.noise) @ slopes).real
        scatter += signal * (told.mH @ form.gram @ told).real
    scatter += torch.diag(scatter.diagonal() * 1e-9 + 1e-300)
    return Normal(_positive(curvature, scatter), scatter, gradient, found / expected)


def _positive(curvature: Tensor, scatter: Tensor) -> Tensor:
    """Return `curvature` with no direction below a tenth of `scatter`."""
    lower = torch.linalg.cholesky(scatter)
    inner = torch.linalg.solve_triangular(lower, curvature, upper=False)
    inner = torch.linalg.solve_triangular(lower, inner.mT, upper=False)
    values, vectors = torch.linalg.eigh(0.5 * (inner + inner.mT))
    root = lower @ vectors
    return (root * values.clamp(min=0.1)) @ root.mT
