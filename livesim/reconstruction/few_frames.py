"""Reconstruct raw stacks of too few frames: least squares, with the object's power as a prior.

One or two phases of an angle do not separate its bands. But all frames show one object x in lights
I_n that are known, d_n = H (I_n x) + noise, and of objects it is known how their power falls with
the frequency. The image of the least mean square error solves

    (sum_n I_n H² I_n + R) x = sum_n I_n H d_n

with R the noise of a frame over the object's power (Orieux et al., IEEE Trans. Image Process. 21,
601, 2012, with the prior that the Wiener filter here has). For full stacks of equal phases it is
that filter. Borders count as periodic.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from livesim.config.pattern import FEWEST_FRAMES
from livesim.config.settings import Camera, Reconstruction
from livesim.reconstruction.filters import apodization, wiener_floor
from livesim.reconstruction.forward.illumination import Illumination, illumination
from livesim.reconstruction.grid import frequency_axes
from livesim.reconstruction.otf import Otf
from livesim.reconstruction.separation import groups
from livesim.values.pattern import NoiseToSignal, Pattern, PatternAngle

STEPS = 60
"""Of conjugate gradients: in strong light fewer leave coarse errors."""
_ENOUGH = 1e-8
"""Of the first residual's squared length, as steps are scaled: with less, images change no more."""
_TINY = 1e-30
"""A dark stack's image is dark, not 0 / 0."""
_DARKEST = 0.02
"""Of the mean squared light, what the darkest place counts as at least while solving."""


