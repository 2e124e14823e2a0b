"""Restore plain volumes by a network, as far as the photons of the volume support it."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from livesim.config.settings import Settings
from livesim.pipeline.volume.networks import VolumeNetwork
from livesim.reconstruction.noise_model import NoiseModel, believed_noise
from livesim.reconstruction.volume.plan import VolumePlan, greatest_step_nm
from livesim.reconstruction.volume.reconstructor import VolumeReconstructor
from livesim.values.pattern import Pattern
from livesim.values.verdict import SHOWN, Trust
from livesim.values.volume_pattern import VolumePattern
from livesim_models.normalisation import levels_of
from livesim_models.trust.fission import mean_light
from livesim_models.trust.maps import Restoration
from livesim_models.trust.verdict import numbers_of, verdict
from livesim_models.volume.arbitration import VolumeArbiter
from livesim_models.volume.conditions import volume_conditions

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
    """[z, 2 y, 2 x] the network alone."""
    shown: float
    """Share of the network's change that is shown, 0 to 1."""
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
    network, and three reconstructions.

    Parameters
    ----------
    plan
        For counts of the camera.
    pattern
        That it was made for.
    settings
        Of the channel.
    network
        That restores them.
    """

    def __init__(
        self, plan: VolumePlan, pattern: Pattern, settings: Settings, network: VolumeNetwork
    ) -> None:
        self._settings, self._pattern, self._network = settings, pattern, network
        known, camera = VolumePattern.of(pattern), settings.camera
        of_photons = replace(plan, plane=plan.plane.for_photons(camera))
        self._make = VolumeReconstructor(of_photons)
        distance = known.z_step_nm / greatest_step_nm(known, settings.optics)
        self._conditions = volume_conditions(of_photons, camera.read_noise, distance)
        self._arbitrate = VolumeArbiter(self._make, pattern.pixel_nm / 2.0 / known.z_step_nm)

    @torch.inference_mode()
    def __call__(
        self, spectrum: Tensor, widefield: Tensor, read: Callable[[int], Tensor]
    ) -> RestoredVolume:
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

        def network(seen: Tensor, light: float) -> Tensor:
            plain, white = self._make.image(seen), self._make.image(seen * conditions.whitening)
            restored: Tensor = self._network.step(
                plain, white, light * widefield, conditions.in_light(light)
            )
            return restored

        plain = self._make.image(spectrum)
        middle = read(len(widefield) // 2)
        noise = self._noise(middle)
        alone = network(spectrum, 1.0)
        unlike = tuple(self._network.card.warnings((), levels))
        seed = zlib.crc32(middle.numpy().tobytes())
        drawn = self._drawn(read, noise, torch.Generator().manual_seed(seed))
        if noise.refusal is not None:
            error = self._arbitrate.plain_error(spectrum, drawn)
            volumes = (plain, plain, alone)
            shown = 0.0
        else:
            found = self._arbitrate(spectrum, alone, network, drawn)
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

    def _noise(self, counts: Tensor) -> NoiseModel:
        cutoff, pixel_um = self._settings.optics.cutoff_cycles_per_um, self._pattern.pixel_nm / 1e3
        return believed_noise(counts.flatten(0, 1), self._settings.camera, pixel_um, cutoff)

    def _drawn(
        self, read: Callable[[int], Tensor], noise: NoiseModel, generator: torch.Generator
    ) -> list[Tensor]:
        """Return half spectra of volumes of drawn noise, each as strong as the volume's own."""
        camera = self._settings.camera
        begun = [self._make.begin() for _ in range(FISSIONS)]
        for z in range(self._make.plan.planes):
            photons = (read(z) - camera.offset) / camera.gain
            light = mean_light(photons.flatten(0, 1))
            strength = noise.variance(light).clamp(min=_LEAST_VARIANCE).sqrt()
            for one in begun:
                drawn = torch.randn(strength.shape, generator=generator)
                self._make.add(one, z, (strength * drawn).reshape(photons.shape))
        return [self._make.spectrum(one).clone() for one in begun]
