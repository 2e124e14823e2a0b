"""Predict the photons of a stack of planes under three-beam light, fixed to the objective."""

from __future__ import annotations

import torch
from torch import Tensor

from livesim.config.settings import Optics
from livesim.reconstruction.grid import positions
from livesim.reconstruction.layout import Layout
from livesim.reconstruction.otf import Otf
from livesim.reconstruction.volume.defocus import ThroughFocus, sampled
from livesim.values.pattern import PatternAngle
from livesim.values.volume_pattern import VolumePattern


def expected_volume(
    specimen: Tensor, pattern: VolumePattern, optics: Optics, *, first: int = 0
) -> Tensor:
    """Return the mean photo-electrons of every raw frame, [z, angle, phase, y, x].

    Every layer of the specimen reaches every frame, blurred by its distance from the focal plane;
    nothing wraps around in z. Each angle costs a transform of every layer and order.

    Parameters
    ----------
    specimen
        [layer, 2 y, 2 x] photo-electrons per raw pixel that each layer would give in focus in
        uniform light, non-negative; layers lie as far apart as planes.
    pattern
        The illumination and the planes.
    optics
        Of the detection; its pupil gives the blur of every distance.
    first
        The layer that the first plane has in focus; layers before it lie out of the stack.
    """
    pixel_um = pattern.lateral.pixel_nm / 1000.0
    layers, planes = len(specimen), pattern.planes
    focus = ThroughFocus.of(optics, pattern.z_step_um, first - layers + 1, planes + layers - 1)
    shape = pattern.lateral.shape
    model = _Imaging(Layout(shape, pixel_um, Otf(focus.cutoff)), focus, first, planes)
    zero = model(specimen.to(torch.complex128), focus.table).real
    frames = []
    for number, angle in enumerate(pattern.lateral.angles):
        kernels = _kernels(pattern, focus, number)
        orders = [
            model(specimen * _wave(angle, harmonic, model.layout), kernels[harmonic - 1])
            for harmonic in (1, 2)
        ]
        frames.append(torch.stack(_frames(angle, zero, orders), dim=1))
    return torch.stack(frames, dim=1).clamp(min=0.0)


def _kernels(pattern: VolumePattern, focus: ThroughFocus, number: int) -> tuple[Tensor, Tensor]:
    """Return what the first and the second order of an angle are blurred with."""
    k = pattern.lateral.angles[number].k_cycles_per_um
    phase = pattern.axial_phases_rad[number]
    return focus.modulated(pattern.axial_frequency(k), phase), focus.table


def _frames(angle: PatternAngle, zero: Tensor, orders: list[Tensor]) -> list[Tensor]:
    """Return the frames [z, y, x] of one angle from its blurred orders."""
    brightness = angle.intensity or (1.0,) * len(angle.phases_rad)
    frames = []
    for phase, bright in zip(angle.phases_rad, brightness, strict=True):
        total = zero.clone()
        for harmonic, (strength, order) in enumerate(
            zip(angle.modulation, orders, strict=True), start=1
        ):
            turn = torch.polar(torch.ones(()).double(), torch.tensor(harmonic * phase).double())
            total += strength * (turn * order).real
        frames.append(bright * total)
    return frames


def _wave(angle: PatternAngle, harmonic: int, layout: Layout) -> Tensor:
    """Return exp(2 pi i h k.r) on the doubled grid."""
    kx, ky = (2.0 * torch.pi * harmonic * k for k in angle.k_cycles_per_um)
    shape = (2 * layout.shape[0], 2 * layout.shape[1])
    y, x = positions(shape, layout.pixel_um / 2.0)
    return torch.exp(1j * (ky * y)) * torch.exp(1j * (kx * x))


class _Imaging:
    """Blurs layers [layer, 2 y, 2 x] by their distance from each plane, and samples raw frames."""

    def __init__(self, layout: Layout, focus: ThroughFocus, first: int, planes: int) -> None:
        self.layout, self._first, self._planes = layout, first, planes
        gx = torch.arange(-layout.reach_x, layout.reach_x + 1)[None, :]
        gy = torch.arange(-layout.reach_y, layout.reach_y + 1)[:, None]
        fx, fy = layout.frequencies(gx, gy)
        self._relative = torch.sqrt(fx * fx + fy * fy) / focus.cutoff
        self._rows, self._columns = gy[:, 0], gx[0]

    def __call__(self, emitted: Tensor, kernel: Tensor) -> Tensor:
        """Return the planes [z, y, x], complex."""
        spectra = torch.stack([self._box(torch.fft.fft2(layer)) for layer in emitted])
        count = len(kernel)
        along_z = torch.fft.fft(spectra, n=count, dim=0)
        transfer = sampled(torch.fft.fft(kernel, dim=0), self._relative)
        # Row 0 of the kernel is the greatest distance of a layer beyond the first plane.
        seen = torch.fft.ifft(along_z * transfer, dim=0)[-self._planes :]
        return torch.stack([self._frame(plane) for plane in seen])

    def _box(self, spectrum: Tensor) -> Tensor:
        return spectrum[self._rows % spectrum.shape[0]][:, self._columns % spectrum.shape[1]]

    def _frame(self, box: Tensor) -> Tensor:
        """Return the raw frame [y, x] of a plane's spectrum inside the OTF."""
        whole = box.new_zeros(self.layout.shape)
        rows = (self._rows % whole.shape[0])[:, None]
        whole[rows, self._columns % whole.shape[1]] = box
        return torch.fft.ifft2(whole) / 4.0
