"""Make the plain, the networks' and the arbitrated image of one raw stack in photo-electrons."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from livesim.reconstruction.camera_noise import measure_camera_noise
from livesim.reconstruction.otf import Otf
from livesim.reconstruction.plan import Plan
from livesim.reconstruction.reconstructor import Reconstructor
from livesim.values.pattern import Pattern
from livesim_models.checkpoint import read_model
from livesim_models.conditions import conditions_of
from livesim_models.evaluation.reference import result_transfer
from livesim_models.field import FieldRunner
from livesim_models.normalisation import levels_of
from livesim_models.shipped import DEFAULT, StepName, model_file
from livesim_models.steps import Hybrid, StepOne, StepTwo
from livesim_models.trust.arbitration import Arbiter, Weights
from livesim_models.trust.fission import mean_light

LEAST_VARIANCE = 0.1
"""Photo-electrons squared."""
FISSIONS = 2

Restore = Callable[[Tensor], Tensor]


class Restorer:
    """Makes images of raw stacks of one plan.

    Parameters
    ----------
    plan
        For frames in photo-electrons.
    read_noise
        Electrons, of which networks are told.
    name
        Of shipped networks, or the path of one that works on plain images.
    """

    def __init__(self, plan: Plan, read_noise: float, name: str = DEFAULT) -> None:
        self._plan, self._reconstruct = plan, Reconstructor(plan)
        self._read_noise = read_noise
        self._two, on_plain = _network(name, "two")
        self._one = None if on_plain else StepOne(_network(name, "one")[0])

    def plain(self, photons: Tensor) -> Tensor:
        """Return the plain image [2 y, 2 x] of photo-electrons [frame, y, x]."""
        return self._reconstruct(photons[None]).image[0]

    @torch.inference_mode()
    def network(self, photons: Tensor) -> Tensor:
        """Return what the networks make of photo-electrons [frame, y, x]."""
        levels = levels_of(photons.mean(dim=0))
        if self._one is None:
            conditions = conditions_of(self._plan, levels, self._read_noise)
            return Hybrid(self._two)(self.plain(photons)[None], conditions)[0]
        between = self.plain(self._one(photons[None], self._read_noise)[0])
        restored: Tensor = StepTwo(self._two)(between[None], levels)
        return restored[0]


@cache
def _network(name: str, step: StepName) -> tuple[FieldRunner, bool]:
    """Return a network, and whether it works on plain images."""
    model = read_model(model_file(name, step))
    return FieldRunner(model.network), model.card.on_plain


@dataclass(frozen=True, slots=True, eq=False)
class Arbitrated:
    """The images [2 y, 2 x] of one raw stack and what the photons say of them."""

    plain: Tensor
    network: Tensor
    image: Tensor
    weights: Weights


def arbiter(plan: Plan, pattern: Pattern, otf: Otf) -> Arbiter:
    """Return the arbiter of a reconstruction."""
    rows, half = plan.transfer.shape
    low_pass = result_transfer((rows, 2 * (half - 1)), pattern, otf)
    return Arbiter(plan.transfer, low_pass[:, :half].float())


def measured_variance(photons: Tensor, pixel_nm: float, cutoff: float) -> Tensor:
    """Return the variance [frame, y, x] of a stack, read off it beyond the cut-off (cycles/µm)."""
    noise = measure_camera_noise(photons, pixel_nm / 1000.0, cutoff)
    return noise.variance(mean_light(photons)).clamp(min=LEAST_VARIANCE)


def arbitrated(
    judge: Arbiter,
    photons: Tensor,
    variance: Tensor,
    plain: Restore,
    network: Restore,
    seed: int,
    fissions: int = FISSIONS,
) -> Arbitrated:
    """Return all images of a raw stack [frame, y, x] with noise of that variance."""
    generator = torch.Generator().manual_seed(seed)
    weights = judge.weights(photons, variance, plain, network, generator, fissions)
    without, alone = plain(photons), network(photons)
    return Arbitrated(without, alone, judge.image(without, alone, weights), weights)
