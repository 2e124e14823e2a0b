"""Hold the resolution that the viewer states against truth: `python -m bench.quality.reached`."""

from __future__ import annotations

import torch

from bench.report import Row, report
from livesim.commands.train.scenes import simulated_scene
from livesim.images.resolution import NOISE_FREE, ring_resolution_nm
from livesim.reconstruction.estimate.estimation import attainable_resolution_nm
from livesim.reconstruction.otf import Otf
from livesim.reconstruction.reconstructor import Reconstructor
from livesim_gui.state.health.reached import Pair, reached_nm
from livesim_models.data.recipe import ScenesRecipe
from livesim_models.data.sample import simulated_sample
from livesim_models.evaluation.resolution import decorrelation_nm

SIZE = 256
PHOTONS = (5.0, 20.0, 100.0, 1000.0)
READ_NOISE = 1.5


def measure(photons: float) -> Row:
    """Return one row: two results of the same filaments, in noise of their own."""
    scene = simulated_scene(ScenesRecipe(seed=1, size=SIZE), "test", 0, "filaments")
    known, again = (
        simulated_sample(scene, photons, READ_NOISE, torch.Generator().manual_seed(seed))
        for seed in (0, 1)
    )
    reconstruct = Reconstructor(known.plan)
    newer, older = (reconstruct(one.low[None]).image[0].numpy() for one in (known, again))
    raw_nm = known.pattern.pixel_nm
    nm = raw_nm / 2.0
    truth = known.target.double().numpy()
    otf = Otf.theoretical(scene.optics)
    return {
        "photons": photons,
        "attainable nm": attainable_resolution_nm([*known.pattern.angles], otf, raw_nm),
        "against the truth nm": ring_resolution_nm(newer, truth, nm, NOISE_FREE),
        "reached, as shown nm": reached_nm(Pair(("", 0), newer, older, nm)),
        "decorrelation nm": decorrelation_nm(newer, nm),
    }


def main() -> None:
    """Measure, print, write."""
    title = f"Filaments, {SIZE} x {SIZE} raw, without networks; photons of the brightest pixel"
    report("reached", title, [measure(photons) for photons in PHOTONS])


if __name__ == "__main__":
    main()
