"""Reconstruct volumes on the doubled lateral grid, plane by plane as they arrive."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from livesim.reconstruction.placements import BORDER, ZERO_ORDER
from livesim.reconstruction.reconstructor import BandSpectra, Reconstructor, jumps_of
from livesim.reconstruction.report_processing import prepared
from livesim.reconstruction.volume.bridge import bridged
from livesim.reconstruction.volume.plan import VolumePlan
from livesim.reconstruction.volume.strips import Strips, pairs_of, places_of, turns_of


@dataclass(eq=False)
class VolumeBands:
    """The bands of those planes of one volume that have come so far, in a folded stack.

    `place_of` tells where each plane lies.
    """

    zero: Tensor
    """[z, y, x] leading columns of the zero order's spectrum."""
    jumps: tuple[Tensor, Tensor]
    """[z, x] and [z, y] of its image, between opposite borders."""
    side: Tensor
    """[z, band, y, x] centred spectra of the side bands, inside the OTF's box."""
    planes: int
    missing: set[int]
    """Planes that the volume still lacks."""

    @classmethod
    def of(cls, plan: VolumePlan) -> VolumeBands:
        """Return one without planes."""
        lateral, folded = plan.plane, 2 * pairs_of(plan.planes)
        size = (folded, lateral.shape[0], lateral.zero_columns)
        zero = torch.empty(size, dtype=torch.complex64, device=plan.device)
        wide = lateral.columns.stop - lateral.columns.start
        high = lateral.rows.stop - lateral.rows.start
        side = zero.new_empty(folded, len(lateral.ramps), high, wide)
        rows, columns = (zero.real.new_empty(folded, length) for length in lateral.shape)
        return cls(zero, (columns, rows), side, plan.planes, set(range(plan.planes)))

    def restart(self) -> None:
        """Forget all planes, and keep the memory for another volume."""
        self.missing = set(range(self.planes))

    @property
    def nbytes(self) -> int:
        """Memory that its bands hold."""
        return sum(one.nbytes for one in (self.zero, *self.jumps, self.side))


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

    @cached_property
    def _whole(self) -> VolumeBands:
        return self.begin()

    @cached_property
    def _strips(self) -> Strips:
        return Strips(self.plan)

    @cached_property
    def _half(self) -> Tensor:
        """[z, 2 y, x] complex, folded: what is left to be inverted in y and x."""
        plan = self.plan
        folded = 2 * pairs_of(plan.planes)
        return self._zeros(folded, 2 * plan.plane.shape[0], plan.columns)

    @cached_property
    def _spectrum(self) -> Tensor:
        """[kz, x, 2 y] complex: the half spectrum of a volume."""
        plan = self.plan
        return self._zeros(len(plan.depths), plan.columns, 2 * plan.plane.shape[0])

    def _zeros(self, *size: int) -> Tensor:
        with torch.inference_mode(mode=False):  # it may be written to in either mode
            return torch.zeros(size, dtype=torch.complex64, device=self.plan.device)

    @cached_property
    def _to_planes(self) -> Tensor:
        """[z, kz] complex: what waves along z are in the planes; the bridge's are not asked for."""
        plan = self.plan
        planes = torch.arange(plan.planes)[:, None].double()
        turns = 2.0 * torch.pi / (plan.planes + plan.bridge) * planes * plan.depths.cpu()
        return torch.polar(torch.ones_like(turns), turns).to(plan.device, torch.complex64)

    @cached_property
    def _from_sums(self) -> Tensor:
        """[(cosine, sine), z, kz]: waves in the first half of the planes, of both kz and -kz."""
        turns = turns_of(self.plan)[:, : pairs_of(self.plan.planes)].mT
        waves = 2.0 * torch.stack((torch.cos(turns), torch.sin(turns)))
        waves[:, :, 0] *= 0.5
        return waves.float().to(self.plan.device)

    @cached_property
    def _of_middle(self) -> Tensor:
        """[kz, 1, 1] complex: turns waves around the middle into those from the first plane on."""
        first = turns_of(self.plan)[:, :1, None]
        return torch.polar(torch.ones_like(first), first).to(self.plan.device, torch.complex64)

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
        plan, counts = self.plan.plane, frames.flatten(0, -3).to(self.plan.device)
        planes = self._plane.separate(prepared(counts) if plan.processed else counts)
        widefield, at, count = planes[0], places_of(z, self.plan.planes), len(plan.ramps)
        zero = torch.fft.rfft2(widefield)[:, : plan.zero_columns]
        side = torch.complex(planes[1 : 1 + count], planes[1 + count :]).mul_(plan.ramps)
        if count:  # some FFT libraries refuse what is empty
            side = torch.fft.fft2(side)
        side = side[..., plan.columns]
        volume.zero[at], volume.side[at] = zero, side[:, plan.rows]
        volume.jumps[0][at], volume.jumps[1][at] = jumps_of(widefield)
        volume.missing.discard(z)
        if preview is not None:
            border = self._plane.border(*jumps_of(widefield))
            self._plane.make(BandSpectra(zero.mT, border, side.mT), None, preview)
        return widefield

    @torch.inference_mode()
    def finish(self, volume: VolumeBands) -> Tensor:
        """Return the image [z, 2 y, 2 x] of a volume, which stays as it is.

        Raises
        ------
        ValueError
            If a plane is missing.
        """
        count, half = self.plan.planes, self._half
        first, last = half.chunk(2)
        for rows, sums in self._sums(volume):
            waves = torch.bmm(self._from_sums, sums.flatten(2))
            even, odd = torch.view_as_complex(waves.view(*waves.shape[:2], *sums.shape[2:]))
            torch.add(even, odd, out=first[:, rows])
            torch.sub(even, odd, out=last[:, rows])
        return self._shown([half[places_of(z, count).start] for z in range(count)])

    @torch.inference_mode()
    def spectrum(self, volume: VolumeBands) -> Tensor:
        """Return the half spectrum [kz, x, 2 y] of a volume, in memory that the next one takes.

        Raises
        ------
        ValueError
            If a plane is missing.
        """
        count = len(self.plan.depths) // 2 + 1
        for rows, sums in self._sums(volume):
            cosines, sines = torch.view_as_complex(sums).mT
            here = self._spectrum[..., rows]
            here[:count] = (cosines - 1j * sines) * self._of_middle
            here[count:] = ((cosines + 1j * sines) * self._of_middle.conj())[1:].flip(0)
        return self._spectrum

    def _sums(self, volume: VolumeBands) -> Iterator[tuple[slice, Tensor]]:
        """Yield the rows of the result's spectrum, see `Strips`."""
        if volume.missing:
            raise ValueError(
                f"expected all {self.plan.planes} planes, found none for {sorted(volume.missing)}"
            )
        side = dict(enumerate(volume.side.unbind(1)))
        border = self._plane.border(*volume.jumps).mT.contiguous()
        return self._strips({ZERO_ORDER: volume.zero, BORDER: border, **side})

    def __call__(self, volume: Tensor) -> Tensor:
        """Reconstruct a whole volume [z, angle, phase, y, x] of counts."""
        for z, frames in enumerate(volume):
            self.add(self._whole, z, frames)
        return self.finish(self._whole)

    @torch.inference_mode()
    def image(self, spectrum: Tensor) -> Tensor:
        """Return the volume [z, 2 y, 2 x] of a half spectrum [kz, x, 2 y]."""
        return self._shown(torch.tensordot(self._to_planes, spectrum, dims=1).mT.unbind())

    def _shown(self, planes: Sequence[Tensor]) -> Tensor:
        """Return images [z, 2 y, 2 x] of half spectra [2 y, x].

        One axis after the other: a real inverse over three at once corrupts memory on CPUs in
        torch 2.13.
        """
        rows, columns = self.plan.plane.shape
        volume = planes[0].real.new_empty(len(planes), 2 * rows, 2 * columns)
        for plane, image in zip(planes, volume, strict=True):
            half = torch.fft.ifft(plane, dim=0, norm="forward").contiguous()  # it lies on its side
            torch.fft.irfft(half, n=2 * columns, norm="forward", out=image)
        return volume

    @torch.inference_mode()
    def spectrum_of(self, image: Tensor) -> Tensor:
        """Return the half spectrum of a volume [z, 2 y, 2 x]: `image` of it is the volume again.

        But for frequencies that no result holds. It is continued beyond its last plane as raw ones
        are.
        """
        planes = torch.stack([self._half_spectrum(plane) for plane in image])
        whole = torch.cat((planes, bridged(planes, self.plan.bridge)))
        return torch.fft.fft(whole, dim=0)[self.plan.depths] / len(whole)

    def _half_spectrum(self, plane: Tensor) -> Tensor:
        """Return the half spectrum [x, 2 y] of a plane [2 y, 2 x] where the result holds any."""
        half = torch.fft.rfft(plane, norm="forward")[:, : self.plan.columns].mT
        return torch.fft.fft(half, norm="forward")
