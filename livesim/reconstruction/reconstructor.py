"""Reconstruct super-resolved images on the doubled grid from raw stacks: the frame path."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from livesim.reconstruction.blocks import blocks, lay
from livesim.reconstruction.memory import Memory
from livesim.reconstruction.placements import BORDER, ZERO_ORDER
from livesim.reconstruction.plan import Plan
from livesim.reconstruction.report_processing import finished, prepared
from livesim.reconstruction.richardson_lucy import richardson_lucy


@dataclass(frozen=True, eq=False)
class BandSpectra:
    """The separated bands of one stack, transformed and not yet recombined.

    Those of a `Reconstructor` are memory of its own, until it takes the next stack.
    """

    zero: Tensor
    """[x, y] leading columns of the zero order's spectrum."""
    border: Tensor
    """[x, y] that part of it which the jumps between opposite borders cause."""
    side: Tensor
    """[band, x, y] centred spectra of the side bands, sub-pixel shift done: the columns inside the
    OTF's box, and all rows."""


Turn = Callable[[BandSpectra], Tensor | None]
"""The bands of a stack -> a complex factor for each side band, [band], or None for no change."""


@dataclass(frozen=True, eq=False)
class Reconstruction:
    """The result of a batch."""

    image: Tensor
    """[time, 2 y, 2 x] float32, photo-electrons per raw pixel; may be negative."""
    widefield: Tensor
    """[time, y, x] float32, photo-electrons of a mean frame."""


