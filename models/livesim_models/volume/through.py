"""Reconstruct volumes with the graph that leads back to the raw frames, to train through."""

from __future__ import annotations

import torch
from torch import Tensor

from livesim.reconstruction.placements import BORDER, ZERO_ORDER
from livesim.reconstruction.reconstructor import Reconstructor
from livesim.reconstruction.volume.bridge import bridged
from livesim.reconstruction.volume.plan import VolumePlan


def spectrum_through(plan: VolumePlan, frames: Tensor) -> Tensor:
    """Return the half spectrum [kz, x, 2 y] of frames [z, angle, phase, y, x].

    The same numbers as `VolumeReconstructor.spectrum`, slower.
    """
    lateral = Reconstructor(plan.plane)
    found = [lateral.differentiable_bands(one) for one in frames.flatten(1, 2)]
    spectra = {
        ZERO_ORDER: torch.stack([one.zero for one in found]),
        BORDER: torch.stack([one.border for one in found]),
        **dict(enumerate(torch.stack([one.side[..., plan.plane.rows] for one in found], dim=1))),
    }
    count, rows = plan.planes + plan.bridge, plan.plane.shape[0]
    opposite = torch.searchsorted(plan.depths, -plan.depths % count)
    size = (len(plan.depths), plan.columns, 2 * rows)
    whole = torch.zeros(size, dtype=torch.complex64, device=plan.device)
    for number, band in spectra.items():
        deep = torch.cat((band, bridged(band, plan.bridge)))
        deep = torch.fft.fft(deep, dim=0)[plan.depths]
        for place in plan.placements:
            if place.band == number:
                block = deep[(slice(None), *place.source)]
                if place.mirrored:
                    block = block[opposite].flip(1, 2).conj()
                whole[(slice(None), *place.target)] += block * place.weight
    return whole


def image_through(plan: VolumePlan, spectrum: Tensor) -> Tensor:
    """Return the volume [z, 2 y, 2 x] of a half spectrum, as `VolumeReconstructor.image`."""
    planes = torch.arange(plan.planes, device=plan.device)[:, None].double()
    turns = 2.0 * torch.pi / (plan.planes + plan.bridge) * planes * plan.depths
    along_z = torch.polar(torch.ones_like(turns), turns).to(torch.complex64)
    columns = torch.fft.ifft(torch.tensordot(along_z, spectrum, dims=1), norm="forward").mT
    return torch.fft.irfft(columns, n=2 * plan.plane.shape[1], norm="forward")