def of_frames(pattern: Pattern, frames: Sequence[int]) -> Pattern:
    """Return the pattern of raw stacks that hold some frames of a pattern's own stacks alone.

    Parameters
    ----------
    frames
        Places in the raw stack, angle by angle.

    Raises
    ------
    ValueError
        If there are fewer than three, one is not there, or angles have unlike numbers of frames.
    """
    phases = len(pattern.angles[0].phases_rad)
    whole = phases * len(pattern.angles)
    own = [[at % phases for at in sorted(set(frames)) if at // phases == n] for n in _each(pattern)]
    good = len(frames) >= FEWEST_FRAMES and all(0 <= at < whole for at in frames)
    if pattern.layout != "angle-phase" or not good or len({len(one) for one in own}) != 1:
        raise ValueError(
            f"expected {FEWEST_FRAMES} or more frames from 0 to {whole - 1}, as many of each of "
            f"{len(pattern.angles)} angles, found {', '.join(map(str, frames))}"
        )
    angles = tuple(map(_with_phases, pattern.angles, own))
    found = replace(pattern, angles=angles, noise_to_signal=_noise(pattern, phases / len(own[0])))
    if not found.too_few_frames:
        return found
    words = (
        f"{len(frames)} frames in a raw stack do not separate its bands: images are least squares "
        "with the object's usual power as a prior, and show less than those of full stacks"
    )
    return replace(found, warnings=(*found.warnings, words), doubts=(*found.doubts, words))


def _each(pattern: Pattern) -> range:
    return range(len(pattern.angles))


def _with_phases(angle: PatternAngle, phases: Sequence[int]) -> PatternAngle:
    intensity = tuple(angle.intensity[n] for n in phases) if angle.intensity else ()
    return replace(
        angle, phases_rad=tuple(angle.phases_rad[n] for n in phases), intensity=intensity
    )


def _noise(pattern: Pattern, factor: float) -> NoiseToSignal | None:
    found = pattern.noise_to_signal
    return None if found is None else replace(found, at_cutoff=factor * found.at_cutoff)


@dataclass(frozen=True, eq=False)
class FewFrames:
    """What the images of such raw stacks need, prepared; on the doubled grid."""

    light: Tensor
    """[frame, 2 y, 2 x]."""
    passed: Tensor
    """[2 y, x + 1], as all of a half spectrum: the OTF where the raw grid holds the frequency."""
    floor: Tensor
    """[2 y, x + 1] noise of a frame over the object's power."""
    expected: Tensor
    """[2 y, x + 1] what the operator does to a frequency in the mean, by which steps are scaled."""
    evening: Tensor
    """[2 y, 2 x] by which places of unlike light are scaled."""
    low_pass: Tensor
    """[2 y, x + 1] the apodization."""
    offset: float
    gain: float

    @classmethod
    def of(cls, pattern: Pattern, otf: Otf, camera: Camera, settings: Reconstruction) -> FewFrames:
        """Return what raw stacks of `pattern` in counts need."""
        shape, fine_um = (2 * pattern.shape[0], 2 * pattern.shape[1]), pattern.pixel_nm / 2000.0
        lights = [illumination(Illumination.of(one), shape, fine_um) for one in groups(pattern)]
        light = torch.cat(lights)
        fy, fx = frequency_axes(shape, fine_um)
        fx = fx[:, : shape[1] // 2 + 1].abs()
        frequency, nyquist = torch.hypot(fy, fx), 0.25 / fine_um
        passed = otf(frequency) * ((fy.abs() < nyquist) & (fx < nyquist))
        phases = len(pattern.angles[0].phases_rad)
        floor = phases * wiener_floor(frequency, settings.wiener, pattern.noise_to_signal, otf)
        power = light.square().mean(dim=0)
        reach = otf.cutoff + max(math.hypot(*angle.k_cycles_per_um) for angle in pattern.angles)
        return cls(
            light=light.float(),
            passed=passed.float(),
            floor=floor.float(),
            expected=(_expected(pattern, otf, fy, fx) + floor).float(),
            evening=(power / power.mean()).clamp(min=_DARKEST).rsqrt().float(),
            low_pass=apodization(frequency, settings.apodization, otf, reach).float(),
            offset=camera.offset,
            gain=camera.gain,
        )

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """All of them."""
        return (
            self.light, self.passed, self.floor, self.expected, self.evening, self.low_pass
        )  # fmt: skip

    def mapped(self, change: Callable[[Tensor], Tensor]) -> FewFrames:
        """Return the same with every tensor replaced by what `change` makes of it."""
        return replace(
            self,
            light=change(self.light),
            passed=change(self.passed),
            floor=change(self.floor),
            expected=change(self.expected),
            evening=change(self.evening),
            low_pass=change(self.low_pass),
        )

    def for_photons(self) -> FewFrames:
        """Return the same for frames in photo-electrons."""
        return replace(self, offset=0.0, gain=1.0)

    def image(self, frames: Tensor) -> Tensor:
        """Return the image [2 y, 2 x], photo-electrons per raw pixel, of frames [frame, y, x]."""
        photons = (frames.float() - self.offset) / self.gain
        residual = self._back(photons)
        image = torch.zeros_like(residual)
        scaled = self._scaled(residual)
        step, length = scaled, (residual * scaled).sum()
        enough = _ENOUGH * length
        for _ in range(STEPS):
            if length.device.type == "cpu" and length <= enough:
                break  # a GPU replays what it has captured, all steps
            moved = self._normal(step)
            share = length / (step * moved).sum().clamp(min=_TINY)
            image, residual = image + share * step, residual - share * moved
            scaled = self._scaled(residual)
            before, length = length, (residual * scaled).sum()
            step = scaled + length / before.clamp(min=_TINY) * step
        return self._filtered(image, self.low_pass)

    def _back(self, photons: Tensor) -> Tensor:
        """Return sum_n I_n H d_n."""
        total = torch.zeros_like(self.evening)
        spread = torch.zeros_like(total)
        for light, frame in zip(self.light, photons, strict=True):
            spread[::2, ::2] = 4.0 * frame
            total += light * self._filtered(spread, self.passed)
        return total

    def _normal(self, image: Tensor) -> Tensor:
        """Return (sum_n I_n H² I_n + R) of an image."""
        total, squared = self._filtered(image, self.floor), self.passed.square()
        for light in self.light:
            total += light * self._filtered(light * image, squared)
        return total

    def _scaled(self, residual: Tensor) -> Tensor:
        return self.evening * self._filtered(self.evening * residual, 1.0 / self.expected)

    def _filtered(self, image: Tensor, factors: Tensor) -> Tensor:
        return torch.fft.irfft2(torch.fft.rfft2(image) * factors, s=image.shape)


def _expected(pattern: Pattern, otf: Otf, fy: Tensor, fx: Tensor) -> Tensor:
    """Return sum_n I_n H² I_n on its diagonal, at frequencies fx >= 0 and fy."""
    total = torch.zeros(fy.shape[0], fx.shape[1], dtype=torch.float64)
    for angle in pattern.angles:
        frames = len(angle.phases_rad)
        total += frames * otf(torch.hypot(fy, fx)).square()
        for number, modulation in enumerate(angle.modulation):
            kx, ky = ((number + 1) * k for k in angle.k_cycles_per_um)
            for sign in (-1.0, 1.0):
                moved = otf(torch.hypot(fy + sign * ky, fx + sign * kx))
                total += frames * (0.5 * modulation * moved).square()
    return total
