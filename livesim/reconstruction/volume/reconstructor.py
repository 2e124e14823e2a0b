"""Reconstruct volumes on the doubled lateral grid, plane by plane as they arrive."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from livesim.reconstruction.placements import BORDER, ZERO_ORDER
from livesim.reconstruction.reconstructor import Reconstructor
from livesim.reconstruction.volume.bridge import bridged
from livesim.reconstruction.volume.plan import VolumePlan


@dataclass(eq=False)
class VolumeBands:
    """The bands of those planes of one volume that have come so far."""

    zero: Tensor
    """[z, x, y] as the border below, of the zero order."""
    border: Tensor
    side: Tensor
    """[band, z, x, y] of the side bands."""
    missing: set[int]
    """Planes that the volume still lacks."""

    @classmethod
    def of(cls, plan: VolumePlan) -> VolumeBands:
        """Return one without planes."""
        lateral, planes = plan.plane, plan.planes
        size = (planes, lateral.zero_columns, lateral.shape[0])
        zero = torch.empty(size, dtype=torch.complex64, device=plan.device)
        wide = lateral.columns.stop - lateral.columns.start
        high = lateral.rows.stop - lateral.rows.start
        side = zero.new_empty(len(lateral.ramps), planes, wide, high)
        return cls(zero, torch.empty_like(zero), side, set(range(planes)))

    def restart(self) -> None:
        """Forget all planes, and keep the memory for another volume."""
        self.missing = set(range(len(self.zero)))

    @property
    def nbytes(self) -> int:
        """Memory that its bands hold."""
        return self.zero.nbytes + self.border.nbytes + self.side.nbytes


class VolumeReconstructor:
    """Reconstruct volumes with a cached plan; used by one thread.

    A plane is separated and transformed in x and y when it arrives, in any order and of any open
    volume; what is left at the end of a volume is one transform along z, the filter, and the
    inverse. Orders of three beams need neither be separated nor moved in z: the pattern stays with
    the objective, so its axial part belongs to the transfer function.
    """

    def __init__(self, plan: VolumePlan) -> None:
        self.plan = plan
        self._plane = Reconstructor(plan.plane)
        rows, count = plan.plane.shape[0], plan.planes + plan.bridge
        depths, on = plan.depths, plan.device
        size = (len(depths), plan.columns, 2 * rows)
        self._spectrum = torch.zeros(size, dtype=torch.complex64, device=on)
        self._opposite = torch.searchsorted(depths, -depths % count)
        planes = torch.arange(plan.planes, device=on)
        turns = 2.0 * torch.pi / count * planes[:, None].double() * depths
        self._along_z = torch.polar(torch.ones_like(turns), turns).to(torch.complex64)

    def begin(self) -> VolumeBands:
        """Return a volume that lacks all its planes."""
        return VolumeBands.of(self.plan)

    @torch.inference_mode()
    def add(
        self, volume: VolumeBands, z: int, frames: Tensor, preview: Tensor | None = None
    ) -> Tensor:
        """Add the raw stack [angle, phase, y, x] of one plane; return its widefield [y, x].

        Parameters
        ----------
        frames
            Counts; they are brought to where the plan is.
        preview
            [2 y, 2 x] there, filled with the reconstruction of this plane by itself, haze included;
            None = not asked for.
        """
        spectra, widefield = self._plane.look(frames.flatten(0, -3).to(self.plan.device))
        volume.zero[z], volume.border[z] = spectra.zero, spectra.border
        volume.side[:, z] = spectra.side[..., self.plan.plane.rows]
        volume.missing.discard(z)
        if preview is not None:
            self._plane.make(spectra, None, preview)
        return widefield

    def finish(self, volume: VolumeBands) -> Tensor:
        """Return the image [z, 2 y, 2 x] of a volume, which stays as it is.

        Raises
        ------
        ValueError
            If a plane is missing.
        """
        return self.image(self.spectrum(volume))

    @torch.inference_mode()
    def spectrum(self, volume: VolumeBands) -> Tensor:
        """Return the half spectrum [kz, x, 2 y] of a volume, in memory that the next one takes.

        Raises
        ------
        ValueError
            If a plane is missing.
        """
        if volume.missing:
            raise ValueError(
                f"expected all {self.plan.planes} planes, found none for {sorted(volume.missing)}"
            )
        spectra = {ZERO_ORDER: volume.zero, BORDER: volume.border}
        spectra |= dict(enumerate(volume.side))
        return self._combined(spectra)

    def __call__(self, volume: Tensor) -> Tensor:
        """Reconstruct a whole volume [z, angle, phase, y, x] of counts."""
        begun = self.begin()
        for z, frames in enumerate(volume):
            self.add(begun, z, frames)
        return self.finish(begun)

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
        whole = torch.cat((band, bridged(band[-1], band[0], self.plan.bridge)))
        return torch.fft.fft(whole, dim=0)[self.plan.depths]

    @torch.inference_mode()
    def image(self, spectrum: Tensor) -> Tensor:
        """Return the volume [z, 2 y, 2 x] of a half spectrum [kz, x, 2 y].

        One axis after the other: a real inverse over three at once corrupts memory on CPUs in
        torch 2.13.
        """
        rows, columns = self.plan.plane.shape
        planes = torch.tensordot(self._along_z, spectrum, dims=1)  # the bridge's are not asked for
        volume = planes.real.new_empty(len(planes), 2 * rows, 2 * columns)
        for plane, image in zip(planes, volume, strict=True):
            half = torch.fft.ifft(plane, norm="forward").mT
            image.copy_(torch.fft.irfft(half, n=2 * columns, norm="forward"))
        return volume

    @torch.inference_mode()
    def spectrum_of(self, image: Tensor) -> Tensor:
        """Return the half spectrum of a volume [z, 2 y, 2 x]: `image` of it is the volume again.

        But for frequencies that no result holds. It is continued beyond its last plane as raw ones
        are.
        """
        planes = torch.stack([self._half(plane) for plane in image])
        count = len(planes) + self.plan.bridge
        return self._deep(planes) / count

    def _half(self, plane: Tensor) -> Tensor:
        """Return the half spectrum [x, 2 y] of a plane [2 y, 2 x] where the result holds any."""
        half = torch.fft.rfft(plane, norm="forward")[:, : self.plan.columns].mT
        return torch.fft.fft(half, norm="forward")
