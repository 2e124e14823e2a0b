"""Separate a pattern's raw stacks into bands, and say where each of them belongs."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from livesim.reconstruction.separation import group_unmixing, groups
from livesim.values.pattern import Pattern


@dataclass(frozen=True, eq=False)
class Band:
    """One separated band and where the object it holds belongs."""

    row: Tensor
    """[frame] complex weights that extract the band from a whole raw stack."""
    shift: tuple[float, float]
    """(x, y) in cycles/µm: the object's frequency minus the band's."""
    weight: float
    """Inverse noise variance, relative to a zero order."""
    angle: int = 0
    """Number of the wave vector in the pattern; 0 for the common zero order."""
    harmonic: int = 0


def separated_bands(pattern: Pattern) -> tuple[Band, list[Band]]:
    """Return the common zero order and every usable -h band, whose object lies at f + h k.

    Stacks of too few frames give their mean frame as zero order, and no bands.
    """
    sets = groups(pattern)
    frames = sum(len(group.frames) for group in sets)
    zeros, variances, bands = [], [], []
    first = 0
    for group in sets:
        separable = group.usable and not pattern.too_few_frames
        unmixing = group_unmixing(group) if separable else _zero_only(len(group.frames))
        whole = torch.zeros(len(unmixing), frames, dtype=torch.complex128)
        whole[:, list(group.frames)] = unmixing.to(torch.complex128)
        noise = unmixing.abs().square().sum(dim=1)
        zeros.append(whole[0].real)
        variances.append(float(noise[0]))
        for number, order in enumerate(group.orders if separable else ()):
            kx, ky = group.angles[order.vector].k_cycles_per_um
            shift = (order.harmonic * kx, order.harmonic * ky)
            weight, angle = 1.0 / float(noise[1 + number]), first + order.vector
            bands.append(Band(whole[1 + number].conj(), shift, weight, angle, order.harmonic))
        first += len(group.angles)
    weights = torch.tensor([1.0 / v for v in variances], dtype=torch.float64)
    unit = float(weights.mean())
    row = (weights[:, None] * torch.stack(zeros)).sum(dim=0) / weights.sum()
    zero = Band(row.to(torch.complex128), (0.0, 0.0), float(weights.sum()) / unit)
    return zero, [replace(b, weight=b.weight / unit) for b in bands]


def _zero_only(frames: int) -> Tensor:
    return torch.full((1, frames), 1.0 / frames, dtype=torch.float64)
