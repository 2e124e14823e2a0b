"""Prepare the forward model of one pattern and its adjoint for many images."""

from __future__ import annotations

import torch
from torch import Tensor

from livesim.reconstruction.forward.model import Illumination, illumination, sampled_transfer
from livesim.reconstruction.grid import positions
from livesim.reconstruction.otf import Otf
from livesim.reconstruction.separation import groups
from livesim.values.pattern import Pattern


class Projection:
    """The forward model of `expected_frames`, with one transform a band instead of one a frame.

    I_n = b_n (1 + sum_o m_o Re(exp(i h phi_n) w_o)) with w_o = exp(2 pi i h k.r), so all frames of
    a group are mixtures of h * s and the h * (w_o s), and the sampling of every second pixel folds
    their spectra.

    Parameters
    ----------
    pattern
        The illumination; an angle that is not usable gives none of its orders.
    otf
        Of the microscope.
    device, dtype
        Of what comes in and out: float32 or float64.
    """

    def __init__(
        self,
        pattern: Pattern,
        otf: Otf,
        *,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.shape = (2 * pattern.shape[0], 2 * pattern.shape[1])
        """Of the specimen."""
        self.transfer = sampled_transfer(otf, self.shape, pattern.pixel_nm / 2000.0)
        """[2 y, 2 x] in FFT order."""
        self._passed = self.transfer.to(device=device, dtype=dtype)
        self._lights = [Illumination.of(group, device=device) for group in groups(pattern)]
        self._fine_um = pattern.pixel_nm / 2000.0
        self.power = self._squared_light(dtype)
        """[2 y, 2 x] sqrt(sum_n I_n^2 |h|^2): what unit noise in every frame comes to."""

    def frames(self, specimen: Tensor) -> Tensor:
        """Return the mean photo-electrons [frame, y, x] that a specimen [2 y, 2 x] gives."""
        zero = self._seen(specimen).real
        stacks = []
        for light in self._lights:
            stack = zero.repeat(light.frames, 1, 1)
            for weights, wave in self._orders(light, specimen.dtype):
                band = self._seen(specimen * wave)
                stack += weights.real[:, None, None] * band.real
                stack -= weights.imag[:, None, None] * band.imag
            stacks.append(light.intensity.to(stack)[:, None, None] * stack)
        return torch.cat(stacks)

    def back(self, frames: Tensor) -> Tensor:
        """Return sum_n I_n (h * z_n) / sqrt(sum_n I_n^2 |h|^2), [2 y, 2 x].

        Parameters
        ----------
        frames
            [frame, y, x], the z_n.

        Notes
        -----
        Of independent noise of variance 1 in every pixel the result has variance 1. Of the residual
        in standard deviations it is the derivative of the likelihood towards the specimen, in units
        of its own standard deviation: the linear filter that shows a point too bright or too dark
        best.
        """
        zero = frames.new_zeros(frames.shape[-2:])
        total = frames.new_zeros(self.shape)
        parts = frames.split([light.frames for light in self._lights])
        for light, part in zip(self._lights, parts, strict=True):
            lit = light.intensity.to(part)[:, None, None] * part
            zero += lit.sum(dim=0)
            for weights, wave in self._orders(light, frames.dtype):
                band = torch.einsum("n,nyx->yx", weights, lit.to(weights.dtype))
                total += (wave * self._spread(band)).real
        total += self._spread(zero).real
        return total / self.power

    def _squared_light(self, dtype: torch.dtype) -> Tensor:
        """Return sqrt(sum_n I_n^2 |h|^2), [2 y, 2 x]."""
        power = self._passed.new_zeros(self.shape)
        for light in self._lights:
            for number in range(light.frames):
                one = light.frame(number)
                power += illumination(one, self.shape, self._fine_um, dtype=dtype)[0].square()
        # Every second sample in both directions: a quarter of the squared PSF's sum.
        return (power * (self._passed.square().mean() / 4.0)).sqrt()

    def _orders(self, light: Illumination, dtype: torch.dtype) -> list[tuple[Tensor, Tensor]]:
        """Return (m exp(i h phi_n) [frame], exp(2 pi i h k.r) [2 y, 2 x]) of every order."""
        y, x = positions(self.shape, self._fine_um, device=light.k.device)
        kind = torch.complex64 if dtype is torch.float32 else torch.complex128
        found = []
        for order, modulation in zip(light.orders, light.modulation, strict=True):
            kx, ky = (2.0 * torch.pi * order.harmonic * light.k[order.vector]).unbind()
            turns = torch.exp(1j * order.harmonic * light.phases[order.vector])
            wave = torch.exp(1j * ky * y).to(kind) * torch.exp(1j * kx * x).to(kind)
            found.append(((modulation * turns).to(kind), wave))
        return found

    def _seen(self, emitted: Tensor) -> Tensor:
        """Blur [2 y, 2 x] and keep every second pixel, complex."""
        rows, columns = self.shape[0] // 2, self.shape[1] // 2
        spectrum = torch.fft.fft2(emitted) * self._passed
        folded = spectrum.reshape(2, rows, 2, columns).sum(dim=(0, 2)) / 4.0
        return torch.fft.ifft2(folded)

    def _spread(self, frame: Tensor) -> Tensor:
        """Put a frame on every second pixel of [2 y, 2 x] and blur it, complex."""
        spectrum = torch.fft.fft2(frame).repeat(2, 2)
        return torch.fft.ifft2(spectrum * self._passed)
