"""Compute the volume that a network is held to, from an object."""

from __future__ import annotations

import torch
from torch import Tensor

from livesim.config.settings import VOLUME_BEND, Optics, Reconstruction
from livesim.reconstruction.filters import APODIZATIONS
from livesim.reconstruction.volume.plan import axial_cutoff
from livesim.values.volume_pattern import VolumePattern


def perfect_volume(specimen: Tensor, pattern: VolumePattern, optics: Optics) -> Tensor:
    """Return a specimen [layer, 2 y, 2 x] as a perfect result shows it: low-passed alike.

    With livesim's default apodization, `VolumePlan.passed` on a grid of layers.
    """
    settings = Reconstruction().apodization
    rows, columns = specimen.shape[1:]
    fine = pattern.lateral.pixel_nm / 2000.0
    kz = torch.fft.fftfreq(len(specimen), d=pattern.z_step_um).double()[:, None, None]
    fy = torch.fft.fftfreq(rows, d=fine).double()[None, :, None]
    fx = torch.fft.rfftfreq(columns, d=fine).double()[None, None]
    fringes = [pattern.axial_frequency(one.k_cycles_per_um) for one in pattern.lateral.angles]
    reach_z = axial_cutoff(optics) + max(fringes)
    assert settings.cutoff != "auto"
    edge = settings.cutoff * optics.cutoff_cycles_per_um
    relative = torch.sqrt((fy**2 + fx**2) / edge**2 + (kz / reach_z) ** 2).clamp(max=1.0)
    passed = APODIZATIONS[settings.shape](relative).clamp(min=0.0) ** settings.bent(VOLUME_BEND)
    spectrum = torch.fft.fft(torch.fft.rfft2(specimen), dim=0) * passed.to(specimen.dtype)
    return torch.fft.irfft2(torch.fft.ifft(spectrum, dim=0), s=(rows, columns))