class Reconstructor:
    """Reconstruct stacks with a cached plan; used by one thread.

    Every band is separated in real space, where the edge window and the sub-pixel part of its shift
    are one multiplication; only the disk inside the OTF is transformed to the end, and the
    whole-pixel part of the shift is where the disk is added into the result's half spectrum. The
    spectra are kept transposed, so that the second pass of every transform reads along memory, and
    on a CPU all this is done in `blocks`.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._memory = Memory(plan)

    @torch.inference_mode()
    def __call__(self, stacks: Tensor, turn: Turn | None = None) -> Reconstruction:
        """Reconstruct `stacks` [time, angle, phase, y, x] or [time, frame, y, x] in counts.

        Parameters
        ----------
        stacks
            Raw stacks taken with the plan's pattern.
        turn
            Asked for every stack, once its bands are known, how to turn them: a pattern whose
            phases of one angle have all drifted alike differs by one factor for each band.

        Raises
        ------
        ValueError
            If the stacks do not fit the plan.
        """
        frames = self._checked(stacks)
        rows, columns = self.plan.shape
        image = self.plan.unmixing.new_empty(len(frames), 2 * rows, 2 * columns)
        widefield = self.plan.unmixing.new_empty(len(frames), rows, columns)
        for stack, result, mean in zip(frames, image, widefield, strict=True):
            spectra, zero = self.look(stack)
            mean.copy_(zero)
            self.make(spectra, None if turn is None else turn(spectra), result)
        return Reconstruction(image, widefield)

    def look(self, frames: Tensor) -> tuple[BandSpectra, Tensor]:
        """Return the bands of one stack [frame, y, x], and its widefield image [y, x]."""
        if self.plan.processed:
            frames = prepared(frames)
        if self.plan.few_frames is not None:
            self._memory.frames.copy_(frames)
        for rows in blocks(frames):
            planes = self.separate(frames[:, rows])
            self._memory.widefield[rows] = planes[0]
            self._along_x(planes, rows)
        return self._along_y(self._memory.widefield), self._memory.widefield

    def make(self, spectra: BandSpectra, factors: Tensor | None, image: Tensor) -> None:
        """Fill `image` [2 y, 2 x] from the bands of `look`, which `factors` [band] turn in place.

        Nothing here depends on a value: on a GPU both can be captured once and replayed.
        """
        self._make(spectra, factors, image)
        if self.plan.processed:
            image.copy_(finished(image))

    def _make(self, spectra: BandSpectra, factors: Tensor | None, image: Tensor) -> None:
        plan = self.plan
        if plan.few_frames is not None:
            image.copy_(plan.few_frames.image(self._memory.frames))
            return
        if factors is not None:
            spectra.side[..., plan.rows].mul_(factors[:, None, None])
        self._combine(spectra, image)
        if plan.richardson_lucy_iterations:
            steps = plan.richardson_lucy_iterations
            image.copy_(richardson_lucy(image[None], plan.transfer, steps)[0])

    def differentiable(self, photons: Tensor) -> Tensor:
        """Return the images [time, 2 y, 2 x] of stacks, with the graph that leads back to them.

        The same numbers as a call gives, slower; for training networks through the reconstruction.

        Parameters
        ----------
        photons
            As the stacks of a call, of floats.

        Raises
        ------
        ValueError
            If the stacks do not fit the plan, its frames are too few, it ends in Richardson-Lucy
            steps, or it processes frames and image.
        """
        images = []
        for stack in self._checked(photons):
            spectra = self.differentiable_bands(stack)
            whole = self.combine(spectra, torch.zeros_like(self._memory.spectrum))
            columns = torch.fft.ifft(whole, norm="forward").mT
            images.append(torch.fft.irfft(columns, n=2 * self.plan.shape[1], norm="forward"))
        return torch.stack(images)

    def differentiable_bands(self, frames: Tensor) -> BandSpectra:
        """Return the bands of one stack [frame, y, x], with the graph that leads back to it.

        Raises
        ------
        ValueError
            As `differentiable`.
        """
        if self.plan.few_frames is not None:
            raise ValueError("expected frames that separate the bands, found too few of them")
        if self.plan.richardson_lucy_iterations or self.plan.processed:
            raise ValueError(
                "expected a plan without Richardson-Lucy steps and without the report's "
                "processing, which are not differentiated here"
            )
        planes = self.separate(frames)
        zero, side = (_transformed(rows.mT) for rows in self._inside(planes, slice(None)))
        return BandSpectra(zero, self._border(planes[0]), side)

    @torch.inference_mode()
    def spectra(self, stack: Tensor) -> BandSpectra:
        """Return the bands of one stack [angle, phase, y, x] without recombining them.

        Raises
        ------
        ValueError
            If the stack does not fit the plan.
        """
        return self.look(self._checked(stack[None])[0])[0]

    def _checked(self, stacks: Tensor) -> Tensor:
        """Return the stacks as [time, frame, y, x]."""
        count, rows, columns = self.plan.unmixing.shape[1], *self.plan.shape
        frames = stacks.flatten(1, -3) if stacks.ndim in (4, 5) else stacks
        if frames.ndim != 4 or tuple(frames.shape[1:]) != (count, rows, columns):
            raise ValueError(
                f"expected stacks of (time, frames, y, x) = (any, {count}, {rows}, {columns}), "
                f"found {tuple(stacks.shape)}"
            )
        return frames

    def separate(self, frames: Tensor) -> Tensor:
        """Return the zero order and the real and imaginary parts of the bands, [plane, y, x].

        `frames` [frame, y, x] are whole ones or any rows of all.
        """
        plan = self.plan
        planes = torch.addmm(plan.bias, plan.unmixing, frames.to(torch.float32).flatten(1))
        return planes.view(-1, *frames.shape[1:])

    def transform(self, planes: Tensor) -> BandSpectra:
        """Return the spectra of the planes [plane, y, x]."""
        for rows in blocks(planes):
            self._along_x(planes[:, rows], rows)
        return self._along_y(planes[0])

    def _along_x(self, planes: Tensor, rows: slice) -> None:
        """Keep what the rows of the planes transform to, laid on its side."""
        zero, side = self._inside(planes, rows)
        lay(zero, self._memory.zero, rows.start)
        lay(side, self._memory.side, rows.start)

    def _inside(self, planes: Tensor, rows: slice) -> tuple[Tensor, Tensor]:
        """Return what the rows transform to: zero order [y, x] and side bands [band, y, x]."""
        plan = self.plan
        zero = torch.fft.rfft(planes[0])[:, : plan.zero_columns]
        count = len(plan.ramps)
        side = torch.complex(planes[1 : 1 + count], planes[1 + count :]).mul_(plan.ramps[:, rows])
        return zero, _transformed(side)[..., plan.columns]

    def _along_y(self, widefield: Tensor) -> BandSpectra:
        """Return the spectra of the bands that lie on their side."""
        for spectra in (self._memory.zero, self._memory.side.flatten(0, 1)):
            for part in blocks(spectra):
                spectra[part] = torch.fft.fft(spectra[part])
        return BandSpectra(self._memory.zero, self._border(widefield), self._memory.side)

    def _combine(self, bands: BandSpectra, image: Tensor) -> None:
        """Fill `image` [2 y, 2 x] with the sum of the separated bands."""
        self.invert(self.combine(bands, self._memory.spectrum.zero_()), image)

    def invert(self, spectrum: Tensor, image: Tensor) -> None:
        """Fill `image` [2 y, 2 x] with what a half spectrum of `combine` shows."""
        count = 2 * self.plan.shape[1]
        for part in blocks(spectrum):  # the weights have normalised it
            lay(torch.fft.ifft(spectrum[part], norm="forward"), self._memory.half, part.start)
        for part in blocks(self._memory.half):
            torch.fft.irfft(self._memory.half[part], n=count, norm="forward", out=image[part])

    def combine(self, bands: BandSpectra, spectrum: Tensor) -> Tensor:
        """Add the separated bands into the half spectrum [x, 2 y] of the result, and return it."""
        plan = self.plan
        side = bands.side[..., plan.rows]
        spectra = {ZERO_ORDER: bands.zero, BORDER: bands.border, **dict(enumerate(side))}
        for place in plan.placements:
            block = spectra[place.band][place.source]
            if place.mirrored:
                block = block.flip(0, 1)
            target = torch.view_as_real(spectrum[place.target])
            target.addcmul_(torch.view_as_real(block), place.weight)
        return spectrum

    def _border(self, zero: Tensor) -> Tensor:
        """Return the spectrum [x, y] of the smooth part of the zero order [y, x]."""
        return self.border(*jumps_of(zero))

    def border(self, across_rows: Tensor, across_columns: Tensor) -> Tensor:
        """Return the spectrum [..., x, y] of the smooth part of images that have these jumps."""
        of_rows, of_columns = self.plan.border
        rows = torch.fft.rfft(across_rows)[..., : self.plan.zero_columns, None]
        columns = torch.fft.fft(across_columns)[..., None, :]
        return (of_rows * rows).addcmul_(of_columns, columns)


def jumps_of(image: Tensor) -> tuple[Tensor, Tensor]:
    """Return the jumps [x] and [y] of an image [y, x]: between its last and first rows, columns."""
    return image[-1] - image[0], image[:, -1] - image[:, 0]


def _transformed(rows: Tensor) -> Tensor:
    """Return the spectra of complex rows; there may be none, which some FFT libraries refuse."""
    return torch.fft.fft(rows) if rows.numel() else rows
