"""Restore plain volumes by a network, as far as the photons of the volume support it."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from livesim.config.settings import Settings, SettingsError
from livesim.pipeline.networks import precision_for
from livesim.reconstruction.noise_model import NoiseModel, believed_noise
from livesim.reconstruction.volume.plan import VolumePlan, greatest_step_nm
from livesim.reconstruction.volume.reconstructor import VolumeReconstructor
from livesim.values.pattern import Pattern
from livesim.values.volume_pattern import VolumePattern
from livesim_models.card import Card
from livesim_models.checkpoint import file_sha256, read_card, read_model
from livesim_models.field import FieldRunner
from livesim_models.normalisation import levels_of
from livesim_models.shipped import AUTO, FOR_VOLUMES, NONE, model_file
from livesim_models.trust.fission import mean_light
from livesim_models.volume.arbitration import VolumeArbiter
from livesim_models.volume.conditions import volume_conditions
from livesim_models.volume.step import PlanesHybrid

FISSIONS = 2
_LEAST_VARIANCE = 0.01
"""Photo-electrons squared."""


@dataclass(frozen=True, slots=True, eq=False)
class VolumeNetwork:
    """A network for volumes, ready to run."""

    card: Card
    step: PlanesHybrid
    models: dict[str, str]
    """File name -> SHA-256, for the recipe."""


@dataclass(frozen=True, slots=True, eq=False)
class RestoredVolume:
    """What becomes of a plain volume."""

    image: Tensor
    """[z, 2 y, 2 x] arbitrated."""
    network: Tensor
    """[z, 2 y, 2 x] the network alone."""
    shown: float
    """Share of the network's change that is shown, 0 to 1."""
    warnings: tuple[str, ...] = ()
    """Why nothing of it is shown, and what lies outside of the network's training."""


def load_volume_network(settings: Settings) -> VolumeNetwork | None:
    """Load the network that settings of volumes ask for; None where they ask for none.

    Raises
    ------
    SettingsError
        If there is no such model, or one that is none of volumes is asked for by name.
    DataError
        If a model file cannot be used.
    """
    path = _file(settings)
    if path is None:
        return None
    card, device = read_card(path), torch.device("cpu")
    runner = FieldRunner(read_model(path).network, precision_for(settings, device))
    return VolumeNetwork(card, PlanesHybrid(runner), {path.name: file_sha256(path)})


def wants_network(settings: Settings) -> bool:
    """Return whether any channel of volumes is to be restored by a network; cheap.

    Raises
    ------
    SettingsError, DataError
        As `load_volume_network`.
    """
    channels = (settings, *(settings.of_channel(number) for number in settings.channels))
    files = [_file(one) for one in channels]  # every one is checked
    return any(files)


def _file(settings: Settings) -> Path | None:
    """Return the file of the network that settings of one channel ask for; None = of none."""
    name = FOR_VOLUMES if settings.steps.two == AUTO else settings.steps.two
    if name == NONE:
        return None
    path = model_file(name, "two")
    if not read_card(path).on_volumes:
        raise SettingsError(
            f"steps.two: expected a network for volumes or {NONE!r}, found {name!r}, which is for "
            "single planes"
        )
    return path


def why_no_network(pattern: Pattern, card: Card) -> str:
    """Return why a network does not run with a pattern; "" where nothing speaks against it."""
    if pattern.is_widefield_only:
        return (
            "no network runs: no angle of the pattern was found, and networks would draw "
            "structures into a volume that shows none"
        )
    frames = sum(len(angle.phases_rad) for angle in pattern.angles)
    if frames != card.frames:
        return (
            f"no network runs: expected planes of {card.frames} frames as {card.name!r} was "
            f"trained on, found {frames}"
        )
    return ""


class VolumeRestorer:
    """Restores the volumes of one channel, one after the other; used by one thread, on the CPU.

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
        levels = levels_of(widefield)
        conditions = self._conditions.at_levels(levels)

        def network(seen: Tensor, light: float) -> Tensor:
            plain, white = self._make.image(seen), self._make.image(seen * conditions.whitening)
            restored: Tensor = self._network.step(
                plain, white, light * widefield, conditions.in_light(light)
            )
            return restored

        middle = read(len(widefield) // 2)
        noise = self._noise(middle)
        alone = network(spectrum, 1.0)
        warnings = tuple(self._network.card.warnings((), levels))
        if noise.refusal is not None:
            words = f"nothing of the network is shown, as photons cannot be split: {noise.refusal}"
            return RestoredVolume(self._make.image(spectrum), alone, 0.0, (words, *warnings))
        seed = zlib.crc32(middle.numpy().tobytes())
        drawn = self._drawn(read, noise, torch.Generator().manual_seed(seed))
        found = self._arbitrate(spectrum, alone, network, drawn)
        return RestoredVolume(found.image, alone, found.shown, warnings)

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
