"""Hold low-passes that follow the noise beside the fixed one: `python -m bench.quality.low_pass`.

The plain image without any low-pass is filtered by each of them and compared with the object
itself, not with what SIM could hold of it, after a fit. Specimens, light and patterns are those of
`bench.quality.estimates`, from a seed that nothing was chosen on. With `--images` the fields of
ML-SIM's comparison are filtered as well.

- *the model's noise*: the root of what the Wiener filter's own model says is signal, times the root
  of the cosine: sharper where light is plenty, smoother where it is not;
- *halves of the photons*: the same with the share of every ring of frequencies that two independent
  halves of the photons agree on; *alone* is that share without root and cosine.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.quality.estimate_cases import (
    CAMERA,
    LAYOUTS,
    OPTICS,
    PIXEL_NM,
    Case,
    cases,
    true_pattern,
)
from bench.quality.seeds.fields import Field, fields, images_folder
from bench.quality.seeds.methods import calibrated, on_input_grid
from bench.quality.specimens import SPECIMENS
from bench.report import Row, report, show
from livesim.config.settings import Apodization, Camera, Reconstruction, Settings
from livesim.images.resolution import edge_window
from livesim.pipeline.calibration import calibrate
from livesim.reconstruction.filters import apodization
from livesim.reconstruction.forward.model import camera_counts, expected_photons
from livesim.reconstruction.otf import Otf
from livesim.reconstruction.plan import Plan, make_plan
from livesim.reconstruction.reconstructor import Reconstructor
from livesim.values.frames import RawStack, StackIndex
from livesim.values.pattern import Pattern
from livesim_models.evaluation.similarity import similarity

SHARP = Reconstruction(apodization=Apodization(shape="none"))
FIXED = "cosine to 1.9"
LARGEST = 128
"""Raw pixels; larger fields are cut down."""
_RING, _SMOOTH, _FADE = 0.01, 5, 16
"""Cycles per pixel of the doubled grid; rings that share what they say; pixels at every border."""
_FIELDS = (("target", 1), ("kodak", 2), ("ML-SIM's stacks", 2))

Values = NDArray[np.float64]
LowPass = Callable[["Made"], Values]
"""What was made -> the factor of every frequency, [2 y, x + 1]."""


@dataclass(frozen=True, slots=True, eq=False)
class Made:
    """The plain image of one raw stack without a low-pass, and what its low-passes follow from."""

    image: Values
    """[2 y, 2 x]."""
    halves: tuple[Values, Values]
    """Of the two halves of the photons."""
    signal: Values
    """[2 y, x + 1] the share that the Wiener filter's model calls signal."""
    cosine: Values

    def filtered(self, factor: Values) -> Values:
        """Return the image with every frequency multiplied by a factor."""
        return np.asarray(np.fft.irfft2(np.fft.rfft2(self.image) * factor, s=self.image.shape))

    @property
    def agreed(self) -> Values:
        """The share of every frequency's power that both halves agree on, for all photons."""
        window = edge_window((self.image.shape[0], self.image.shape[1]), _FADE)
        one, other = (np.fft.rfft2((half - half.mean()) * window) for half in self.halves)
        y = np.fft.fftfreq(self.image.shape[0])[:, None]
        ring = np.hypot(y, np.fft.rfftfreq(self.image.shape[1])[None]) / _RING
        place = ring.round().astype(int)

        def summed(power: Values) -> Values:
            each = np.bincount(place.ravel(), power.ravel())
            return np.convolve(each, np.ones(_SMOOTH), "same")

        both = np.sqrt(summed(np.abs(one) ** 2) * summed(np.abs(other) ** 2))
        half = np.clip(summed((one * other.conj()).real) / np.maximum(both, 1e-30), 0.0, 1.0)
        return np.asarray((2.0 * half / (1.0 + half))[place])


LOW_PASSES: Mapping[str, LowPass] = {
    FIXED: lambda made: made.cosine,
    "none": lambda made: np.ones_like(made.cosine),
    "model's noise": lambda made: np.sqrt(made.signal * made.cosine),
    "halves": lambda made: np.sqrt(made.agreed * made.cosine),
    "halves alone": lambda made: made.agreed,
}


def made_of(counts: Tensor, pattern: Pattern, otf: Otf, camera: Camera, seed: int) -> Made:
    """Return what was made of counts [angle, phase, y, x]."""
    plan = make_plan(pattern, otf, camera, SHARP)
    reconstruct = Reconstructor(plan)

    def image(frames: Tensor) -> Values:
        return reconstruct(frames[None].float()).image[0].double().numpy()

    photons = ((counts.float() - camera.offset) / camera.gain).clamp(min=0.0).round()
    generator = torch.Generator().manual_seed(seed)
    first = torch.binomial(photons, torch.full_like(photons, 0.5), generator=generator)
    parts = (first, photons - first)
    one, other = (image(camera.offset + camera.gain * part) for part in parts)
    signal = plan.transfer.double().numpy()
    return Made(image(counts), (one, other), signal, _cosine(plan, pattern, otf))


