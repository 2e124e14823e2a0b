"""Restore volumes by networks, as far as the photons of the volume support it."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from livesim.config.settings import Camera, Settings
from livesim.pipeline.volume.networks import VolumeNetworks
from livesim.reconstruction.noise_model import NoiseModel, believed_noise
from livesim.reconstruction.volume.plan import VolumePlan, greatest_step_nm
from livesim.reconstruction.volume.reconstructor import VolumeReconstructor
from livesim.values.pattern import Pattern
from livesim.values.verdict import SHOWN, Trust
from livesim.values.volume_pattern import VolumePattern
from livesim_models.normalisation import levels_of
from livesim_models.trust.arbitration import ETA
from livesim_models.trust.evidence import LIGHT
from livesim_models.trust.fission import mean_light
from livesim_models.trust.maps import Restoration
from livesim_models.trust.verdict import numbers_of, verdict
from livesim_models.volume.arbitration import VolumeArbiter
from livesim_models.volume.conditions import VolumeConditions, given_planes, volume_conditions
from livesim_models.volume.denoise import FrameDenoiser, ReadFrames, in_more_light

FISSIONS = 2
_LEAST_VARIANCE = 0.01
"""Photo-electrons squared."""


@dataclass(frozen=True, slots=True, eq=False)
class RestoredVolume:
    """What becomes of a plain volume."""

    image: Tensor
    """[z, 2 y, 2 x] arbitrated."""
    plain: Tensor
    """[z, 2 y, 2 x]"""
    network: Tensor
    """[z, 2 y, 2 x] the networks alone."""
    shown: float
    """Share of the networks' change that is shown, 0 to 1."""
    error: Tensor
    """[z, 2 y, 2 x] standard deviation of the image, as far as its photons can be split."""
    unlike: tuple[str, ...] = ()
    """What lies outside of the network's training."""
    refusal: str | None = None
    """Why its photons cannot be split, so that nothing of the network is shown."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is to be said of it."""
        if self.refusal is None:
            return self.unlike
        words = "nothing of the network is shown, as photons cannot be split"
        return (f"{words}: {self.refusal}", *self.unlike)


