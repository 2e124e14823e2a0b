"""Measure what the networks of a pipeline are worth on one raw stack, and judge the result."""

from __future__ import annotations

import cmath
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from livesim.config.settings import Settings
from livesim.engine.seams import Tell
from livesim.pipeline.defects import sensor_of
from livesim.pipeline.fringes import UNEVEN
from livesim.pipeline.networks import Networks
from livesim.pipeline.weights import arbitrated, as_images, as_recorded, grid_shapes
from livesim.pipeline.work import Work
from livesim.reconstruction.bands import separated_bands
from livesim.reconstruction.evenness import uneven_frames
from livesim.reconstruction.noise_model import NoiseModel, believed_noise
from livesim.reconstruction.otf import Otf
from livesim.reconstruction.reconstructor import Reconstructor
from livesim.values.pattern import Pattern
from livesim.values.verdict import ERROR, RESIDUAL, SHOWN, Trust
from livesim.values.weights import BandWeights
from livesim_models.conditions import Conditions
from livesim_models.evaluation.residual import Instrument, Reprojection
from livesim_models.passband import Passband
from livesim_models.trust.arbitration import ETA, Arbiter, Weights
from livesim_models.trust.fission import mean_light
from livesim_models.trust.maps import NEAR, Restoration, mean_around, plain_residual
from livesim_models.trust.stripes import find_stripes
from livesim_models.trust.verdict import numbers_of, verdict

FISSIONS = 2
_RESTORED = 2 * FISSIONS
"""Images of the parts: a plain one and one of the networks each."""
_LEAST_VARIANCE = 0.01
"""Photo-electrons squared, so that dark pixels can be divided by."""


@dataclass(frozen=True, slots=True, eq=False)
class Reviewed:
    """What one raw stack says of the networks."""

    trust: Trust
    weights: BandWeights
    image: Tensor
    """[2 y, 2 x] arbitrated with these weights."""
    error: Tensor | None
    """[2 y, 2 x] its standard deviation, photo-electrons per raw pixel; None where neighbouring
    pixels share their noise, of which that of a single one says nothing."""


