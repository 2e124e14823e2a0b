"""Draw the report's figures with our images: samples, paired changes, crops, learning curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from bench import IMAGES
from bench.quality.report.pipelines import HALVES, MIXED, SINGLE, STAGES, Pipeline
from bench.quality.report.shots import ER, MICROTUBULES, Shot
from bench.quality.report.summary import FIGURES, changes, stages_of_volumes
from bench.report import Row
from livesim_models.evaluation.similarity import linear_fit, similarity

FULL = "full light"
CROP = 72
"""Pixels of the doubled grid, 3.9 µm as in the report."""
DPI = 80
VOLUME_STAGES = ("plain", "one, shown", "one, two, shown")
_EDGE = 24


def draw(
    pipelines: Mapping[str, Pipeline],
    tests: Mapping[str, Sequence[Shot]],
    rows: Sequence[Row],
) -> None:
    """Draw all of them but figure 11."""
    tubules, er = tests[MICROTUBULES], tests[ER]
    single, mixed = pipelines[SINGLE], pipelines[MIXED]
    sample(tubules[0], {SINGLE: single}, IMAGES / "report-microtubules.png")
    sample(er[0], {SINGLE: single, MIXED: mixed}, IMAGES / "report-er.png")
    paired(rows, IMAGES / "report-paired.png")
    sheet([(SINGLE, single, s) for s in tubules[1:4]], IMAGES / "report-crops-single.png")
    both = [(MIXED, mixed, s) for s in (tubules[1], er[1], er[2])]
    sheet(both, IMAGES / "report-crops-mixed.png")
    curves(pipelines, IMAGES / "report-learning.png")


def sample(of: Shot, pipelines: Mapping[str, Pipeline], path: Path) -> None:
    """Draw a whole field in full light, and a crop of it after every stage of some pipelines."""
    full, names = of.image(of.high), list(pipelines)
    figure = Figure(figsize=(3.0 + 2.4 * (1 + len(STAGES)), 3.1 * len(names)), layout="constrained")
    grid = figure.add_gridspec(len(names), 2 + len(STAGES))
    crop = _brightest(full)
    whole = figure.add_subplot(grid[0, 0])
    _show(whole, full, full, slice(None), slice(None), FULL)
    corner = (crop[1].start, crop[0].start)
    whole.add_patch(Rectangle(corner, CROP, CROP, fill=False, color="white"))
    for row, name in enumerate(names):
        images = {FULL: full, **pipelines[name].images(of)}
        for column, (stage, image) in enumerate(images.items(), start=1):
            axis = figure.add_subplot(grid[row, column])
            _show(axis, image, full, *crop, stage)
        figure.axes[-len(images)].set_ylabel(f"learned from\n{name}", fontsize=8)
    figure.savefig(path, dpi=DPI)


def sheet(parts: Sequence[tuple[str, Pipeline, Shot]], path: Path) -> None:
    """Draw crops of several fields, a row each."""
    figure = Figure(figsize=(2.3 * (1 + len(STAGES)), 2.5 * len(parts)), layout="constrained")
    grid = figure.subplots(len(parts), 1 + len(STAGES), squeeze=False)
    for axes, (_, own, of) in zip(grid, parts, strict=True):
        full = of.image(of.high)
        crop, images = _brightest(full), {FULL: full, **own.images(of)}
        for axis, (stage, image) in zip(axes, images.items(), strict=True):
            _show(axis, image, full, *crop, stage)
        axes[0].set_ylabel(of.kind, fontsize=8)
    figure.suptitle(f"learned from {parts[0][0]}", fontsize=9)
    figure.savefig(path, dpi=DPI)


def _show(axis: Axes, image: Tensor, full: Tensor, y: slice, x: slice, title: str) -> None:
    """Draw a part of an image, fitted to that in full light and between its limits."""
    values, wanted = image.double().numpy(), full.double().numpy()
    scale, offset = linear_fit(values, wanted)
    low, high = np.percentile(wanted[y, x], [0.5, 99.7])
    fitted = scale * values + offset
    axis.imshow(fitted[y, x], cmap="gray", vmin=low, vmax=high, interpolation="nearest")
    if image is not full:
        found = similarity(values, wanted)
        title += f"\n{found.psnr_db:.1f} dB, {found.ssim:.2f}"
    axis.set_title(title, fontsize=8)
    axis.set(xticks=[], yticks=[])


def _brightest(image: Tensor) -> tuple[slice, slice]:
    """Return the part of an image, inside its edge, that holds the most light."""
    sums = image.double().cumsum(0).cumsum(1)
    size = image.shape[0]
    places = [
        (float(sums[y + CROP, x + CROP] - sums[y, x + CROP] - sums[y + CROP, x] + sums[y, x]), y, x)
        for y, x in product(range(_EDGE, size - CROP - _EDGE, 8), repeat=2)
    ]
    _, y, x = max(places)
    return slice(y, y + CROP), slice(x, x + CROP)


def paired(rows: Sequence[Row], path: Path) -> None:
    """Draw, for figures 6, 8 and 9, every image's figures by stage, and how they change."""
    own = [
        (
            f"fig. {number}: learned from\n{name}, images of {kind}",
            [row for row in rows if (row["trained on"], row["images of"]) == (name, kind)],
        )
        for number, name, kind in FIGURES
        if number
    ]
    _paired(own, STAGES, path)


