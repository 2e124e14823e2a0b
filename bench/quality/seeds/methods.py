"""Make the image of a field by each method that is compared."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np
import torch
from torch import Tensor

from bench.quality.restored import Restorer, arbiter, arbitrated, passband_of
from bench.quality.seeds.estimation import (
    PIXEL_NM,
    Angle,
    cross_correlation,
    estimated,
    fairsim,
    opensim,
)
from bench.quality.seeds.fields import Field
from bench.quality.seeds.stacks import Picture
from livesim.config.settings import Apodization, Camera, Optics, Reconstruction, Settings
from livesim.pipeline.calibration import calibrate
from livesim.reconstruction.camera_noise import (
    CameraNoise,
    NoiseUnknownError,
    measure_camera_noise,
)
from livesim.reconstruction.otf import Otf
from livesim.reconstruction.plan import make_plan
from livesim.reconstruction.reconstructor import Reconstructor
from livesim.values.frames import RawStack, StackIndex
from livesim.values.pattern import Pattern, PatternAngle
from livesim_models.trust.fission import mean_light, noise_variance

EMISSION_NM = 525.0
WIENERS = (0.02, 0.05, 0.1, 0.2, 0.5)
"""From which the best one is chosen for methods of others, with the truth, as their parameters were
"adjusted to produce the highest achievable output quality" in ML-SIM's comparison."""
SEED = 77
"""Of the fissions."""
FAIRSIM = Apodization(shape="triangle", cutoff="auto")

Restore = Callable[[Tensor], Tensor]
"""Frames of the field, [angle, phase, y, x] counts -> image, on the raw or on the doubled grid."""


@dataclass(frozen=True, slots=True)
class Method:
    """A way from a raw stack to an image."""

    begin: Callable[[Field, float], Restore]
    """Estimates what it needs of a field, for a parameter of its filter."""
    wieners: tuple[float, ...] = (0.0,)
    """Parameters of which the best one counts; a single one is not looked at."""

    def restores(self, field: Field) -> Iterator[Restore]:
        """Yield what makes the image, once for every parameter; each works until the next one."""
        for wiener in self.wieners:
            yield self.begin(field, wiener)


@dataclass(frozen=True, slots=True, eq=False)
class Calibrated:
    """What livesim finds of a field by itself."""

    settings: Settings
    pattern: Pattern
    noise: CameraNoise | None

    @property
    def otf(self) -> Otf:
        """The OTF that was found with the pattern."""
        return Otf.under(self.pattern, self.settings.optics)

    def photons(self, frames: Tensor) -> Tensor:
        """Return counts as photo-electrons [frame, y, x]."""
        return frames.flatten(0, 1) / self.settings.camera.gain

    def variance(self, photons: Tensor) -> Tensor:
        """Return the noise's variance [frame, y, x] of photo-electrons, as it is measured."""
        gain = self.settings.camera.gain
        if self.noise is None:
            return noise_variance(photons, 0.0)
        return self.noise.variance(mean_light(photons) * gain).clamp(min=0.1 * gain) / gain**2


def settings_of(field: Field) -> Settings:
    """Return the settings of a microscope with the field's cut-off."""
    aperture = 1000.0 * field.cutoff / PIXEL_NM * EMISSION_NM / 2000.0
    optics = Optics(numerical_aperture=aperture, emission_nm=EMISSION_NM, pixel_nm=PIXEL_NM)
    return Settings(optics=optics)


@lru_cache(maxsize=1)
def calibrated(field: Field) -> Calibrated:
    """Return what livesim finds of a field; nothing is told but the nominal cut-off.

    No camera took these frames: a photo-electron is so many counts that its noise is what is
    measured at the mean brightness.
    """
    settings, noise, gain = settings_of(field), _noise(field), 1.0
    if noise is not None:
        mean = float(field.frames.mean())
        gain = float(noise.variance(torch.tensor([mean]))) / mean
    settings = settings.model_copy(update={"camera": Camera(gain=gain)})
    stack = RawStack("seeds", StackIndex(), field.frames.numpy())
    return Calibrated(settings, calibrate([stack], settings), noise)


