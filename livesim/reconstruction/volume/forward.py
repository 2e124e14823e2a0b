"""Predict the photons of a stack of planes under three-beam light, fixed to the objective."""

from __future__ import annotations

import torch
from torch import Tensor

from livesim.reconstruction.forward.pupil import Pupil
from livesim.reconstruction.grid import positions
from livesim.reconstruction.layout import Layout
from livesim.reconstruction.otf import Otf
from livesim.reconstruction.volume.defocus import ThroughFocus, sampled
from livesim.values.pattern import PatternAngle
from livesim.values.volume_pattern import VolumePattern


def expected_volume(
    specimen: Tensor,
    pattern: VolumePattern,
    pupil: Pupil,
    *,
    first: int = 0,
    moved_um: Tensor | None = None,
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
    pupil
        Of the detection, rotationally symmetric; gives the blur of every distance.
    first
        The layer that the first plane has in focus; layers before it lie out of the stack.
    moved_um
        [angle, z, 3], by how much (z, y, x) the specimen has moved when a plane is taken: drift,
        or a stage that stops beside its plane. None: not at all.
    """
    pixel_um = pattern.lateral.pixel_nm / 1000.0
    layers, planes = len(specimen), pattern.planes
    focus = ThroughFocus.of(pupil, pattern.z_step_um, first - layers + 1, planes + layers - 1)
    layout = Layout(pattern.lateral.shape, pixel_um, Otf(focus.cutoff))
    still = specimen.new_zeros(1 if moved_um is None else len(moved_um), planes, 3)
    moves = still if moved_um is None else moved_um
    models = [_Imaging(layout, focus, one) for one in moves]
    spectra = models[0].spectra(specimen)
    zeros = [model(spectra, focus.table, (0.0, 0.0)).real for model in models]
    frames = []
    for number, angle in enumerate(pattern.lateral.angles):
        model = models[number % len(models)]
        kernels = _kernels(pattern, focus, number)
        orders = []
        for harmonic, kernel in enumerate(kernels, start=1):
            k = (harmonic * angle.k_cycles_per_um[0], harmonic * angle.k_cycles_per_um[1])
            orders.append(model(model.spectra(specimen, k), kernel, k))
        frames.append(torch.stack(_frames(angle, zeros[number % len(zeros)], orders), dim=1))
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


def _wave(k: tuple[float, float], layout: Layout) -> Tensor:
    """Return exp(2 pi i k.r) on the doubled grid."""
    kx, ky = (2.0 * torch.pi * one for one in k)
    shape = (2 * layout.shape[0], 2 * layout.shape[1])
    y, x = positions(shape, layout.pixel_um / 2.0)
    return torch.exp(1j * (ky * y)) * torch.exp(1j * (kx * x))


class _Imaging:
    """Blurs layers by their distance from each plane, and samples raw frames."""

    def __init__(self, layout: Layout, focus: ThroughFocus, moved_um: Tensor) -> None:
        self._layout, self._moved = layout, moved_um.to(torch.float64)
        gx = torch.arange(-layout.reach_x, layout.reach_x + 1)[None, :]
        gy = torch.arange(-layout.reach_y, layout.reach_y + 1)[:, None]
        self._fx, self._fy = layout.frequencies(gx, gy)
        self._relative = torch.sqrt(self._fx**2 + self._fy**2) / focus.cutoff
        self._rows, self._columns = gy[:, 0], gx[0]
        self._places = self._along_z(len(focus.table), focus.step_um)

    def spectra(self, specimen: Tensor, k: tuple[float, float] | None = None) -> Tensor:
        """Return the spectra [layer, fy, fx] inside the OTF, of the specimen times a wave."""
        wave = torch.ones(()) if k is None else _wave(k, self._layout)
        return torch.stack([self._box(torch.fft.fft2(layer * wave)) for layer in specimen])

    def __call__(self, spectra: Tensor, kernel: Tensor, k: tuple[float, float]) -> Tensor:
        """Return the planes [z, y, x], complex, of layers' spectra times the wave at k."""
        along_z = torch.fft.fft(spectra, n=len(kernel), dim=0)
        transfer = sampled(torch.fft.fft(kernel, dim=0), self._relative)
        seen = torch.tensordot(self._places, along_z * transfer, dims=1)
        return torch.stack([self._frame(one, z, k) for z, one in enumerate(seen)])

    def _along_z(self, count: int, step_um: float) -> Tensor:
        """Return the inverse transform [plane, frequency], at the planes' own places."""
        # Row 0 of a kernel is the greatest distance of a layer beyond the first plane.
        planes = torch.arange(count - len(self._moved), count) - self._moved[:, 0] / step_um
        turns = 2.0 * torch.pi * planes[:, None] * torch.fft.fftfreq(count).double()
        return torch.polar(torch.ones_like(turns), turns) / count

    def _box(self, spectrum: Tensor) -> Tensor:
        return spectrum[self._rows % spectrum.shape[0]][:, self._columns % spectrum.shape[1]]

    def _frame(self, box: Tensor, z: int, k: tuple[float, float]) -> Tensor:
        """Return the raw frame [y, x] of a plane's spectrum inside the OTF."""
        _, y, x = (float(one) for one in self._moved[z])
        if x or y:  # the wave stays where it is
            turns = k[0] * x + k[1] * y - (self._fx * x + self._fy * y)
            box = box * torch.exp(2j * torch.pi * turns)
        whole = box.new_zeros(self._layout.shape)
        rows = (self._rows % whole.shape[0])[:, None]
        whole[rows, self._columns % whole.shape[1]] = box
        return torch.fft.ifft2(whole) / 4.0