class VolumeRestorer:
    """Restores the volumes of one channel where its plan is, one by one; used by one thread.

    Every volume is examined by its own photons: that takes as long as several volumes of the
    networks, and three reconstructions.

    Parameters
    ----------
    plan
        For counts of the camera.
    pattern
        That it was made for.
    settings
        Of the channel.
    networks
        That restore them.
    """

    def __init__(
        self, plan: VolumePlan, pattern: Pattern, settings: Settings, networks: VolumeNetworks
    ) -> None:
        self._settings, self._pattern, self._networks = settings, pattern, networks
        known, camera = VolumePattern.of(pattern), settings.camera
        of_photons = replace(plan, plane=plan.plane.for_photons(camera))
        self._make = VolumeReconstructor(of_photons)
        distance = known.z_step_nm / greatest_step_nm(known, settings.optics)
        self._conditions = volume_conditions(of_photons, camera.read_noise, distance)
        self._arbitrate = VolumeArbiter(self._make, pattern.pixel_nm / 2.0 / known.z_step_nm)
        one, read_noise = networks.one, camera.read_noise
        self._denoise = (
            None if one is None else FrameDenoiser(one.step, pattern, read_noise, plan.device)
        )

    @torch.inference_mode()
    def __call__(self, spectrum: Tensor, widefield: Tensor, read: ReadFrames) -> RestoredVolume:
        """Return the restored volume.

        Parameters
        ----------
        spectrum
            [kz, x, 2 y] of the plain volume; kept as it is.
        widefield
            [z, y, x] photo-electrons.
        read
            Returns the counts [angle, phase, y, x] of a plane.
        """
        widefield = widefield.to(spectrum.device)
        levels = levels_of(widefield)
        conditions = self._conditions.at_levels(levels)
        middle = read(len(widefield) // 2)
        noise = self._noise(middle)
        split = _Split(read, self._settings.camera, noise, _seed(middle))

        def networks(larger: Tensor, number: int) -> Tensor:
            seen = _Seen(LIGHT * larger, split.larger(number), LIGHT * widefield)
            return self._restored(seen, conditions.in_light(LIGHT)) / LIGHT

        plain = self._make.image(spectrum)
        alone = self._restored(_Seen(spectrum, split.photons, widefield), conditions)
        unlike = tuple(
            dict.fromkeys(
                words for card in self._networks.cards for words in card.warnings((), levels)
            )
        )
        drawn = self._noises(split)
        if noise.refusal is not None:
            error = self._arbitrate.plain_error(spectrum, drawn)
            volumes = (plain, plain, alone)
            shown = 0.0
        else:
            found = self._arbitrate(spectrum, alone, networks, drawn)
            volumes, shown, error = (found.image, plain, alone), found.shown, found.error
        image, plain, alone = (one.cpu() for one in volumes)
        return RestoredVolume(image, plain, alone, shown, error.cpu(), unlike, noise.refusal)

    def trust(self, made: RestoredVolume) -> Trust:
        """Judge what was restored; its maps are those of every plane.

        There is none of the error: it is about right for a volume, but not around every voxel,
        since light from beyond the stack is not in it.
        """
        found = Restoration(made.plain, made.network, made.image, made.error)
        numbers = numbers_of(found, None)
        changed = not torch.equal(made.network, made.plain)
        said = verdict(numbers, made.unlike, made.refusal, self._pattern.doubts, changed=changed)
        shown = np.ascontiguousarray(found.shown[:, ::2, ::2].float().numpy())  # at the raw pixels
        return Trust(said, numbers, planes=tuple({SHOWN: plane} for plane in shown))

    def _restored(self, seen: _Seen, conditions: VolumeConditions) -> Tensor:
        """Return what the networks make of a volume, [z, 2 y, 2 x]."""
        denoised = None
        if self._denoise is not None:
            planes = self._make.plan.planes
            denoised = self._spectrum(self._denoise(seen.frames, planes))
            denoised = in_more_light(denoised, self._make.plan)
        two = self._networks.two
        if two is None:
            assert denoised is not None
            return self._make.image(denoised)
        quiet = None if denoised is None else self._both(denoised, conditions)
        plain, white = self._both(seen.spectrum, conditions)
        channels, unit = given_planes(plain, white, seen.widefield, conditions, quiet)
        return two.step.in_parts(plain, channels, unit)

    def _both(self, spectrum: Tensor, conditions: VolumeConditions) -> tuple[Tensor, Tensor]:
        """Return the volume of a spectrum, and the same with white noise."""
        return self._make.image(spectrum), self._make.image(spectrum * conditions.whitening)

    def _spectrum(self, planes: Iterable[Tensor]) -> Tensor:
        """Return the half spectrum of a volume of raw frames [angle, phase, y, x] in order."""
        begun = self._make.begin()
        for z, frames in enumerate(planes):
            self._make.add(begun, z, frames)
        return self._make.spectrum(begun).clone()

    def _noises(self, split: _Split) -> list[Tensor]:
        """Return half spectra of volumes of drawn noise, each as strong as the volume's own."""
        begun = [self._make.begin() for _ in range(FISSIONS)]
        for z in range(self._make.plan.planes):
            photons = split.photons(z)
            strength = split.strength(photons)
            for number, one in enumerate(begun):
                self._make.add(one, z, split.noise(strength, number, z))
        return [self._make.spectrum(one).clone() for one in begun]

    def _noise(self, counts: Tensor) -> NoiseModel:
        cutoff, pixel_um = self._settings.optics.cutoff_cycles_per_um, self._pattern.pixel_nm / 1e3
        return believed_noise(counts.flatten(0, 1), self._settings.camera, pixel_um, cutoff)


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """A volume as networks see it, or a part of one in its share of the light."""

    spectrum: Tensor
    """[kz, x, 2 y] plain."""
    frames: ReadFrames
    widefield: Tensor
    """[z, y, x] photo-electrons."""


class _Split:
    """Splits the photons of a volume, plane by plane; every plane always in the same way."""

    def __init__(self, read: ReadFrames, camera: Camera, noise: NoiseModel, seed: int) -> None:
        self._read, self._camera, self._noise, self._seed = read, camera, noise, seed

    def photons(self, z: int) -> Tensor:
        """Return the frames [angle, phase, y, x] of a plane in photo-electrons."""
        return (self._read(z) - self._camera.offset) / self._camera.gain

    def strength(self, photons: Tensor) -> Tensor:
        """Return the standard deviation of the noise of frames [angle, phase, y, x]."""
        variance = self._noise.variance(mean_light(photons.flatten(0, 1)))
        return variance.clamp(min=_LEAST_VARIANCE).sqrt().reshape(photons.shape)

    def noise(self, strength: Tensor, number: int, z: int) -> Tensor:
        """Return the drawn noise of a plane."""
        seed = zlib.crc32(f"{self._seed} {number} {z}".encode())
        generator = torch.Generator().manual_seed(seed)
        return strength * torch.randn(strength.shape, generator=generator)

    def larger(self, number: int) -> ReadFrames:
        """Return what gives the larger part of a plane in its share of the light."""

        def frames(z: int) -> Tensor:
            photons = self.photons(z)
            return LIGHT * (photons + ETA * self.noise(self.strength(photons), number, z))

        return frames


def _seed(counts: Tensor) -> int:
    return zlib.crc32(counts.numpy().tobytes())