def _noise(field: Field) -> CameraNoise | None:
    """Return the measured noise; None where the frames hold none that shows."""
    optics = settings_of(field).optics
    try:
        return measure_camera_noise(
            field.frames.flatten(0, 1), PIXEL_NM / 1000.0, optics.cutoff_cycles_per_um
        )
    except NoiseUnknownError:
        return None


def widefield(_: Field, __: float) -> Restore:
    """Make the mean frame."""
    return lambda frames: frames.mean(dim=(0, 1))


def plain(apodization: Apodization, field: Field, _: float) -> Restore:
    """Make livesim's own image without networks."""
    own = calibrated(field)
    settings = Reconstruction(apodization=apodization)
    reconstruct = Reconstructor(make_plan(own.pattern, own.otf, own.settings.camera, settings))
    return lambda frames: reconstruct(frames[None]).image[0]


def network(name: str, arbitrate: bool, field: Field, _: float) -> Restore:
    """Make the image of networks, alone or as photons decide; the weights are those of the stack.

    Raises
    ------
    SettingsError
        If there is no such network.
    """
    own = calibrated(field)
    plan = make_plan(own.pattern, own.otf, Camera(), Reconstruction())
    restorer = Restorer(plan, 0.0, name, passband_of(plan, own.pattern, own.otf))
    if not arbitrate:
        return lambda frames: restorer.network(own.photons(frames))
    judge = arbiter(plan, own.pattern, own.otf)

    def restore(frames: Tensor) -> Tensor:
        photons = own.photons(frames)
        ways = restorer.plain, restorer.network
        return arbitrated(judge, photons, own.variance(photons), *ways, SEED).image

    return restore


@lru_cache(maxsize=1)
def _estimated(field: Field, method: Callable[[Angle], PatternAngle]) -> Pattern:
    return estimated(field, method)


def forget() -> None:
    """Forget what was estimated of the last field, so that it takes its time again."""
    calibrated.cache_clear()
    _estimated.cache_clear()


def other(
    method: Callable[[Angle], PatternAngle], shape: Apodization, field: Field, wiener: float
) -> Restore:
    """Make the image with the pattern of another method, and the Wiener filter of them all."""
    settings = Reconstruction(wiener=wiener, apodization=shape)
    otf = Otf.theoretical(settings_of(field).optics.model_copy(update={"otf_damping": 1.0}))
    plan = make_plan(_estimated(field, method), otf, Camera(), settings)
    reconstruct = Reconstructor(plan)
    return lambda frames: reconstruct(frames[None]).image[0]


def on_input_grid(image: Tensor, shape: tuple[int, int]) -> Picture:
    """Return an image on the grid of the raw frames: of a doubled one its lower frequencies."""
    values = image.double().numpy()
    if values.shape == shape:
        return values
    (rows, columns), spectrum = shape, np.fft.fftshift(np.fft.fft2(values))
    top, left = (values.shape[0] - rows) // 2, (values.shape[1] - columns) // 2
    inner = np.fft.ifftshift(spectrum[top : top + rows, left : left + columns])
    return np.asarray(np.fft.ifft2(inner).real * inner.size / values.size)


NO_APODIZATION = Apodization(shape="none")
OWN: Mapping[str, Method] = {
    "widefield": Method(widefield),
    "livesim, plain": Method(partial(plain, Apodization())),
    "livesim, plain, no apodization": Method(partial(plain, NO_APODIZATION)),
}
OTHERS: Mapping[str, Method] = {
    "OpenSIM's estimate": Method(partial(other, opensim, NO_APODIZATION), WIENERS),
    "CC-SIM's estimate": Method(partial(other, cross_correlation, NO_APODIZATION), WIENERS),
    "fairSIM's estimate and filter": Method(partial(other, fairsim, FAIRSIM), WIENERS),
}
NETWORKS = {"pair": "two steps", "universal": "universal"}
"""Name of a model -> what the table calls it; any other has its own name."""


def network_methods(names: list[str]) -> dict[str, Method]:
    """Return the methods of networks, each alone and arbitrated."""
    return {
        f"livesim, {NETWORKS.get(name, name)}, {word}": Method(partial(network, name, judged))
        for name in names
        for word, judged in (("alone", False), ("arbitrated", True))
    }
