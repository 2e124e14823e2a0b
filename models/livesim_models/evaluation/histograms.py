"""Draw every metric image by image, by stage, and its change against the plain reconstruction."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from livesim_models.evaluation.table import Row

SHOWN = {
    "psnr_db": "PSNR (dB)",
    "ssim": "SSIM",
    "distortion_nm": "distortion (nm)",
    "reference_resolution_nm": "FRC against the truth (nm)",
    "halves_resolution_nm": "FRC of halves (nm)",
    "denied": "denied by the photons",
    "decorrelation_nm": "decorrelation (nm)",
}
COLOURS = ("0.55", "tab:blue", "tab:orange", "tab:green", "tab:red", "tab:purple")
BINS = 16


def write_histograms(path: Path, rows: Sequence[Row], plain: str = "plain") -> None:
    """Write a PNG: every metric from stage to stage, by stage, and its change against `plain`.

    In the first column a line is one image, and the black line the mean of all; in the last one it
    is the mean change. Metrics that no row has are left out.

    Raises
    ------
    ValueError
        If no row holds any metric.
    """
    metrics = [name for name in SHOWN if any(math.isfinite(getattr(row, name)) for row in rows)]
    if not metrics:
        raise ValueError("expected rows with metrics, found none")
    stages = list(dict.fromkeys(row.stage for row in rows))
    colours = dict(zip(stages, COLOURS * len(stages), strict=False))
    figure = Figure(figsize=(12.0, 2.4 * len(metrics) + 0.6), layout="constrained")
    axes = figure.subplots(len(metrics), 3, squeeze=False)
    for (first, left, right), metric in zip(axes, metrics, strict=True):
        _paired(first, paired(rows, stages, metric), stages)
        first.set_ylabel(SHOWN[metric])
        by_stage = {stage: _values(rows, stage, metric) for stage in stages}
        _histogram(left, list(by_stage.values()), stages, colours)
        left.set_xlabel(SHOWN[metric])
        changes = {stage: _changes(rows, stage, plain, metric) for stage in stages}
        later = [stage for stage in stages if stage != plain and changes[stage]]
        _histogram(right, [changes[stage] for stage in later], later, colours)
        _mark_means(right, [changes[stage] for stage in later], later, colours)
        right.set_xlabel(f"change of {SHOWN[metric]}")
    axes[0][0].set_title("image by image", fontsize="small")
    axes[0][1].legend(fontsize="small")
    axes[0][1].set_title("number of images", fontsize="small")
    axes[0][2].set_title(f"against {plain}", fontsize="small")
    figure.savefig(path, dpi=110, format="png")


def paired(rows: Sequence[Row], stages: Sequence[str], metric: str) -> list[list[float]]:
    """Return a metric of every image that has it in all stages, [image, stage]."""
    found = {(row.image, row.stage): getattr(row, metric) for row in rows}
    images = dict.fromkeys(row.image for row in rows)
    lines = [[found.get((image, stage), math.nan) for stage in stages] for image in images]
    return [line for line in lines if all(map(math.isfinite, line))]


def _paired(axes: Axes, lines: list[list[float]], stages: Sequence[str]) -> None:
    """Draw a line an image from stage to stage, and their mean."""
    if not lines:
        axes.set_axis_off()
        return
    places = range(len(stages))
    for line in lines:
        axes.plot(places, line, color="0.7", linewidth=0.8, marker=".", markersize=4)
    axes.plot(places, np.mean(lines, axis=0), color="black", linewidth=1.6, marker="o")
    axes.set_xticks(list(places), labels=[stage.replace(" ", "\n") for stage in stages])
    axes.tick_params(axis="x", labelsize="x-small")


def _values(rows: Sequence[Row], stage: str, metric: str) -> list[float]:
    found = (getattr(row, metric) for row in rows if row.stage == stage)
    return [value for value in found if math.isfinite(value)]


def _changes(rows: Sequence[Row], stage: str, plain: str, metric: str) -> list[float]:
    before = {row.image: getattr(row, metric) for row in rows if row.stage == plain}
    found = (
        getattr(row, metric) - before.get(row.image, math.nan) for row in rows if row.stage == stage
    )
    return [value for value in found if math.isfinite(value)]


def _histogram(
    axes: Axes, groups: list[list[float]], names: list[str], colours: dict[str, str]
) -> None:
    every = [value for group in groups for value in group]
    if not every:
        axes.set_axis_off()
        return
    low, high = min(every), max(every)
    edges = np.linspace(low, high if high > low else low + 1.0, BINS + 1).tolist()
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    for group, name in zip(groups, names, strict=True):
        axes.hist(
            group, bins=edges, histtype="stepfilled", alpha=0.6, color=colours[name], label=name
        )


def _mark_means(
    axes: Axes, groups: list[list[float]], names: list[str], colours: dict[str, str]
) -> None:
    """Draw a black line at every mean, and the numbers beside the axes."""
    for row, (group, name) in enumerate(zip(groups, names, strict=True)):
        mean = float(np.mean(group))
        axes.axvline(mean, color="black", linewidth=1.2)
        axes.text(
            1.02,
            1.0 - 0.27 * row,
            f"{name}\n{mean:+.3g}",
            transform=axes.transAxes,
            color=colours[name],
            va="top",
            fontsize="small",
        )
