"""Make one training sample of a scene at a photon level."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from livesim.config.settings import Camera, Reconstruction
from livesim.reconstruction.otf import Otf
from livesim.reconstruction.plan import Plan, make_plan
from livesim.reconstruction.reconstructor import Reconstructor
from livesim.values.pattern import NoiseToSignal, Pattern, PatternAngle
from livesim_models.data.draw import exposed, thinned
from livesim_models.data.scene import Scene
from livesim_models.normalisation import levels_of

_PHASE_ERROR_RAD = math.radians(1.0)
_MODULATION_ERROR = 0.03
_WIENER_ERROR = 0.5
"""Standard deviation of the logarithm of the noise-to-signal ratio as calibrated."""


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """The input of both networks, and the images that they should return."""

    low: Tensor
    """[frame, y, x] photo-electrons as measured."""
    clean: Tensor
    """[frame, y, x] what step one should return."""
    target: Tensor
    """[2 y, 2 x] what step two should return, photo-electrons per raw pixel."""
    plan: Plan
    """For frames in photo-electrons."""
    levels: Tensor
    """[2] what counts as 0 and as 1."""
    read_noise: float
    pattern: Pattern
    """The illumination as it is known."""


def simulated_sample(
    scene: Scene, photons: float, read_noise: float, generator: torch.Generator
) -> Sample:
    """Return a sample of a scene without noise, `photons` at its brightest widefield pixel.

    The pattern is known as well as a calibration knows it, not better.
    """
    if scene.truth is None or scene.pattern.noise_to_signal is None:
        raise ValueError(
            f"expected a scene with its truth, found a measured one: {scene.recording}"
        )
    mean = photons * scene.frames.float().flatten(0, 1)
    low = exposed(mean, read_noise, generator)
    variance = float(mean.mean()) + read_noise**2
    off = math.exp(_WIENER_ERROR * float(torch.randn((), generator=generator)))
    noise = scaled(scene.pattern.noise_to_signal, off * variance / photons**2)
    known = replace(_calibrated(scene.pattern, generator), noise_to_signal=noise)
    levels = levels_of(low.mean(dim=0))
    return Sample(
        low=low,
        clean=mean,
        target=photons * scene.truth.float(),
        plan=make_plan(known, Otf.theoretical(scene.optics), Camera(), Reconstruction()),
        levels=torch.tensor([levels.low, levels.high]),
        read_noise=read_noise,
        pattern=known,
    )


def measured_sample(scene: Scene, scale: float, generator: torch.Generator) -> Sample:
    """Return a sample of a measured scene; the target is what its photons show.

    What the networks are given was measured in less light, or the photons are thinned `scale`
    times. Those kept and those taken away are independent, so step one is shown the latter, scaled:
    it cannot learn the noise (Batson & Royer, Noise2Self, ICML 2019; count splitting).
    """
    photons = scene.frames.float().flatten(0, 1)
    if scene.low is not None:
        low = scene.low.float().flatten(0, 1)
        scale = float(photons.mean() / low.mean().clamp(min=1e-6))
        rest = photons / scale
    else:
        kept = thinned(photons, scale, generator)
        rest = (photons - kept) / (scale - 1.0)
        low = kept + scene.read_noise * torch.randn(kept.shape, generator=generator)
    pattern = scene.pattern
    otf = Otf.theoretical(scene.optics)
    good = make_plan(pattern, otf, Camera(), Reconstruction())
    noise = pattern.noise_to_signal
    weaker = None if noise is None else scaled(noise, scale)
    plan = make_plan(replace(pattern, noise_to_signal=weaker), otf, Camera(), Reconstruction())
    levels = levels_of(low.mean(dim=0))
    return Sample(
        low=low,
        clean=rest,
        target=Reconstructor(good)(photons[None]).image[0] / scale,
        plan=plan,
        levels=torch.tensor([levels.low, levels.high]),
        read_noise=scene.read_noise,
        pattern=pattern,
    )


def scaled(noise: NoiseToSignal, factor: float) -> NoiseToSignal:
    """Return the noise-to-signal ratio `factor` times as high."""
    return replace(noise, at_cutoff=factor * noise.at_cutoff)


def _calibrated(pattern: Pattern, generator: torch.Generator) -> Pattern:
    """Return the pattern with the errors of an estimate in little light."""

    def known(angle: PatternAngle) -> PatternAngle:
        errors = torch.randn(len(angle.phases_rad) + 1, generator=generator).tolist()
        phases = zip(angle.phases_rad, errors, strict=False)
        off = 1.0 + _MODULATION_ERROR * errors[-1]
        return replace(
            angle,
            phases_rad=tuple(phase + _PHASE_ERROR_RAD * error for phase, error in phases),
            modulation=tuple(off * m for m in angle.modulation),
        )

    return replace(pattern, angles=tuple(known(angle) for angle in pattern.angles))
