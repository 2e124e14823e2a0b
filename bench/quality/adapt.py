"""Teach a network the sample by its raw stacks alone: `python -m bench.quality.adapt`.

LIVESIM_DATA names a folder of recordings. Each is taken in all its light, and thinned twenty times
as in `bench.quality.thinning`: then the plain image of all its photons, which the adaptation never
sees, says what was gained in truth. Simulated line pairs, which no training drew, are held against
their object; so are they under another pattern and with other noise, which it has not seen.

What a network forgets is measured on some fields of `bench.quality.networks_unseen`.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from matplotlib.figure import Figure

from bench.quality.arbitration_recordings import NINE_FRAMES, OTHER_LAYOUTS
from bench.quality.networks_unseen import field, measure
from bench.quality.thinning import in_photons, with_less_light
from bench.report import RESULTS, Row, report
from livesim.commands.adapt.command import rehearsal
from livesim.commands.adapt.samples import middle_of, on_plain
from livesim.config.settings import Settings, Steps, parse_settings
from livesim.io.read.open import open_recording
from livesim.io.settings_beside import settings_for
from livesim.pipeline.calibration import calibrate, with_levels
from livesim.pipeline.evidence import evidence_of
from livesim.pipeline.pipeline import ReconstructionPipeline
from livesim.values.frames import RawStack, StackIndex
from livesim.values.pattern import Pattern
from livesim_acquisition.microscope.microscope import SimulatedMicroscope
from livesim_models.checkpoint import read_model, write_model
from livesim_models.data.sample import scaled
from livesim_models.data.truth import passed
from livesim_models.evaluation.similarity import similarity
from livesim_models.shipped import model_file
from livesim_models.training.adaptation import adapt

RECORDINGS = (*NINE_FRAMES, *OTHER_LAYOUTS, "dlsim_unc_mt_HE_3x5_upsampled2x")
SCALES = (20.0, 1.0)
PLAIN = Steps(one="none", two="none")
TITLE = "Networks adapted to a sample"
SIZE = 256
"""Raw pixels of a side: of larger fields the middle is taken."""
KINDS, PHOTONS, UNSEEN_SIZE = ("filaments", "coins", "text", "grass"), (20.0, 100.0), 96
"""Of the fields on which it is measured what a network forgets."""
SIDE = 200
"""Pixels of the doubled grid that a picture shows."""


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Raw stacks of one sample, and what their images are held against."""

    name: str
    light: str
    settings: Settings
    pattern: Pattern
    stacks: Sequence[RawStack]
    aims: Sequence[np.ndarray]
    """[2 y, 2 x] for the first stacks; none where nothing better is known."""


def recorded(folder: Path, name: str, scale: float) -> Sample:
    """Return a recording with `scale` times less light, and what all of it shows."""
    (raw,) = folder.glob(f"{name}*.tif*")
    settings = settings_for(raw, None)
    with open_recording(raw, settings.pattern) as recording:
        stacks = [middle_of(recording.stack(one), settings, SIZE) for one in recording.indices]
    settings = in_photons(stacks, settings)
    pattern = calibrate(stacks, settings, None)
    if scale == 1.0:
        return Sample(name, "all", settings, pattern, stacks, ())
    plain = ReconstructionPipeline(settings.model_copy(update={"steps": PLAIN}), pattern)
    aims = [plain(stack).image for stack in stacks]
    low = [with_less_light(one, settings, scale, number) for number, one in enumerate(stacks)]
    noise = pattern.noise_to_signal
    weak = replace(pattern, levels=None, noise_to_signal=noise and scaled(noise, scale))
    known = with_levels(weak, low, settings)
    return Sample(name, f"1/{scale:g}", settings, known, low, aims)


def line_pairs(photons: float, seed: int) -> Sample:
    """Return one raw stack of simulated line pairs, and their object."""
    settings = parse_settings(_line_pairs(photons, seed), "line pairs")
    stack, aim = _simulated(settings)
    pattern = calibrate([stack], settings, None)
    return Sample("line pairs", f"{photons:g} photons", settings, pattern, [stack], [aim])


def _line_pairs(photons: float, seed: int) -> dict[str, object]:
    return {
        "optics": {"numerical_aperture": 1.4, "emission_nm": 525.0, "pixel_nm": 65.0},
        "camera": {"offset": 100.0, "gain": 2.0, "read_noise": 1.5},
        "simulation": {
            "specimen": "line_pairs",
            "size": [256, 256],
            "peak_photons": photons,
            "seed": seed,
            "background": {"uniform": 0.1},
        },
    }


def _simulated(settings: Settings) -> tuple[RawStack, np.ndarray]:
    taken = SimulatedMicroscope(settings).stack(0)
    shape = (*settings.pattern.stack_shape, *taken.counts.shape[1:])
    aim = passed(torch.from_numpy(taken.object), taken.pattern, settings.optics)
    return RawStack("line pairs", StackIndex(), taken.counts.reshape(shape)), aim.numpy()