def paired_volumes(volumes: Sequence[Row], path: Path) -> None:
    """Draw the same of volumes, against the plain volume in full light."""
    rows = stages_of_volumes(volumes)
    _paired([("fig. 11: volumes", rows)], VOLUME_STAGES, path)


def _paired(parts: Sequence[tuple[str, Sequence[Row]]], stages: Sequence[str], path: Path) -> None:
    figure = Figure(figsize=(4.6 * len(parts), 6.4), layout="constrained")
    grid = figure.subplots(4, len(parts), squeeze=False, height_ratios=(3, 2, 3, 2))
    for column, (title, rows) in enumerate(parts):
        for upper, unit in ((0, "dB"), (2, "SSIM")):
            _lines(grid[upper, column], rows, stages, unit)
            _histogram(grid[upper + 1, column], rows, stages, unit)
        grid[0, column].set_title(title, fontsize=9)
    figure.savefig(path, dpi=DPI)


def _lines(axis: Axes, rows: Sequence[Row], stages: Sequence[str], unit: str) -> None:
    for row in rows:
        values = [row[f"{stage} {unit}"] for stage in stages]
        axis.plot(stages, values, color="tab:blue", alpha=0.4, marker=".", linewidth=0.8)
    axis.set_ylabel(unit, fontsize=8)
    axis.tick_params(labelsize=8)
    axis.grid(alpha=0.3)


def _histogram(axis: Axes, rows: Sequence[Row], stages: Sequence[str], unit: str) -> None:
    """Draw how many images change by how much against the first stage; lines are means."""
    found = {end: changes(rows, stages[0], end, unit) for end in stages[1:]}
    edges = np.histogram_bin_edges(np.concatenate(list(found.values())), 14)
    for number, (end, values) in enumerate(found.items()):
        colour = f"C{number + 1}"
        axis.hist(values, edges, alpha=0.5, color=colour, label=end)
        axis.axvline(values.mean(), color=colour)
    axis.axvline(0.0, color="black", linewidth=0.6)
    axis.set_xlabel(f"change in {unit} against {stages[0]}", fontsize=8)
    axis.tick_params(labelsize=8)
    axis.legend(fontsize=7)


def curves(pipelines: Mapping[str, Pipeline], path: Path) -> None:
    """Draw how both steps of every pipeline learned."""
    figure = Figure(figsize=(9.0, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    for name in (SINGLE, MIXED, HALVES):
        for axis, part in ((left, pipelines[name].one), (right, pipelines[name].two)):
            steps, decibels = ([row[key] for row in part.curve] for key in ("step", "dB"))
            axis.plot(steps, decibels, marker=".", label=name)
    left.set(title="step one: raw frames", ylabel="PSNR on fields held out, dB")
    right.set(title="step two: images after step one")
    for axis in (left, right):
        axis.set_xlabel("steps")
        axis.grid(alpha=0.3)
    right.legend(fontsize=8)
    figure.savefig(path, dpi=DPI)