class Reviewer:
    """Reviews what one pipeline makes, in another thread than the frame path's.

    Parameters
    ----------
    settings
        Of the microscope.
    pattern
        That the pipeline was prepared for.
    otf
        Of the microscope.
    networks
        Of the pipeline.
    reconstruct
        Makes images of photo-electrons.
    arbiter
        Of the same reconstruction.
    conditions
        Of the same reconstruction, for step two; None without it.
    passband
        Of the same reconstruction, for a network from end to end.
    """

    def __init__(
        self,
        settings: Settings,
        pattern: Pattern,
        otf: Otf,
        networks: Networks,
        reconstruct: Reconstructor,
        arbiter: Arbiter,
        conditions: Conditions | None,
        passband: Passband,
    ) -> None:
        self._camera, self._apodization = settings.camera, settings.reconstruction.apodization
        self._sensor = sensor_of(settings.camera)
        self._pattern, self._otf, self._networks = pattern, otf, networks
        self._reconstruct, self._arbiter = reconstruct, arbiter
        self._passband = passband
        self.conditions = conditions
        """Of the plain image, for step two; None without it."""
        self.share = arbiter.share
        """[2 y, x + 1] of what a perfect result passes, that the plain image holds."""
        self._device = arbiter.bands.device
        self.bands = arbiter.bands
        """[band, 2 y, x + 1] in which the networks have a say."""
        self.weight_shapes = grid_shapes(arbiter.octaves)
        bands = separated_bands(pattern)[1]
        self._first_bands = {b.angle: n for n, b in enumerate(bands) if b.harmonic == 1}

    @torch.inference_mode()
    def __call__(
        self,
        work: Work,
        tell: Tell,
        image: Tensor | None = None,
        *,
        foreign: bool = False,
        shown: Tensor | None = None,
        doubts: Sequence[str] = (),
    ) -> Reviewed:
        """Review one result; dear: two images of the networks and some plain ones.

        Parameters
        ----------
        work
            Of one raw stack; the same stack is always split in the same way.
        tell
            Hears how much is done; what it raises ends the review.
        image
            [2 y, 2 x] that is judged; None = the one that the weights found here give. One that is
            off from that has a greater error.
        foreign
            Whether somebody else made it: then it is what is granted or overruled.
        shown
            [2 y, 2 x] that the maps are about; None = the image that is judged. A stream shows a
            stack with the weights of those before it, and the first one with none at all.
        doubts
            Of the pattern where the stack was taken, besides those of all places.
        """
        work = work.to(self._device)
        network, noise = self._network_of(work), self.noise(work)
        found = self._examined(work, network, noise, tell)
        weights = as_recorded(found.network, self.weight_shapes)
        granted = self._restoration(work, network, weights, found.error)
        made = granted if image is None else _judged(granted, image.to(self._device))
        if foreign:
            granted = replace(granted, network=made.image)
        mapped = made if shown is None else _judged(granted, shown.to(self._device))
        said = (*self._pattern.doubts, *doubts, *_striped(made, work), *self._uneven(work))
        trust = self._trust(work, made, granted, mapped, noise.refusal, said)
        error = made.error if noise.refusal is None else None
        return Reviewed(replace(trust, weights=weights), weights, made.image, error)

    def _network_of(self, work: Work) -> Tensor:
        """Return what the networks alone give; it is made once more where it stayed on a GPU."""
        if work.network is not None:
            return work.network
        return self.network(self.photons(work), work, 1.0)

    def _examined(self, work: Work, network: Tensor, noise: NoiseModel, tell: Tell) -> Weights:
        photons = self.photons(work)
        generator = generator_of(work)
        restore = _Restoring(self, work, network, photons, tell)
        found = self._arbiter.weights(
            photons,
            variance_of(photons, noise),
            restore.plain,
            restore.network,
            generator,
            FISSIONS,
        )
        if noise.refusal is None:
            return found
        nothing = torch.zeros_like(found.network)
        return replace(found, network=nothing, error=found.plain_error)

    def noise(self, work: Work) -> NoiseModel:
        """Return the noise of the stack, as it shows it itself where it does."""
        frames = work.counts.flatten(0, 1).float().cpu()
        pixel_um = self._pattern.pixel_nm / 1e3
        noise = believed_noise(frames, self._camera, pixel_um, self._otf.cutoff)
        read_noise = self._sensor.read_noise
        return noise.of_pixels(read_noise, self._camera) if read_noise.ndim else noise

    def plain(self, photons: Tensor, work: Work) -> Tensor:
        """Return the plain image [2 y, 2 x] of photo-electrons, turned as the stack was."""
        return self._reconstruct(photons[None], lambda _: work.factors).image[0]

    def network(self, photons: Tensor, work: Work, light: float) -> Tensor:
        """Return the networks' image of photo-electrons that are a share of the stack's light."""
        if self._networks.end_to_end is not None:
            picture = self._networks.begun(photons)
            return self._passband.shown(picture, self.plain(photons, work))
        between = self.plain(self._networks.one(photons), work)
        if self.conditions is None:
            return between
        return self._networks.two(between, self.conditions.in_light(light))

    def _restoration(
        self, work: Work, network: Tensor, weights: BandWeights, error: Tensor
    ) -> Restoration:
        rows, columns = work.plain.shape
        shares = as_images(weights, (rows, columns)).to(self._device)
        image = arbitrated(work.plain, network, self.bands, shares)
        return Restoration(work.plain, network, image, error)

    def _trust(
        self,
        work: Work,
        made: Restoration,
        granted: Restoration,
        mapped: Restoration,
        refusal: str | None,
        doubts: Sequence[str],
    ) -> Trust:
        """Return what is to be said of an image, and of what was granted of the network's."""
        instrument = Instrument(self._lit(work), self._otf, self._sensor, self._apodization)
        reprojection = Reprojection(instrument, device=self._device)
        residual = plain_residual(reprojection, work.counts.flatten(0, 1), work.plain)
        numbers = numbers_of(made, residual)
        foreign = granted.network is not made.network
        if made is not granted:
            off = numbers_of(granted, residual)
            numbers = replace(
                numbers,
                shown_percent=(off if foreign else numbers).shown_percent,
                overruled_sigmas=off.overruled_sigmas,
                overruled_yx=off.overruled_yx,
            )
        shown = granted.shown if foreign else mapped.shown
        changed = not torch.equal(granted.network, granted.plain)
        maps = {ERROR: mapped.error, SHOWN: shown, RESIDUAL: residual.sigmas}
        if refusal is not None:
            del maps[ERROR]
        return Trust(
            verdict(numbers, self._unlike(work), refusal, doubts, changed=changed),
            numbers,
            {name: _thinned(one) for name, one in maps.items()},
        )

    def _lit(self, work: Work) -> Pattern:
        """Return the pattern as it was when the stack was taken."""
        if work.turns is None:
            return self._pattern
        turns = [cmath.phase(turn) for turn in work.turns]
        angles = list(self._pattern.angles)
        for angle, band in self._first_bands.items():
            phases = tuple(phase + turns[band] for phase in angles[angle].phases_rad)
            angles[angle] = replace(angles[angle], phases_rad=phases)
        return replace(self._pattern, angles=tuple(angles))

    def photons(self, work: Work) -> Tensor:
        """Return the raw frames [frame, y, x] in photo-electrons."""
        return (work.counts.flatten(0, 1).float() - self._camera.offset) / self._camera.gain

    def _uneven(self, work: Work) -> list[str]:
        """Return which frames are lit otherwise than the others of their angle."""
        found = uneven_frames(self.photons(work).cpu(), self._pattern)
        return [UNEVEN.format(worst=one.words, at="") for one in found]

    def _unlike(self, work: Work) -> tuple[str, ...]:
        """Return what the networks' cards say against this stack."""
        if self._pattern.levels is None:
            return ()
        widefield = self.photons(work).mean(dim=0).cpu()
        return self._networks.warnings([widefield], self._pattern.levels)