def measured(
    own: Sample, other: Sample | None, start: str, minutes: float, *, unseen: bool
) -> tuple[Row, dict[str, np.ndarray]]:
    """Return what adapting to a sample gave, there and on another, and images of its first stack.

    Parameters
    ----------
    own
        What is learned from.
    other
        Of the same kind, not learned from.
    start
        The network to begin with.
    minutes
        At most.
    unseen
        Whether to measure as well what was forgotten.
    """
    model = read_model(model_file(start, "two"))
    pipeline = ReconstructionPipeline(on_plain(own.settings, start), own.pattern)
    evidence = [evidence_of(pipeline, stack, own.name) for stack in own.stacks]
    began = time.process_time()
    made = adapt(model.network, evidence, rehearsal(), 60.0 * minutes, lambda look: None)
    spent = time.process_time() - began
    with TemporaryDirectory() as folder:
        file = Path(folder) / "adapted.safetensors"
        write_model(file, made.network, model.card)
        names = (start, str(file))
        images = [_images(own, name) for name in names]
        gains = [_gain(own, *one) for one in images]
        others = [None if other is None else _gain(other, *_images(other, one)) for one in names]
        kinds = [_unseen(name) if unseen else None for name in names]
    errors = made.errors
    row: Row = {
        "sample": own.name,
        "light": own.light,
        "stacks": len(own.stacks),
        "error before": errors.before,
        "error after": errors.after,
        "fell by": errors.before - errors.after,
        "uncertainty": errors.uncertainty,
        "adopted": "yes" if made.gained else "no",
        "gain before": gains[0],
        "gain after": gains[1],
        "again before": others[0],
        "again after": others[1],
        "unseen kinds before": kinds[0],
        "unseen kinds after": kinds[1],
        "steps": made.steps,
        "processor minutes": spent / 60.0,
    }
    (plain, before), (_, after) = images
    shown = {"plain": plain[0], "before": before[0], "after": after[0]}
    return row, shown | ({"all light": own.aims[0]} if own.aims else {})


def _images(own: Sample, network: str) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return the plain images and those of a network of every stack."""
    pipeline = ReconstructionPipeline(on_plain(own.settings, network), own.pattern)
    made = [pipeline.compute(stack) for stack in own.stacks]
    return [one.plain.numpy() for one in made], [one.network.numpy() for one in made]


def _gain(own: Sample, plain: list[np.ndarray], images: list[np.ndarray]) -> float | None:
    """Return how much nearer to the aims images are than plain ones, dB; None without aims."""
    if not own.aims:
        return None
    pairs = zip(plain, images, own.aims, strict=True)
    gains = [similarity(b, aim).psnr_db - similarity(a, aim).psnr_db for a, b, aim in pairs]
    return float(np.mean(gains))


@cache
def _unseen(network: str) -> float:
    """Return a network's mean gain over the plain image on kinds that it has not seen, dB."""
    gains = [
        measure(field(kind, 0, UNSEEN_SIZE, 57), photons, 0, [network], 0)[network]
        for kind in KINDS
        for photons in PHOTONS
    ]
    return float(np.mean(gains))


def draw(shown: dict[str, np.ndarray], title: str, path: Path) -> None:
    """Draw the middle of the images, each between its own quantiles."""
    figure = Figure(figsize=(5.0 * len(shown), 5.4), layout="constrained")
    for axis, (name, image) in zip(figure.subplots(1, len(shown)), shown.items(), strict=True):
        low, high = np.quantile(image, [0.01, 0.998])
        rows, columns = (slice(max(n - SIDE, 0) // 2, (n + SIDE) // 2) for n in image.shape)
        axis.imshow(image[rows, columns], cmap="gray", vmin=low, vmax=high)
        axis.set_title(name)
        axis.set_axis_off()
    figure.suptitle(title)
    figure.savefig(path, dpi=90)


def samples(options: argparse.Namespace) -> Iterator[tuple[Sample, Sample | None]]:
    """Yield all samples, each with another of the same kind where there is one."""
    folder = Path(os.environ["LIVESIM_DATA"])
    for name in options.recordings:
        for scale in options.scales:
            yield recorded(folder, name, scale), None
    for photons in options.line_pairs:
        yield line_pairs(photons, 1), line_pairs(photons, 2)


def _kept(name: str) -> list[Row]:
    file = RESULTS / f"{name}.json"
    return json.loads(file.read_text(encoding="utf-8"))["rows"] if file.exists() else []


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--from", dest="start", default="quick")
    parser.add_argument("--recordings", nargs="*", default=RECORDINGS)
    parser.add_argument("--scales", type=float, nargs="*", default=SCALES)
    parser.add_argument("--line-pairs", type=float, nargs="*", default=(20.0, 100.0))
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--pictures", type=Path, help="folder for pictures to look at")
    parser.add_argument("--name", default="adapt", help="of the file of results")
    parser.add_argument("--unseen", action="store_true", help="measure what was forgotten too")
    parser.add_argument("--add", action="store_true", help="to the rows that are kept")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if not options.add:
        (RESULTS / f"{options.name}.json").unlink(missing_ok=True)
    for own, other in samples(options):
        try:
            row, shown = measured(own, other, options.start, options.minutes, unseen=options.unseen)
        except ValueError as error:
            print(f"{own.name}, {own.light}: {error}", flush=True)
            continue
        print(row, flush=True)
        if options.pictures is not None:
            options.pictures.mkdir(parents=True, exist_ok=True)
            title = f"{own.name}, {own.light}".replace("/", " of ")
            draw(shown, title, options.pictures / f"{title}.png")
        report(options.name, TITLE, [*_kept(options.name), row], start=options.start)


if __name__ == "__main__":
    main()
