"""Make the MPhil report's figures 5 to 9: `python -m bench.quality.report --folder FOLDER`.

Drawn microtubules and endoplasmic reticulum in a twentieth of the light; small networks for both
steps are trained on the first alone, on both, and on the first with a half of the fields for each
step. What is in FOLDER already is not trained again. Figure 11 is `bench.quality.report.volumes`.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch

import livesim
from bench.quality.report.figures import draw
from bench.quality.report.pipelines import PLANS, Pipeline, Tell, pipeline, unseen_shots
from bench.quality.report.shots import DRAWN, Shot
from bench.quality.report.summary import OWN, PLAIN, SHOWN, figure_rows
from bench.report import Row, report
from livesim_models.evaluation.similarity import Picture, similarity


def main() -> None:
    """Train, measure, print, write, draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="for the trained networks")
    parser.add_argument("--steps", type=int, default=300, help="of each network")
    options = parser.parse_args()
    torch.set_num_threads(1)
    pipelines = {
        name: pipeline(name, options.steps, options.folder, _telling(name)) for name in PLANS
    }
    tests = {kind: unseen_shots(kind) for kind in DRAWN}
    rows = [row for shots in tests.values() for of in shots for row in _measured(of, pipelines)]
    report(
        "report",
        "The report's figures 6, 8 and 9: what the networks change",
        figure_rows(rows),
        each=rows,
        steps=options.steps,
    )
    draw(pipelines, tests, rows)


def _telling(name: str) -> Tell:
    return lambda step, row: print(f"{name}, {step}: {row}", flush=True)


def _measured(of: Shot, pipelines: Mapping[str, Pipeline]) -> Iterator[Row]:
    """Yield what every pipeline makes of a field, beside the reconstruction in full light."""
    full = of.image(of.high)
    head: Row = {"images of": of.kind, "number": of.number}
    for name, own in pipelines.items():
        row = {"trained on": name, **head}
        for stage, image in own.images(of).items():
            row |= _scores(stage, image.double().numpy(), full.double().numpy())
        yield row
    yield {"trained on": OWN, **head} | _own(of)
    print(of.kind, of.number, flush=True)


def _own(of: Shot) -> Row:
    """Return what livesim makes of the same photons, beside its own image in full light."""
    high, low = (frames.numpy() for frames in (of.high, of.low))
    bright = livesim.calibrate(high, of.settings)
    full = livesim.Restorer(of.settings, bright, steps="reconstruct")(high)
    made = livesim.Restorer(of.settings, livesim.calibrate(low, of.settings))(low, everything=True)
    return _scores(PLAIN, made.plain, full) | _scores(SHOWN, made.image, full)


def _scores(stage: str, image: Picture, full: Picture) -> Row:
    found = similarity(image, full)
    return {f"{stage} dB": found.psnr_db, f"{stage} SSIM": found.ssim}


if __name__ == "__main__":
    main()
