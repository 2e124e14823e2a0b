"""The other groups' frames in, one more frame for a group out: the object without fringes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from livesim.reconstruction.parameters import Parameters
from livesim.reconstruction.spectra import Spectra


@dataclass(frozen=True, eq=False)
class ZeroOrder:
    """The object as one group shows it at the resolution of the widefield."""

    spectrum: Tensor
    """[time, y, x // 2 + 1] of photo-electrons, the level removed."""
    noise: float
    """Power per spectral sample."""
    level: float
    """Mean photo-electrons."""


def zero_order(spectra: Spectra, at: Parameters | None) -> ZeroOrder:
    """Return a group's zero order, with the fringes of the pattern `at` taken off."""
    count = len(spectra.intensity)
    row = torch.full((count,), 1.0 / count, dtype=torch.float64)
    if at is not None:
        own = replace(at, intensity=at.intensity[:count])
        row = own.unmixing(spectra.noise)[0].real
    parts = torch.view_as_real(spectra.spectrum)  # real weights: half of the work
    spectrum = torch.tensordot(row.float(), parts, dims=([0], [1]))
    return ZeroOrder(
        torch.view_as_complex(spectrum), float(row.square() @ spectra.noise), spectra.level
    )


def with_others(spectra: Spectra, others: Sequence[ZeroOrder]) -> Spectra:
    """Return `spectra` with the mean of the other groups' zero orders as a last frame."""
    lit = [zero for zero in others if zero.level > 0.0 and zero.noise > 0.0]
    if not lit or spectra.level <= 0.0:
        return spectra
    scales = [spectra.level / zero.level for zero in lit]
    noise = [scale**2 * zero.noise for scale, zero in zip(scales, lit, strict=True)]
    total = 1.0 / sum(1.0 / one for one in noise)
    shares = [total / n * s for n, s in zip(noise, scales, strict=True)]
    more = sum(share * zero.spectrum for share, zero in zip(shares, lit, strict=True))
    assert isinstance(more, Tensor)
    return replace(
        spectra,
        others=more,
        intensity=torch.cat([spectra.intensity, torch.ones(1, dtype=torch.float64)]),
        noise=torch.cat([spectra.noise, torch.tensor([total], dtype=torch.float64)]),
    )
