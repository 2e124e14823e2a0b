"""Count the verdicts on images known to be right or wrong: `python -m bench.quality.trust`.

Right: the shipped networks on scenes of the structures that they were trained on. Wrong: step two
trained on filaments alone, on everything else; the shipped networks on resolution targets, which
they were never shown; and the shipped networks' results with one lie made by hand.

The thresholds were chosen on scenes of the seed 21; the scenes here are others.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from bench.quality.lies import LIES
from bench.quality.networks import KNOWN, PHOTONS, READ_NOISE, UNKNOWN, Steps
from bench.report import Row, report
from livesim.commands.train.scenes import simulated_scene
from livesim.config.settings import Camera
from livesim.reconstruction.otf import Otf
from livesim.reconstruction.reconstructor import Reconstructor
from livesim.values.pattern import Levels
from livesim.values.verdict import TrustWord
from livesim_models.card import Card
from livesim_models.checkpoint import Model, read_model
from livesim_models.data.recipe import ScenesRecipe
from livesim_models.data.sample import Sample, simulated_sample
from livesim_models.evaluation.residual import Instrument, Reprojection
from livesim_models.field import FieldRunner
from livesim_models.shipped import model_file
from livesim_models.steps import StepOne, StepTwo
from livesim_models.trust.maps import photon_maps
from livesim_models.trust.verdict import numbers_of, verdict

WRONG = Path(__file__).parents[2] / "tests" / "weights" / "filaments-two.safetensors"
CAMERA = Camera(offset=0.0, gain=1.0, read_noise=READ_NOISE)
SHIPPED, FILAMENTS = "shipped networks", "step two for filaments"


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """One image, and what was said of it."""

    case: str
    structure: str
    photons: float
    word: TrustWord
    denied: bool
    unlike: bool
    visible_percent: float


@dataclass(frozen=True, slots=True, eq=False)
class Under:
    """The networks under test."""

    shipped: Steps
    shipped_cards: tuple[Card, ...]
    wrong: StepTwo
    wrong_card: Card

    def images(
        self, sample: Sample, structure: str, seed: int
    ) -> Iterator[tuple[str, Tensor, tuple[Card, ...]]]:
        """Yield (case, image [2 y, 2 x], cards) of everything that is to be judged."""
        good = dict(self.shipped.images(sample))["step one and two"]
        yield SHIPPED, good, self.shipped_cards
        if structure in UNKNOWN:
            return
        plain = Reconstructor(sample.plan)(sample.low[None]).image
        levels = Levels(*sample.levels.tolist())
        yield FILAMENTS, self.wrong(plain, levels)[0], (self.wrong_card,)
        for name, lie in LIES.items():
            yield name, lie(good, np.random.default_rng(seed)), self.shipped_cards


def judged(under: Under, structure: str, photons: float, number: int, seed: int) -> list[Judged]:
    """Return what is said of every image of one scene."""
    scene = simulated_scene(ScenesRecipe(seed=seed), "test", number, structure)
    generator = torch.Generator().manual_seed(number)
    sample = simulated_sample(scene, photons, READ_NOISE, generator)
    instrument = Instrument(sample.pattern, Otf.theoretical(scene.optics), CAMERA)
    reprojection = Reprojection(instrument)
    plain = Reconstructor(sample.plan)(sample.low[None]).image[0]
    levels, found = Levels(*sample.levels.tolist()), []
    for case, image, cards in under.images(sample, structure, number):
        numbers = numbers_of(photon_maps(reprojection, sample.low, image, plain))
        unlike = [one for card in cards for one in card.warnings([sample.low.mean(dim=0)], levels)]
        word = verdict(numbers, unlike).word
        seen = numbers.visible_percent
        found.append(
            Judged(case, structure, photons, word, bool(numbers.denied), bool(unlike), seen)
        )
    return found


def row(case: str, structure: str, photons: float, found: list[Judged]) -> Row:
    """Return how often each word was said."""
    words = Counter(one.word for one in found)
    return {
        "method": case,
        "structure": structure,
        "photons": photons,
        "fields": len(found),
        **{word.value: words[word] for word in TrustWord},
        "by the photons": sum(one.denied for one in found),
        "by the cards": sum(one.unlike for one in found),
        "visible %": float(np.median([one.visible_percent for one in found])),
    }


def table(found: list[Judged]) -> list[Row]:
    """Return a row for each case and light level, for the wrong network each structure as well."""
    rows = []
    for photons in PHOTONS:
        level = [one for one in found if one.photons == photons]
        known = [one for one in level if one.structure in KNOWN]
        for case in (SHIPPED, *LIES):
            rows.append(row(case, "known", photons, [one for one in known if one.case == case]))
        for name in UNKNOWN:
            rows.append(row(SHIPPED, name, photons, [o for o in level if o.structure == name]))
        for name in KNOWN:
            own = [o for o in known if o.case == FILAMENTS and o.structure == name]
            rows.append(row(FILAMENTS, name, photons, own))
    return rows


def networks() -> Under:
    """Return the networks under test."""
    shipped: list[Model] = [read_model(model_file("default", step)) for step in ("one", "two")]
    one, two = (FieldRunner(model.network) for model in shipped)
    wrong = read_model(WRONG)
    cards = tuple(model.card for model in shipped)
    return Under(
        Steps(StepOne(one), StepTwo(two)), cards, StepTwo(FieldRunner(wrong.network)), wrong.card
    )


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fields", type=int, default=12, help="of each structure")
    parser.add_argument("--seed", type=int, default=22, help="of the scenes")
    options = parser.parse_args()
    torch.set_num_threads(1)
    under, found = networks(), []
    for structure in (*KNOWN, *UNKNOWN):
        for number in range(options.fields):
            for photons in PHOTONS:
                found += judged(under, structure, photons, number, options.seed)
        print(structure, flush=True)
    report(
        "trust",
        "What is said of results that are known to be right or wrong",
        table(found),
        fields=options.fields,
        seed=options.seed,
    )


if __name__ == "__main__":
    main()
