"""Let the photons decide on unseen specimens: `python -m bench.quality.arbitration`.

Two kinds of structure are those of the training; all others no training ever saw. Every second
field is reconstructed with a damping of the OTF that is wrong by half. The optics, the pattern and
the specimen of every field are its own.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import skimage.data
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.quality.networks import PHOTONS, READ_NOISE
from bench.quality.restored import Arbitrated, Restorer, arbiter, arbitrated, measured_variance
from bench.report import Row, report, show
from livesim.commands.train.scenes import simulated_scene
from livesim.reconstruction.forward.projection import Projection
from livesim.reconstruction.otf import Otf
from livesim_models.data.recipe import ScenesRecipe
from livesim_models.data.sample import Sample, simulated_sample
from livesim_models.data.scene import Scene
from livesim_models.data.truth import passed, unit_noise_to_signal
from livesim_models.evaluation.residual import inside
from livesim_models.evaluation.similarity import BORDER, similarity
from livesim_models.trust.fission import noise_variance

KNOWN = ("filaments", "network")
UNKNOWN = ("siemens_star", "line_pairs")
PHOTOGRAPHS = ("camera", "coins", "brick", "grass", "text")
FRACTAL = "fractal noise"
KINDS = (*KNOWN, *UNKNOWN, *PHOTOGRAPHS, FRACTAL)
FRACTAL_EXPONENT = -1.2
WRONG_DAMPING = 1.5
NOTICEABLE_DB = 0.1

Picture = NDArray[np.float64]


def specimen(kind: str, side: int, random: np.random.Generator) -> Picture:
    """Return an object [side, side] between 0 and 1 that is no specimen of a training."""
    image = _fractal(side, random) if kind == FRACTAL else _photograph(kind)
    if kind == "text":
        image = image.max() - image
    while min(image.shape) < side:
        image = np.tile(image, (2, 2))
    top, left = (int(random.integers(n - side + 1)) for n in image.shape)
    cut = image[top : top + side, left : left + side]
    return np.asarray((cut - cut.min()) / np.ptp(cut))


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


def shifted(own: Scene, pixels: int) -> Scene:
    """Return the scene with its specimen moved by pixels of the doubled grid, down and right."""
    if own.truth is None:
        raise ValueError(f"expected a scene with its truth, found a measured one: {own.recording}")
    there = own.truth.float().clamp(min=0.0)
    return _with_specimen(own, there.roll((pixels, pixels), (0, 1)))


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


@dataclass(frozen=True, slots=True)
class Belief:
    """What is believed of the camera."""

    gain_error: float = 1.0
    """What is called a photo-electron is so many."""
    offset_error: float = 0.0
    """Photo-electrons by which the offset is taken too low."""
    measured: bool = False
    """Whether the noise is read beyond the cut-off, not told from the photo-electrons."""

    def variance(self, photons: Tensor, own: Scene) -> Tensor:
        """Return the variance [frame, y, x] of photo-electrons [frame, y, x], as believed."""
        if not self.measured:
            return noise_variance(photons, READ_NOISE)
        cutoff = own.optics.cutoff_cycles_per_um
        return measured_variance(photons, own.pattern.pixel_nm, cutoff)

    def seen(self, sample: Sample) -> Sample:
        """Return the sample in what is believed to be photo-electrons."""
        low = self.gain_error * (sample.low + self.offset_error)
        return replace(sample, low=low, target=self.gain_error * sample.target)


def images(sample: Sample, own: Scene, seed: int, fissions: int, belief: Belief) -> Arbitrated:
    """Return the plain, networks' and arbitrated image of a sample."""
    restorer = Restorer(sample.plan, READ_NOISE)
    judge = arbiter(sample.plan, sample.pattern, Otf.theoretical(own.optics))
    variance = belief.variance(sample.low, own)
    return arbitrated(
        judge, sample.low, variance, restorer.plain, restorer.network, 10_000 + seed, fissions
    )


def measure(own: Scene, photons: float, seed: int, fissions: int, belief: Belief) -> Row:
    """Return the figures of one field in one light."""
    drawn = simulated_sample(own, photons, READ_NOISE, torch.Generator().manual_seed(seed))
    sample = belief.seen(drawn)
    made = images(sample, own, seed, fissions, belief)
    truth = sample.target.double().numpy()
    psnr = [
        similarity(x.double().numpy(), truth).psnr_db
        for x in (made.plain, made.network, made.image)
    ]
    uniform = belief.gain_error * belief.offset_error
    return {
        **dict(zip(("plain", "network", "arbitrated"), psnr, strict=True)),
        **_within("", made.image - uniform - sample.target, made.weights.error),
        **_within("plain ", made.plain - uniform - sample.target, made.weights.plain_error),
        "carried": made.weights.carried,
        "shown": made.weights.shown,
    }


def _within(name: str, off: Tensor, error: Tensor) -> Row:
    sigmas = inside(off.abs() / error, BORDER)
    return {f"{name}within {n}": float((sigmas < float(n)).double().mean()) for n in (1, 2)}


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
        "plain in 1 %": 100.0 * float(np.mean([row["plain within 1"] for row in rows])),
        "plain in 2 %": 100.0 * float(np.mean([row["plain within 2"] for row in rows])),
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
    parser.add_argument("--offset-error", type=float, default=0.0, help="photo-electrons")
    parser.add_argument("--measured", action="store_true", help="read the noise off the frames")
    parser.add_argument("--name", default="arbitration", help="of the file of results")
    options = parser.parse_args()
    torch.set_num_threads(1)
    belief = Belief(options.gain_error, options.offset_error, options.measured)
    found: list[Row] = []
    for kind in options.kinds:
        for number in range(options.fields):
            own = scene(kind, number, options.size, options.seed)
            for photons in options.photons:
                row = measure(own, photons, number, options.fissions, belief)
                found.append({"specimen": kind, "photons": photons, "field": number, **row})
            print(kind, number, flush=True)
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
        offset_error=options.offset_error,
        measured=options.measured,
    )


def _of(found: list[Row], kind: str | None, photons: float) -> list[Row]:
    return [r for r in found if r["photons"] == photons and kind in (None, r["specimen"])]


if __name__ == "__main__":
    main()