class _Restoring:
    """Makes the images of one examination, and tells how far it is.

    Parameters
    ----------
    network
        [2 y, 2 x] of the whole stack.
    photons
        Of the whole stack, whose images are known.
    """

    def __init__(
        self, reviewer: Reviewer, work: Work, network: Tensor, photons: Tensor, tell: Tell
    ) -> None:
        self._reviewer, self._work, self._network = reviewer, work, network
        self._photons, self._tell = photons, tell
        self._done = 0

    def plain(self, photons: Tensor) -> Tensor:
        """Return the plain image of the stack or of one of its parts."""
        if photons is self._photons:
            return self._work.plain
        self._count()
        return self._reviewer.plain(photons, self._work)

    def network(self, photons: Tensor) -> Tensor:
        """Return the networks' image of the stack, or of a part in the light that suits its noise.

        Step two counts as 0 and as 1 what is as bright in that light.
        """
        if photons is self._photons:
            return self._network
        self._count()
        return self._reviewer.network(photons, self._work, 1.0 / (1.0 + ETA**2))

    def _count(self) -> None:
        self._tell(min(self._done / _RESTORED, 1.0))
        self._done += 1


def generator_of(work: Work) -> torch.Generator:
    """Return the generator of a stack's splits, seeded by the stack itself.

    Another examination of the same stack finds the same.
    """
    return torch.Generator().manual_seed(zlib.crc32(work.counts.cpu().numpy().tobytes()))


def variance_of(photons: Tensor, noise: NoiseModel) -> Tensor:
    """Return the variance [frame, y, x] of the noise of a stack in photo-electrons."""
    return noise.variance(mean_light(photons)).clamp(min=_LEAST_VARIANCE)


def _striped(made: Restoration, work: Work) -> tuple[str, ...]:
    """Return what an image says against the pattern that it was made with."""
    stripes = find_stripes(made.image, work.widefield)
    return () if stripes is None else (stripes.words,)


def _judged(made: Restoration, image: Tensor) -> Restoration:
    """Return a restoration that shows another image, whose error grows by how far it is off."""
    off = mean_around((image - made.image).square(), NEAR)
    error = (made.error.square() + off).sqrt()
    return replace(made, image=image, error=error)


def _thinned(image: Tensor) -> NDArray[np.float32]:
    """Return an image [2 y, 2 x] at the raw pixels, [y, x]."""
    return np.ascontiguousarray(image[::2, ::2].float().cpu().numpy())
