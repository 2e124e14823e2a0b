"""Judge whether what the networks made of a raw stack can be trusted, from the raw photons."""

from __future__ import annotations

import cmath
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import avg_pool2d

from livesim.config.settings import Settings
from livesim.engine.seams import Tell
from livesim.pipeline.networks import Networks
from livesim.pipeline.work import Work
from livesim.reconstruction.bands import separated_bands
from livesim.reconstruction.otf import Otf
from livesim.reconstruction.reconstructor import Reconstructor
from livesim.values.pattern import Pattern
from livesim.values.verdict import CHANGE_ONE, CHANGE_TWO, RESIDUAL, SPREAD, Trust
from livesim_models.evaluation.residual import Instrument, Reprojection, inside
from livesim_models.evaluation.similarity import BORDER
from livesim_models.trust.flips import FLIPS, Flip, ensemble, spread_percent
from livesim_models.trust.maps import change_map, photon_maps
from livesim_models.trust.verdict import SIDE, numbers_of, verdict

SMALLEST = BORDER + SIDE // 2
"""Raw pixels of the shorter side of a field in which there is a square to judge."""


class Reviewer:
    """Reviews what one pipeline makes.

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
    device
        Of all of them.
    """

    def __init__(
        self,
        settings: Settings,
        pattern: Pattern,
        otf: Otf,
        networks: Networks,
        reconstruct: Reconstructor,
        device: torch.device,
    ) -> None:
        self._camera, self._apodization = settings.camera, settings.reconstruction.apodization
        self._pattern, self._otf, self._networks = pattern, otf, networks
        self._reconstruct, self._device = reconstruct, device
        bands = separated_bands(pattern)[1]
        self._first_bands = {b.angle: n for n, b in enumerate(bands) if b.harmonic == 1}
        # Richardson-Lucy steps leave no known transfer that could be divided out.
        linear = not settings.reconstruction.richardson_lucy_iterations
        large = min(pattern.shape) >= SMALLEST
        self.able = networks.any and linear and large
        """Whether there is anything to review, and a way to."""

    @torch.inference_mode()
    def __call__(self, work: Work, tell: Tell | None = None) -> Trust:
        """Review one result; with `tell`, flip it as well."""
        work = work.to(self._device)
        instrument = Instrument(self._lit(work), self._otf, self._camera, self._apodization)
        reprojection = Reprojection(instrument, device=self._device)
        maps = photon_maps(reprojection, work.counts.flatten(0, 1), work.image, work.plain)
        numbers = numbers_of(maps)
        shown = {RESIDUAL: maps.residual, **self._changes(work)}
        if tell is not None:
            spread, typical = self._spread(work, tell)
            shown[SPREAD], numbers = spread, replace(numbers, spread_percent=typical)
        return Trust(
            verdict(numbers, self._unlike(work)),
            numbers,
            {name: _thinned(one) for name, one in shown.items()},
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

    def _photons(self, work: Work) -> Tensor:
        """Return the raw frames [frame, y, x] in photo-electrons."""
        return (work.counts.flatten(0, 1).float() - self._camera.offset) / self._camera.gain

    def _unlike(self, work: Work) -> tuple[str, ...]:
        """Return what the networks' cards say against this stack."""
        if self._pattern.levels is None:
            return ()
        widefield = self._photons(work).mean(dim=0).cpu()
        return self._networks.warnings([widefield], self._pattern.levels)

    def _changes(self, work: Work) -> dict[str, Tensor]:
        noise = self._noise(work)
        steps = {
            CHANGE_ONE: (self._networks.step_one, work.plain, work.between),
            CHANGE_TWO: (self._networks.step_two, work.between, work.image),
        }
        return {
            name: change_map(before, after, noise)
            for name, (network, before, after) in steps.items()
            if network is not None
        }

    def _noise(self, work: Work) -> Tensor:
        """Return what the reconstruction makes of noise as strong as that of this stack."""
        photons = self._photons(work)
        smooth = avg_pool2d(photons[None], 9, 1, 4, count_include_pad=False)[0]
        spread = (smooth.clamp(min=0.0) + self._camera.read_noise**2).sqrt()
        drawn = torch.randn(photons.shape, generator=torch.Generator().manual_seed(0))
        return self._seen(spread * drawn.to(self._device), work)

    def _seen(self, photons: Tensor, work: Work) -> Tensor:
        return self._reconstruct(photons[None], lambda _: work.factors).image[0]

    def _spread(self, work: Work, tell: Tell) -> tuple[Tensor, float]:
        """Return how far the flipped results differ, [2 y, 2 x] in %, and the median of it."""
        images = []
        for image in ensemble(lambda there, back: self._flipped(work, there, back)):
            images.append(image)
            tell(len(images) / FLIPS)
        inner = inside(work.image, BORDER)
        some = inner.flatten()[:: max(1, inner.numel() // 2**20)]
        dark, bright = torch.quantile(some, some.new_tensor([0.02, 0.99])).tolist()
        spread = spread_percent(images, bright, dark)
        lit = inner > dark + (bright - dark) / 3.0
        return spread, float(inside(spread, BORDER)[lit].median())

    def _flipped(self, work: Work, there: Flip, back: Flip) -> Tensor:
        image = work.plain
        if self._networks.step_one is not None:
            frames = self._networks.one(there(self._photons(work)).contiguous())
            image = self._seen(back(frames).contiguous(), work)
        if self._networks.step_two is not None and self._pattern.levels is not None:
            image = back(self._networks.two(there(image).contiguous(), self._pattern.levels))
        return image


def _thinned(image: Tensor) -> NDArray[np.float32]:
    """Return an image [2 y, 2 x] at the raw pixels, [y, x]."""
    return np.ascontiguousarray(image[::2, ::2].float().cpu().numpy())
