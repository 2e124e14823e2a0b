"""Compute the least error that any unbiased estimate of the pattern can have."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from livesim.reconstruction.grid import frequency_axes, positions
from livesim.values.pattern import Pattern
from tests.support.scenes import Scene

_ITERATIONS = 200
_TOLERANCE = 1e-4


@dataclass(frozen=True, slots=True)
class Bound:
    """Standard deviations: rms over the angles."""

    k_px: float
    """Length of the error of k, in pixels of the field's spectrum."""
    phase_deg: float
    """Rms of the frames' phases at the field's centre."""
    modulation: float


class _Model:
    """The expected frames of a scene as a linear map of the object."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        pixel = scene.pattern.pixel_nm / 1000.0
        fine = pixel / 2.0
        shape = (scene.truth.shape[0], scene.truth.shape[1])
        fy, fx = frequency_axes(shape, fine)
        self.transfer = scene.otf.at(fy, fx[:, : shape[1] // 2 + 1]).float()
        y, x = positions(shape, fine)
        centre_y, centre_x = (float(axis.mean()) - fine / 2 for axis in (y, x))
        self.y, self.x = y - centre_y, x - centre_x
        self.centre = (centre_x, centre_y)
        self.lengths = (shape[1] * fine, shape[0] * fine)
        self.shape = shape
        self.light, self.slopes = self._light(scene.pattern)
        self.weight = 1.0 / (scene.expected.flatten(0, 1).float() + scene.camera.read_noise**2)

    def _light(self, pattern: Pattern) -> tuple[Tensor, Tensor]:
        light, slopes = [], []
        for number, angle in enumerate(pattern.angles):
            kx, ky = angle.k_cycles_per_um
            carrier = 2 * torch.pi * (kx * self.x + ky * self.y)
            shift = 2 * torch.pi * (kx * self.centre[0] + ky * self.centre[1])
            phases = [phase + shift for phase in angle.phases_rad]
            (m,) = angle.modulation
            light += [1 + m * torch.cos(carrier + p) for p in phases]
            sines = [-m * torch.sin(carrier + p) for p in phases]
            zero = torch.zeros(self.shape, dtype=torch.float64)
            block = [[2 * torch.pi * self.x / self.lengths[0] * s for s in sines]]
            block += [[2 * torch.pi * self.y / self.lengths[1] * s for s in sines]]
            block += [[torch.cos(carrier + p) for p in phases]]
            block += [
                [sine if n == frame else zero for n, sine in enumerate(sines)]
                for frame in range(len(phases))
            ]
            before = number * len(phases)
            after = (len(pattern.angles) - number - 1) * len(phases)
            empty = [zero] * before, [zero] * after
            slopes += [torch.stack([*empty[0], *row, *empty[1]]).float() for row in block]
        return torch.stack(light).float(), torch.stack(slopes)

    def blur(self, emitted: Tensor) -> Tensor:
        spectrum = torch.fft.rfft2(emitted) * self.transfer
        return torch.fft.irfft2(spectrum, s=self.shape)[..., ::2, ::2]

    def blur_back(self, frames: Tensor) -> Tensor:
        fine = frames.new_zeros(*frames.shape[:-2], *self.shape)
        fine[..., ::2, ::2] = frames
        return torch.fft.irfft2(torch.fft.rfft2(fine) * self.transfer, s=self.shape)

    def forward(self, thing: Tensor) -> Tensor:
        return torch.stack([self.blur(thing * light) for light in self.light])

    def adjoint(self, frames: Tensor) -> Tensor:
        """Apply the transpose of `forward`."""
        parts = [
            light * self.blur_back(frame) for light, frame in zip(self.light, frames, strict=True)
        ]
        return torch.stack(parts).sum(dim=0)

    def slope(self, number: int) -> Tensor:
        thing = self.scene.truth.float()
        return torch.stack([self.blur(thing * light) for light in self.slopes[number]])


def _prior(model: _Model) -> Tensor:
    """Return the inverse power spectrum of the object per sample (rotational average)."""
    thing = model.scene.truth
    power = torch.fft.rfft2(thing - thing.mean()).abs().square() / thing.numel()
    fine = model.scene.pattern.pixel_nm / 2000.0
    fy, fx = frequency_axes(model.shape, fine)
    radius = torch.sqrt(fy**2 + fx[:, : model.shape[1] // 2 + 1] ** 2)
    step = 1.0 / (min(model.shape) * fine)
    ring = (radius / step).round().long()
    counts = torch.bincount(ring.flatten())
    mean = torch.bincount(ring.flatten(), weights=power.flatten()) / counts.clamp(min=1)
    mean[0] = float(thing.mean()) ** 2 * thing.numel()
    return (1.0 / mean.clamp(min=float(mean.max()) * 1e-12))[ring].float()


def information(scene: Scene, *, object_known: bool) -> Tensor:
    """Return the Fisher information of (kx, ky, modulation, phases) of every angle."""
    model = _Model(scene)
    slopes = torch.stack([model.slope(n) for n in range(len(model.slopes))])
    weighted = slopes * model.weight
    fisher = torch.einsum("afyx,bfyx->ab", weighted.double(), slopes.double())
    if object_known:
        return fisher
    prior = _prior(model)
    gain = float(model.weight.mean()) / 4 * len(model.light)
    precondition = 1.0 / (prior + gain * model.transfer.square() * 1.2 + 1e-9 * prior.max())

    def hessian(thing: Tensor) -> Tensor:
        data = model.adjoint(model.weight * model.forward(thing))
        return data + torch.fft.irfft2(torch.fft.rfft2(thing) * prior, s=model.shape)

    for a in range(len(slopes)):
        right = model.adjoint(weighted[a])
        solved = _solve(hessian, precondition, right)
        response = model.forward(solved)
        fisher[a] -= torch.einsum("bfyx,fyx->b", weighted.double(), response.double())
    return 0.5 * (fisher + fisher.T)


def _solve(hessian: Callable[[Tensor], Tensor], precondition: Tensor, right: Tensor) -> Tensor:
    """Solve hessian(x) = right by preconditioned conjugate gradients."""
    shape = (right.shape[0], right.shape[1])
    x, rest = torch.zeros_like(right), right.clone()
    ahead = torch.fft.irfft2(torch.fft.rfft2(rest) * precondition, s=shape)
    size = first = float((rest * ahead).sum())
    way = ahead
    for _ in range(_ITERATIONS):
        image = hessian(way)
        step = size / float((way * image).sum())
        x += step * way
        rest -= step * image
        ahead = torch.fft.irfft2(torch.fft.rfft2(rest) * precondition, s=shape)
        before, size = size, float((rest * ahead).sum())
        if size < _TOLERANCE**2 * first:
            break
        way = ahead + size / before * way
    return x


def bound(scene: Scene, *, object_known: bool = False) -> Bound:
    """Return the bound on the errors of a scene's pattern, brightness of the frames known.

    With the object known it is the plain Cramér-Rao bound, which no estimate can beat. Otherwise
    the object is a nuisance with a Gaussian prior of its own power spectrum (hybrid bound, Noam and
    Messer, IEEE Trans. Signal Process. 57, 2009); where light is so weak that the prior decides,
    it falls back to the first and is too optimistic.
    """
    fisher = information(scene, object_known=object_known)
    covariance = torch.linalg.inv(fisher).diagonal().reshape(len(scene.pattern.angles), -1)
    return Bound(
        float(covariance[:, :2].sum(1).mean().sqrt()),
        float(torch.rad2deg(covariance[:, 3:].mean().sqrt())),
        float(covariance[:, 2].mean().sqrt()),
    )