def _cosine(plan: Plan, pattern: Pattern, otf: Otf) -> Values:
    rows, half = plan.transfer.shape
    pixel_um = pattern.pixel_nm / 2000.0
    y = np.fft.fftfreq(rows, pixel_um)[:, None]
    x = np.fft.rfftfreq(2 * (half - 1), pixel_um)[None]
    frequency = torch.from_numpy(np.hypot(y, x))
    return apodization(frequency, Apodization(), otf, 0.0).double().numpy()


def specimen_row(case: Case) -> Row | None:
    """Return the figures of every low-pass on one specimen; None where no noise was found."""
    random = np.random.default_rng(case.seed)
    true = true_pattern(case, random)
    density = torch.from_numpy(SPECIMENS[case.kind](2 * case.size, random))
    light = expected_photons(density, true, Otf(OPTICS.cutoff_cycles_per_um, case.damping))
    generator = torch.Generator().manual_seed(case.seed)
    counts = camera_counts(case.photons * light / light.max(), CAMERA, generator)
    wrong = case.believed != case.damping
    optics = {"pixel_nm": PIXEL_NM, "otf_damping": case.believed if wrong else "auto"}
    own = Settings(
        optics=OPTICS.model_copy(update=optics), camera=CAMERA, pattern=LAYOUTS[case.layout]
    )
    found = calibrate([RawStack("low-pass", StackIndex(), counts.numpy())], own)
    if found.noise_to_signal is None:
        return None
    made = made_of(counts, found, Otf.under(found, own.optics), CAMERA, case.seed)
    head: Row = {"kind": case.kind, "photons": case.photons, "OTF wrong": wrong}
    return head | _scores(made, density.double().numpy(), lambda image: image)


def _scores(made: Made, truth: Values, shown: Callable[[Values], Values]) -> Row:
    row: Row = {}
    for name, low_pass in LOW_PASSES.items():
        found = similarity(shown(made.filtered(low_pass(made))), truth)
        row |= {f"{name}, dB": found.psnr_db, f"{name}, SSIM": found.ssim}
    return row


def field_row(part: str, field: Field) -> Row:
    """Return the figures of every low-pass on a field of ML-SIM's comparison."""
    own = calibrated(field)
    made = made_of(field.frames, own.pattern, own.otf, own.settings.camera, 7)
    shape = (field.frames.shape[-2], field.frames.shape[-1])

    def shown(image: Values) -> Values:
        return on_input_grid(torch.from_numpy(image), shape)

    return {"data": part, "picture": field.name} | _scores(made, field.truth, shown)


def summaries(rows: list[Row]) -> list[Row]:
    """Return, for every light and for all, what each low-pass changes against the fixed one."""
    lights: list[float | None] = [*sorted({row["photons"] for row in rows}), None]
    return [
        _changes(light, name, [row for row in rows if light in (None, row["photons"])])
        for light in lights
        for name in LOW_PASSES
        if name != FIXED
    ]


def _changes(light: float | None, name: str, rows: list[Row]) -> Row:
    line: Row = {"photons": light, "low-pass": name, "fields": len(rows)}
    for unit in ("dB", "SSIM"):
        found = np.array([row[f"{name}, {unit}"] - row[f"{FIXED}, {unit}"] for row in rows])
        line |= {unit: float(found.mean()), f"{unit}, worst": float(found.min())}
        line[f"{unit}, worse"] = f"{(found < 0.0).sum()}"
    return line


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--specimens", type=int, default=96)
    parser.add_argument("--seed", type=int, default=6323)
    parser.add_argument("--images", type=Path, help="folder with kodak and mlsim_stacks")
    options = parser.parse_args()
    torch.set_num_threads(1)
    drawn = [replace(c, size=min(c.size, LARGEST)) for c in cases(options.specimens, options.seed)]
    rows = [row for case in drawn if (row := specimen_row(case)) is not None]
    of_fields: list[Row] = []
    if options.images is not None:
        folder = images_folder(options.images)
        for part, count in _FIELDS:
            of_fields += [field_row(part, one) for one in fields(part, folder, 256, count)]
        show("Fields of ML-SIM's comparison", of_fields)
    report(
        "low_pass",
        "Change against the fixed low-pass",
        summaries(rows),
        fields=of_fields,
        each=rows,
        seed=options.seed,
    )


if __name__ == "__main__":
    main()
