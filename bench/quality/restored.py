"""Make the plain, the networks' and the arbitrated image of one raw stack in photo-electrons."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

from livesim.reconstruction.camera_noise import measure_camera_noise
from livesim.reconstruction.otf import Otf
from livesim.reconstruction.plan import Plan
from livesim.reconstruction.reconstructor import Reconstructor
from livesim.values.pattern import Pattern
from livesim_models.card import Card
from livesim_models.checkpoint import read_card, read_model
from livesim_models.conditions import conditions_of
from livesim_models.evaluation.reference import result_transfer
from livesim_models.field import FieldRunner
from livesim_models.normalisation import levels_of
from livesim_models.passband import Passband
from livesim_models.shipped import ALL, TWO_STEP, StepName, model_file, shipped_models
from livesim_models.steps import EndToEnd, Hybrid, StepOne, StepTwo
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
        Of shipped networks, or the path of one that works alone, on plain images or end to end.
    passband
        Of the plan, for a network from end to end.
    """

    def __init__(
        self,
        plan: Plan,
        read_noise: float,
        name: str = TWO_STEP,
        passband: Passband | None = None,
    ) -> None:
        self._plan, self._reconstruct = plan, Reconstructor(plan)
        self._read_noise, self._passband = read_noise, passband
        self._last, card = _network(name, _last_step(name))
        self._kept = card.kept if card.step == ALL else None
        if self._kept is not None and passband is None:
            raise ValueError(f"expected the passband of the plan for {name}, found none")
        alone = card.on_plain or card.step == ALL
        self._one = None if alone else StepOne(_network(name, "one")[0])

    def plain(self, photons: Tensor) -> Tensor:
        """Return the plain image [2 y, 2 x] of photo-electrons [frame, y, x]."""
        return self._reconstruct(photons[None]).image[0]

    @torch.inference_mode()
    def network(self, photons: Tensor) -> Tensor:
        """Return what the networks make of photo-electrons [frame, y, x]."""
        if self._kept is not None and self._passband is not None:
            picture: Tensor = EndToEnd(self._last, self._kept)(photons[None])
            return self._passband.shown(picture[0], self.plain(photons))
        levels = levels_of(photons.mean(dim=0))
        if self._one is None:
            conditions = conditions_of(self._plan, levels, self._read_noise)
            restored: Tensor = Hybrid(self._last)(self.plain(photons)[None], conditions)
            return restored[0]
        between = self.plain(self._one(photons[None], self._read_noise)[0])
        restored = StepTwo(self._last)(between[None], levels)
        return restored[0]


def _last_step(name: str) -> StepName:
    """Return the last step that a network of this name or path is for."""
    if Path(name).is_file():
        return read_card(Path(name)).step
    return ALL if name in shipped_models(ALL) else "two"


@cache
def _network(name: str, step: StepName) -> tuple[FieldRunner, Card]:
    model = read_model(model_file(name, step))
    return FieldRunner(model.network), model.card


@dataclass(frozen=True, slots=True, eq=False)
class Arbitrated:
    """The images [2 y, 2 x] of one raw stack and what the photons say of them."""

    plain: Tensor
    network: Tensor
    image: Tensor
    weights: Weights


def arbiter(plan: Plan, pattern: Pattern, otf: Otf) -> Arbiter:
    """Return the arbiter of a reconstruction."""
    return Arbiter(*passband_of(plan, pattern, otf).tensors)


def passband_of(plan: Plan, pattern: Pattern, otf: Otf) -> Passband:
    """Return what the plain image of a reconstruction passes, and what a perfect one would."""
    rows, half = plan.transfer.shape
    low_pass = result_transfer((rows, 2 * (half - 1)), pattern, otf)
    return Passband(plan.transfer, low_pass[:, :half].float())


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
