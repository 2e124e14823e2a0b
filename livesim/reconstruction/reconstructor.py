"""Raw stacks in, super-resolved images on the doubled grid out: the frame path."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from livesim.reconstruction.plan import BORDER, ZERO_ORDER, Plan
from livesim.reconstruction.richardson_lucy import richardson_lucy


@dataclass(frozen=True, eq=False)
class Reconstruction:
    """The result of a batch."""

    image: Tensor
    """[time, 2 y, 2 x] float32, photo-electrons per raw pixel; may be negative."""
    widefield: Tensor
    """[time, y, x] float32, photo-electrons of a mean frame."""


class Reconstructor:
    """Reconstruct stacks with a cached plan.

    Every band is separated in real space, where the edge window and the sub-pixel part of its shift
    are one multiplication; only the disk inside the OTF is transformed to the end, and the
    whole-pixel part of the shift is where the disk is added into the result's half spectrum. The
    spectra are kept transposed, so that the second pass of every transform reads along memory.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        rows = plan.shape[0]
        self._spectrum = torch.zeros(
            plan.half_columns, 2 * rows, dtype=torch.complex64, device=plan.unmixing.device
        )

    @torch.inference_mode()
    def __call__(self, stacks: Tensor) -> Reconstruction:
        """Reconstruct `stacks` [time, angle, phase, y, x] or [time, frame, y, x] in counts.

        Raises
        ------
        ValueError
            If the stacks do not fit the plan.
        """
        frames = self._checked(stacks)
        rows, columns = self.plan.shape
        image = self.plan.unmixing.new_empty(len(frames), 2 * rows, 2 * columns)
        widefield = self.plan.unmixing.new_empty(len(frames), rows, columns)
        for stack, made, mean in zip(frames, image, widefield, strict=True):
            planes = self._separate(stack)
            mean.copy_(planes[0])
            self._combine(planes, made)
        if self.plan.richardson_lucy_iterations:
            image = richardson_lucy(image, self.plan.transfer, self.plan.richardson_lucy_iterations)
        return Reconstruction(image, widefield)

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

    def _separate(self, stack: Tensor) -> Tensor:
        """Return the zero order and the real and imaginary parts of the bands, [plane, y, x]."""
        plan = self.plan
        planes = torch.addmm(plan.bias, plan.unmixing, stack.flatten(1).to(torch.float32))
        return planes.view(-1, *plan.shape)

    def _side_spectra(self, planes: Tensor) -> Tensor:
        """Return every side band's centred spectrum inside the OTF's box, [band, x, y]."""
        plan = self.plan
        count = len(plan.ramps)
        if count == 0:  # some FFT libraries refuse an empty batch
            return plan.ramps
        side = torch.complex(planes[1 : 1 + count], planes[1 + count :]).mul_(plan.ramps)
        side = torch.fft.fft(side, dim=-1)[..., plan.columns].mT.contiguous()
        return torch.fft.fft(side, dim=-1)[..., plan.rows]

    def _combine(self, planes: Tensor, image: Tensor) -> None:
        """Fill `image` [2 y, 2 x] with the sum of the separated bands."""
        plan = self.plan
        side = self._side_spectra(planes)
        zero = torch.fft.rfft(planes[0], dim=-1)[..., : plan.zero_columns].mT.contiguous()
        zero = torch.fft.fft(zero, dim=-1)
        spectra = {ZERO_ORDER: zero, BORDER: self._border(planes[0]), **dict(enumerate(side))}
        spectrum = self._spectrum.zero_()
        for place in plan.placements:
            block = spectra[place.band][place.source]
            if place.mirrored:
                block = block.flip(0, 1)
            target = torch.view_as_real(spectrum[place.target])
            target.addcmul_(torch.view_as_real(block), place.weight)
        columns = torch.fft.ifft(spectrum, dim=-1).mT.contiguous()
        torch.fft.irfft(columns, n=2 * plan.shape[1], dim=-1, out=image)

    def _border(self, zero: Tensor) -> Tensor:
        """Return the spectrum [x, y] of the smooth part of the zero order [y, x]."""
        across_rows, across_columns = self.plan.border
        rows_jump = torch.fft.rfft(zero[-1] - zero[0])[: self.plan.zero_columns, None]
        columns_jump = torch.fft.fft(zero[:, -1] - zero[:, 0])[None, :]
        return (across_rows * rows_jump).addcmul_(across_columns, columns_jump)
