"""The grids, the transfer functions and the noise of a stack of planes whose pattern is sought."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from livesim.config.settings import Optics
from livesim.reconstruction.grid import edge_window, frequency_axes, positions
from livesim.reconstruction.volume.defocus import sampled, stack_transfer
from livesim.reconstruction.volume.measured import through_focus
from livesim.values.volume_otf import VolumeOtf

HAZE = 0.25
"""Of the cut-off: nearer to the centre of a band lies the light from beyond the stack."""
_FARTHEST = 0.95
"""Of the cut-off: beyond it next to nothing is passed."""
_EDGE_PIXELS = 24
"""Border over which frames fade out, at most: a fifth of their size."""
_DARK, _LEAST_DARK = 1.02, 50
"""In units of the cut-off: no light beyond; and how many frequencies tell the noise."""


@dataclass(frozen=True, slots=True)
class VolumeOptics:
    """What has to be known of the microscope to read a volume."""

    detection: Optics
    excitation_nm: float
    pixel_nm: float
    z_step_nm: float
    otf: VolumeOtf | None = None
    """Measured; None: theory's."""


class VolumeStack:
    """The grids and transfer functions of a volume."""

    def __init__(self, known: VolumeOptics, planes: int, shape: tuple[int, int]) -> None:
        self.known, self.shape, self._planes = known, shape, planes
        self.pixel_um = known.pixel_nm / 1000.0
        self.fy, self.fx = frequency_axes(shape, self.pixel_um)
        self.y, self.x = positions(shape, self.pixel_um)
        self.pixel = (1.0 / (shape[1] * self.pixel_um), 1.0 / (shape[0] * self.pixel_um))
        """(x, y) of the spectrum, cycles/µm."""
        step = known.z_step_nm / 1000.0
        # At all distances that two planes of the stack have.
        self._every = through_focus(known.detection, known.otf, step, 1 - planes, 2 * planes - 1)
        self._focus = through_focus(known.detection, known.otf, step, -(planes // 2), planes)
        self.cutoff, self.unit = self._focus.cutoff, step / self._focus.depth_um
        self.kz = torch.fft.fftfreq(planes, d=step).double()[:, None, None]
        # What a jump at a border leaks into a band is no multiple of what it leaks into another.
        width = min(_EDGE_PIXELS, min(shape) // 5)
        along_z = torch.sin(torch.pi * (torch.arange(planes).double() + 0.5) / planes).square()
        self._lateral = edge_window(shape, width)
        self._along_z = along_z
        self.window = along_z[:, None, None] * self._lateral

    def axial_frequency(self, k: tuple[float, float]) -> float:
        """Return kz of a first order at k."""
        own = 1000.0 * self.known.detection.refractive_index / self.known.excitation_nm
        return own - math.sqrt(max(own**2 - math.hypot(*k) ** 2, 0.0))

    def transfer(
        self,
        shift: tuple[float, float],
        kz: float = 0.0,
        psi: float = 0.0,
        at: Tensor | None = None,
    ) -> Tensor:
        """Return the transfer function [kz, y, x] at f - shift, with axial fringes if any.

        With `at`, [y, x] true at some places, only there: [kz, place].
        """
        kernel = self._focus.modulated(kz, psi)
        table = stack_transfer(kernel, self._planes, self._focus.first)
        distance = self.distance(shift)
        return sampled(table, (distance if at is None else distance[at]) / self.cutoff)

    def both(self, shift: tuple[float, float], haze: float) -> Tensor:
        """Return where two bands, one of them moved by `shift`, hold structure, [y, x].

        Parameters
        ----------
        haze
            Of the cut-off: how near to the centre of either nothing is asked for.
        """
        at = torch.ones(self.shape, dtype=torch.bool)
        for one in ((0.0, 0.0), shift):
            relative = self.distance(one) / self.cutoff
            at &= (relative > haze) & (relative < _FARTHEST)
        return at

    def kernel(
        self, shift: tuple[float, float], at: Tensor, kz: float = 0.0, psi: float = 0.0
    ) -> Tensor:
        """Return how planes spread along z at f - shift, [distance, place].

        Parameters
        ----------
        at
            [y, x] true at the places.
        kz, psi
            Of axial fringes, if any.
        """
        relative = self.distance(shift)[at] / self.cutoff
        return sampled(self._every.modulated(kz, psi), relative)

    def seen_through(self, planes: Tensor, kernel: Tensor) -> Tensor:
        """Return planes [z, place] convolved along z, those in the middle of the stack most."""
        around = kernel.roll(1 - self._planes, 0)
        spectrum = torch.fft.fft(planes, n=len(kernel), dim=0) * torch.fft.fft(around, dim=0)
        return torch.fft.ifft(spectrum, dim=0)[: self._planes] * self._along_z[:, None]

    def noise_alike(self, one: Tensor, other: Tensor) -> Tensor:
        """Return the product of white noise of variance 1, seen through two kernels, summed."""
        z = torch.arange(self._planes)[:, None]
        from_z = z - torch.arange(1 - self._planes, self._planes)
        there = (from_z >= 0) & (from_z < self._planes)
        times = (there * self._along_z.square()[:, None]).sum(dim=0)
        return (times[:, None] * one * other).sum()

    def distance(self, shift: tuple[float, float]) -> Tensor:
        """Return the length of f - shift on the grid, [y, x] cycles/µm."""
        return torch.sqrt((self.fx - shift[0]) ** 2 + (self.fy - shift[1]) ** 2)

    def wave(self, k: tuple[float, float]) -> Tensor:
        """Return exp(2 pi i k.r), [y, x]."""
        turns = 2j * torch.pi
        return torch.exp(turns * k[1] * self.y) * torch.exp(turns * k[0] * self.x)

    def spectrum(self, planes: Tensor) -> Tensor:
        """Return the spectrum [kz, y, x] of planes [z, y, x], their borders faded."""
        return torch.fft.fft(torch.fft.fft2(planes * self.window), dim=0)

    def lateral(self, planes: Tensor) -> Tensor:
        """Return the lateral spectra [z, y, x] of planes, their borders faded."""
        return torch.fft.fft2(planes * self._lateral)

    @property
    def noise_in_plane(self) -> float:
        """The power that white noise of variance 1 has in a lateral spectrum."""
        return float(self._lateral.square().sum())

    @property
    def noise(self) -> float:
        """The power that white noise of variance 1 has in a spectrum, the same everywhere."""
        return float(self.window.square().sum())


def noise_of(stack: VolumeStack, zero: Tensor) -> float:
    """Return the variance of a pixel's noise, from frequencies that no light reaches.

    What is white beyond the cut-off is noise, whatever the camera's gain; where the pixels are so
    coarse that nothing lies there, noise is taken to be none.
    """
    beyond = stack.distance((0.0, 0.0)) > _DARK * stack.cutoff
    if int(beyond.sum()) < _LEAST_DARK:
        return 0.0
    power = stack.spectrum(zero).abs().square()[:, beyond]
    return float(power.median()) / math.log(2.0) / stack.noise
