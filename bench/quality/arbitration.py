"""Let the photons decide on unseen specimens: `python -m bench.quality.arbitration`.

Two kinds of structure are those of the training; all others no training ever saw. Every second
field is reconstructed with a damping of the OTF that is wrong by half. The optics, the pattern and
the specimen of every field are its own.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import skimage.data
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.quality.networks import PHOTONS, READ_NOISE
from bench.report import Row, report, show
from livesim.commands.train.scenes import simulated_scene
from livesim.reconstruction.camera_noise import measure_camera_noise
from livesim.reconstruction.forward.projection import Projection
from livesim.reconstruction.otf import Otf
from livesim.reconstruction.reconstructor import Reconstructor
from livesim_models.checkpoint import read_model
from livesim_models.data.recipe import ScenesRecipe
from livesim_models.data.sample import Sample, simulated_sample
from livesim_models.data.scene import Scene
from livesim_models.data.truth import passed, unit_noise_to_signal
from livesim_models.evaluation.reference import result_transfer
from livesim_models.evaluation.residual import inside
from livesim_models.evaluation.similarity import BORDER, similarity
from livesim_models.field import FieldRunner
from livesim_models.normalisation import levels_of
from livesim_models.shipped import DEFAULT, StepName, model_file
from livesim_models.steps import StepOne, StepTwo
from livesim_models.trust.arbitration import Arbiter
from livesim_models.trust.fission import mean_light, noise_variance

KNOWN = ("filaments", "network")
UNKNOWN = ("siemens_star", "line_pairs")
PHOTOGRAPHS = ("camera", "coins", "brick", "grass", "text")
FRACTAL = "fractal noise"
KINDS = (*KNOWN, *UNKNOWN, *PHOTOGRAPHS, FRACTAL)
FRACTAL_EXPONENT = -1.2
WRONG_DAMPING = 1.5
NOTICEABLE_DB = 0.1

Picture = NDArray[np.float64]


class Images:
    """The plain and the networks' images of one sample."""

    def __init__(self, sample: Sample) -> None:
        self._one, self._two = StepOne(_network("one")), StepTwo(_network("two"))
        self._reconstruct = Reconstructor(sample.plan)
        self._read_noise = sample.read_noise

    def plain(self, photons: Tensor) -> Tensor:
        """Return the plain image [2 y, 2 x] of photo-electrons [frame, y, x]."""
        return self._reconstruct(photons[None]).image[0]

    @torch.inference_mode()
    def network(self, photons: Tensor) -> Tensor:
        """Return what both networks make of photo-electrons [frame, y, x]."""
        between = self.plain(self._one(photons[None], self._read_noise)[0])
        restored: Tensor = self._two(between[None], levels_of(photons.mean(dim=0)))
        return restored[0]


@cache
def _network(step: StepName) -> FieldRunner:
    return FieldRunner(read_model(model_file(DEFAULT, step)).network)


def specimen(kind: str, side: int, random: np.random.Generator) -> Picture:
    """Return an object [side, side] between 0 and 1 that is no specimen of a training."""
    image = _fractal(side, random) if kind == FRACTAL else _photograph(kind)
    if kind == "text":
        image = image.max() - image
    while min(image.shape) < side:
        image = np.tile(image, (2, 2))
    top, left = (int(random.integers(n - side + 1)) for n in image.shape)
    cut = image[top : top + side, left : left + side]
    return (cut - cut.min()) / np.ptp(cut)


def _photograph(kind: str) -> Picture:
    read: Callable[[], Picture] = getattr(skimage.data, kind)
    return np.asarray(read(), dtype=np.float64)


def _fractal(side: int, random: np.random.Generator) -> Picture:
    at = np.fft.fftfreq(side)
    frequency = np.hypot(at[:, None], at[None])
    frequency[0, 0] = np.inf
    spectrum = np.fft.fft2(random.standard_normal((side, side))) * frequency**FRACTAL_EXPONENT
    return np.asarray(np.fft.ifft2(spectrum).real)


def scene(kind: str, number: int, size: int, seed: int) -> Scene:
    """Return a field; every second one with a wrong idea of its OTF."""
    recipe = ScenesRecipe(seed=seed, size=size)
    own = simulated_scene(recipe, "test", number, kind if kind in (*KNOWN, *UNKNOWN) else KNOWN[0])
    if kind not in (*KNOWN, *UNKNOWN):
        random = np.random.default_rng((seed, number))
        own = _with_specimen(own, torch.from_numpy(specimen(kind, 2 * size, random)).float())
    if number % 2:
        damping = own.optics.otf_damping
        wrong = damping / WRONG_DAMPING if number % 4 == 1 else min(1.0, damping * WRONG_DAMPING)
        own = replace(own, optics=own.optics.model_copy(update={"otf_damping": wrong}))
    return own


def _with_specimen(own: Scene, there: Tensor) -> Scene:
    """Return the scene with another object in the same light."""
    frames = Projection(own.pattern, Otf.theoretical(own.optics)).frames(there)
    peak = frames.mean(dim=0).max()
    there, frames = there / peak, frames / peak
    noise = unit_noise_to_signal(there, own.pattern, own.optics)
    return replace(
        own,
        frames=frames.reshape(own.frames.shape),
        truth=passed(there, own.pattern, own.optics),
        pattern=replace(own.pattern, noise_to_signal=noise),
    )


