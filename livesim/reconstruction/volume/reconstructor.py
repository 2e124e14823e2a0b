"""Reconstruct volumes on the doubled lateral grid, plane by plane as they arrive."""

from __future__ import annotations

import torch
from torch import Tensor

from livesim.reconstruction.placements import BORDER, ZERO_ORDER
from livesim.reconstruction.reconstructor import Reconstructor
from livesim.reconstruction.volume.bridge import bridged
from livesim.reconstruction.volume.plan import VolumePlan


class VolumeReconstructor:
    """Reconstruct one volume after the other with a cached plan; used by one thread.

    A plane is separated and transformed in x and y when it arrives, in any order; what is left at
    the end of a volume is one transform along z, the filter, and the inverse. Orders of three
    beams need neither be separated nor moved in z: the pattern stays with the objective, so its
    axial part belongs to the transfer function.
    """

    def __init__(self, plan: VolumePlan) -> None:
        self.plan = plan
        self._plane = Reconstructor(plan.plane)
        self._missing = set(range(plan.planes))
        lateral = plan.plane
        rows, count = lateral.shape[0], plan.planes + plan.bridge
        self._zero = torch.zeros(count, lateral.zero_columns, rows, dtype=torch.complex64)
        self._border = torch.zeros_like(self._zero)
        wide = lateral.columns.stop - lateral.columns.start
        high = lateral.rows.stop - lateral.rows.start
        self._side = torch.zeros(len(lateral.ramps), count, wide, high, dtype=torch.complex64)
        depths = plan.depths
        self._spectrum = torch.zeros(len(depths), plan.columns, 2 * rows, dtype=torch.complex64)
        self._opposite = torch.searchsorted(depths, -depths % count)
        turns = 2.0 * torch.pi / count * torch.arange(plan.planes)[:, None].double() * depths
        self._along_z = torch.polar(torch.ones_like(turns), turns).to(torch.complex64)

    @property
    def missing(self) -> frozenset[int]:
        """The planes that the volume still lacks."""
        return frozenset(self._missing)

    @torch.inference_mode()
    def add(self, z: int, frames: Tensor) -> Tensor:
        """Take the raw stack [angle, phase, y, x] of one plane; return its widefield [y, x]."""
        spectra, widefield = self._plane.look(frames.flatten(0, -3))
        self._zero[z], self._border[z] = spectra.zero, spectra.border
        self._side[:, z] = spectra.side[..., self.plan.plane.rows]
        self._missing.discard(z)
        return widefield

    @torch.inference_mode()
    def finish(self) -> Tensor:
        """Return the volume [z, 2 y, 2 x] and begin the next one.

        Raises
        ------
        ValueError
            If a plane is missing.
        """
        if self._missing:
            raise ValueError(
                f"expected all {self.plan.planes} planes, found none for {sorted(self._missing)}"
            )
        self._missing = set(range(self.plan.planes))
        spectra = {ZERO_ORDER: self._zero, BORDER: self._border}
        spectra |= dict(enumerate(self._side))
        return self._inverse(self._combined(spectra))

    def __call__(self, volume: Tensor) -> Tensor:
        """Reconstruct a whole volume [z, angle, phase, y, x] of counts."""
        for z, frames in enumerate(volume):
            self.add(z, frames)
        return self.finish()

    def _combined(self, spectra: dict[int, Tensor]) -> Tensor:
        """Return the half spectrum [kz, x, 2 y] of the result."""
        spectrum = self._spectrum.zero_()
        for number, band in spectra.items():
            deep = self._deep(band)
            for place in self.plan.placements:
                if place.band == number:
                    block = deep[(slice(None), *place.source)]
                    if place.mirrored:
                        block = block[self._opposite].flip(1, 2).conj()
                    spectrum[(slice(None), *place.target)].addcmul_(block, place.weight)
        return spectrum

    def _deep(self, band: Tensor) -> Tensor:
        """Return the axial transform [kz, x, y] of a band [z, x, y] where the result holds any."""
        planes = self.plan.planes
        band[planes:] = bridged(band[planes - 1], band[0], self.plan.bridge)
        return torch.fft.fft(band, dim=0)[self.plan.depths]

    def _inverse(self, spectrum: Tensor) -> Tensor:
        """Return the volume of a half spectrum; one axis after the other.

        A real inverse over three axes at once corrupts memory on CPUs in torch 2.13.
        """
        rows, columns = self.plan.plane.shape
        planes = torch.tensordot(self._along_z, spectrum, dims=1)  # the bridge's are not asked for
        volume = torch.empty(len(planes), 2 * rows, 2 * columns)
        for plane, image in zip(planes, volume, strict=True):
            half = torch.fft.ifft(plane, norm="forward").mT
            image.copy_(torch.fft.irfft(half, n=2 * columns, norm="forward"))
        return volume
