"""Put a measured transfer function onto the planes of a stack."""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from torch import Tensor

from livesim.config.settings import Optics
from livesim.reconstruction.forward.pupil import Pupil
from livesim.reconstruction.volume.defocus import ThroughFocus
from livesim.values.errors import DataError
from livesim.values.volume_otf import VolumeOtf

_COMPARED = (0.1, 0.8)
"""Of the cut-off: where a measured table is scaled to the theoretical one."""
_LEAST_ALIKE = 0.7
"""Correlation with theory; less is another aperture, scale or convention."""


def through_focus(
    optics: Optics, measured: VolumeOtf | None, step_um: float, first: int, count: int
) -> ThroughFocus:
    """Return the transfer function of planes around the focus, of theory or as measured.

    Raises
    ------
    DataError
        If what was measured has nothing in common with `optics`.
    """
    theory = ThroughFocus.of(Pupil(optics), step_um, first, count)
    if measured is None:
        return theory
    table = _over_distances(measured, theory)
    # Nothing tells how bright the beads were: the scale is that of theory.
    low, high = (int(edge * table.shape[1]) for edge in _COMPARED)
    ours, theirs = table[:, low:high], theory.table[:, low:high]
    product, power = (ours * theirs).sum(), ours.square().sum()
    alike = float(product / (power * theirs.square().sum()).sqrt().clamp(min=1e-300))
    if alike < _LEAST_ALIKE:
        raise DataError(
            f"{measured.source}: expected a table that resembles that of the aperture in [optics], "
            f"found a correlation of {alike:.2f}; otf_step_per_um may be wrong"
        )
    return replace(theory, table=table * (product / power))


def _over_distances(measured: VolumeOtf, theory: ThroughFocus) -> Tensor:
    """Return the table over distances [distance, radius] of one over kz.

    A real and round spread function has a real transform in every plane.
    """
    values = torch.from_numpy(measured.table)
    step_r, step_z = measured.step_per_um
    kz = torch.fft.fftfreq(values.shape[1]).double() * values.shape[1] * step_z
    turns = 2.0 * math.pi * theory.distances_um[:, None] * kz
    over_z = (torch.polar(torch.ones_like(turns), turns) @ values.T).real
    over_z[theory.distances_um.abs() >= 0.5 / step_z] = 0.0  # there it repeats itself
    radius = torch.linspace(0.0, theory.cutoff, theory.table.shape[1], dtype=torch.float64)
    place = radius / step_r
    low = place.floor().long().clamp(max=len(values) - 2)
    share = (place - low).clamp(max=1.0)
    between = over_z[:, low] * (1.0 - share) + over_z[:, low + 1] * share
    return torch.where(place <= len(values) - 1, between, 0.0)