def arbiter(sample: Sample, own: Scene) -> Arbiter:
    """Return the arbiter of a sample's reconstruction."""
    rows, columns = sample.target.shape
    low_pass = result_transfer((rows, columns), sample.pattern, Otf.theoretical(own.optics))
    return Arbiter(sample.plan.transfer, low_pass[:, : columns // 2 + 1].float())


@dataclass(frozen=True, slots=True)
class Camera:
    """What is believed of the camera."""

    gain_error: float
    """What is called a photo-electron is so many."""
    measured: bool
    """Whether the noise is read beyond the cut-off, not told from the photo-electrons."""

    def variance(self, photons: Tensor, own: Scene) -> Tensor:
        """Return the variance [frame, y, x] of photo-electrons [frame, y, x], as believed."""
        if not self.measured:
            return noise_variance(photons, READ_NOISE)
        pixel_um = own.pattern.pixel_nm / 1000.0
        noise = measure_camera_noise(photons, pixel_um, own.optics.cutoff_cycles_per_um)
        return noise.variance(mean_light(photons)).clamp(min=0.1)


def measure(own: Scene, photons: float, seed: int, fissions: int, camera: Camera) -> Row:
    """Return the figures of one field in one light."""
    drawn = simulated_sample(own, photons, READ_NOISE, torch.Generator().manual_seed(seed))
    off = camera.gain_error
    sample = replace(drawn, low=off * drawn.low, target=off * drawn.target)
    images, judge = Images(sample), arbiter(sample, own)
    plain, network = images.plain(sample.low), images.network(sample.low)
    weights = judge.weights(
        sample.low,
        camera.variance(sample.low, own),
        images.plain,
        images.network,
        torch.Generator().manual_seed(10_000 + seed),
        fissions,
    )
    shown = judge.image(plain, network, weights)
    truth = sample.target.double().numpy()
    psnr = [similarity(x.double().numpy(), truth).psnr_db for x in (plain, network, shown)]
    sigmas = inside((shown - sample.target).abs() / weights.error, BORDER)
    return {
        **dict(zip(("plain", "network", "arbitrated"), psnr, strict=True)),
        "within 1": float((sigmas < 1.0).double().mean()),
        "within 2": float((sigmas < 2.0).double().mean()),
    }


def summary(rows: list[Row]) -> Row:
    """Return means and counts of fields."""
    plain, network, shown = (
        np.array([row[name] for row in rows]) for name in ("plain", "network", "arbitrated")
    )
    gained = network > plain + NOTICEABLE_DB
    gain = float(np.sum((network - plain)[gained]))
    kept = 100.0 * float(np.sum((shown - plain)[gained])) / gain if gained.any() else None
    return {
        "plain dB": float(plain.mean()),
        "network dB": float(network.mean()),
        "arbitrated dB": float(shown.mean()),
        "below plain": f"{np.sum(shown < plain - NOTICEABLE_DB)}/{len(rows)}",
        "least dB": float((shown - plain).min()),
        "above both": f"{np.sum(shown > np.maximum(plain, network))}/{len(rows)}",
        "gain kept %": kept,
        "in 1 sigma %": 100.0 * float(np.mean([row["within 1"] for row in rows])),
        "in 2 sigma %": 100.0 * float(np.mean([row["within 2"] for row in rows])),
    }


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fields", type=int, default=4, help="of every kind")
    parser.add_argument("--photons", type=float, nargs="*", default=PHOTONS)
    parser.add_argument("--kinds", nargs="*", default=KINDS)
    parser.add_argument("--size", type=int, default=128, help="raw pixels, both sides")
    parser.add_argument("--fissions", type=int, default=2)
    parser.add_argument("--seed", type=int, default=11, help="of the scenes")
    parser.add_argument("--gain-error", type=float, default=1.0, help="factor, 1 = known")
    parser.add_argument("--measured", action="store_true", help="read the noise off the frames")
    parser.add_argument("--name", default="arbitration", help="of the file of results")
    options = parser.parse_args()
    torch.set_num_threads(1)
    camera = Camera(options.gain_error, options.measured)
    found: list[Row] = []
    for kind in options.kinds:
        for number in range(options.fields):
            own = scene(kind, number, options.size, options.seed)
            for photons in options.photons:
                row = measure(own, photons, number, options.fissions, camera)
                found.append({"specimen": kind, "photons": photons, "field": number, **row})
    rows = [
        {"specimen": kind, "photons": photons} | summary(_of(found, kind, photons))
        for kind in options.kinds
        for photons in options.photons
    ]
    levels = [{"photons": p} | summary(_of(found, None, p)) for p in options.photons]
    show("All kinds", [*levels, {"photons": None} | summary(found)])
    report(
        options.name,
        "Plain, networks' and arbitrated image against the ideal one",
        rows,
        levels=levels,
        all=summary(found),
        each=found,
        fields=options.fields,
        size=options.size,
        seed=options.seed,
        fissions=options.fissions,
        gain_error=options.gain_error,
        measured=options.measured,
    )


def _of(found: list[Row], kind: str | None, photons: float) -> list[Row]:
    return [r for r in found if r["photons"] == photons and kind in (None, r["specimen"])]


if __name__ == "__main__":
    main()
