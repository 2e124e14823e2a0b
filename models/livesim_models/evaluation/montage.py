"""Draw examples with all their stages, details and errors in one picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from scipy.ndimage import uniform_filter

from livesim_models.evaluation.distortion import DEFAULT, distortion
from livesim_models.evaluation.ridges import Ridges, ridges, typical_strength
from livesim_models.evaluation.similarity import BORDER, Picture, Values, linear_fit, similarity

BOX_NM = 3900.0
"""Width of the detail, that of the report's white rectangles (figure 5)."""
BAR_NM = 2000.0
_PANEL, _TITLE = 2.6, 0.25
"""Inches."""


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """One image with all that was made of it, on one grid."""

    name: str
    pixel_nm: float
    reference: Picture
    """The truth, or where there is none the plain reconstruction."""
    stages: Mapping[str, Picture]
    reference_name: str = "truth"


@dataclass(frozen=True, slots=True, eq=False)
class _View:
    """An example as it is shown: everything in the reference's unit."""

    name: str
    pixel_nm: float
    pictures: dict[str, Values]
    first: str
    """The picture that the others are compared with."""
    crest: Ridges
    box: tuple[int, int, int]
    """(row, column, width) of the detail, in pixels."""
    span: tuple[float, float]
    """Shown as black and as white."""


def write_montage(path: Path, examples: Sequence[Example]) -> None:
    """Write a PNG: for every example a row of fields, of details and of errors.

    All pictures of an example are fitted to its reference by least squares and share one grey
    scale. In the details the reference's ridges are red: they do not move from picture to picture,
    so structures that do stand out.

    Raises
    ------
    ValueError
        If there is no example, or one of its pictures does not fit its reference.
    """
    if not examples:
        raise ValueError("expected at least one example, found none")
    columns = 1 + max(len(example.stages) for example in examples)
    figure = Figure(figsize=(_PANEL * columns, 3.0 * (_PANEL + _TITLE) * len(examples)))
    figure.subplots_adjust(left=0.0, right=1.0, bottom=0.0, top=1.0 - 0.06 / len(examples))
    figure.subplots_adjust(wspace=0.03, hspace=_TITLE / _PANEL)
    every = figure.subplots(3 * len(examples), columns, squeeze=False)
    for axes in every.ravel():
        axes.set_axis_off()
    for number, example in enumerate(examples):
        view = _view(example)
        for column, label in enumerate(view.pictures):
            _draw(list(every[3 * number : 3 * number + 3, column]), view, label)
    figure.savefig(path, dpi=110, format="png")


def _view(example: Example) -> _View:
    reference = example.reference.astype(np.float64)
    pictures = {example.reference_name: reference}
    for stage, picture in example.stages.items():
        factor, offset = linear_fit(picture, reference)
        pictures[stage] = factor * picture.astype(np.float64) + offset
    sigma_nm = DEFAULT.sigma_nm
    least = DEFAULT.strong * typical_strength(reference, example.pixel_nm, sigma_nm)
    low, high = np.percentile(reference, (1.0, 99.8))
    return _View(
        name=example.name,
        pixel_nm=example.pixel_nm,
        pictures=pictures,
        first=example.reference_name,
        crest=ridges(reference, example.pixel_nm, sigma_nm, least),
        box=_busiest(reference, example.pixel_nm),
        span=(float(low), float(high)),
    )


def _busiest(reference: Values, pixel_nm: float) -> tuple[int, int, int]:
    """Return (row, column, width) of the box inside the border that varies most."""
    room = min(reference.shape) - 2 * BORDER
    width = max(min(round(BOX_NM / pixel_nm), room), 1)
    deviation = (reference - np.median(reference)) ** 2
    power = uniform_filter(np.minimum(deviation, np.percentile(deviation, 99.0)), width)
    half = width // 2
    rows, columns = reference.shape
    inner = power[BORDER + half : rows - BORDER - half, BORDER + half : columns - BORDER - half]
    if not inner.size:
        return BORDER, BORDER, width
    row, column = np.unravel_index(int(np.argmax(inner)), inner.shape)
    return BORDER + int(row), BORDER + int(column), width


def _draw(axes: Sequence[Axes], view: _View, label: str) -> None:
    """Draw a picture's field, detail and error, one below the other."""
    field, detail, error = axes
    picture = view.pictures[label]
    row, column, width = view.box
    _show(field, picture, view)
    field.add_patch(
        Rectangle((column - 0.5, row - 0.5), width, width, fill=False, edgecolor="white")
    )
    field.set_title(f"{view.name}\n{label}" if label == view.first else label, fontsize="small")
    _show(detail, picture[row : row + width, column : column + width], view)
    at = view.crest.points_nm / view.pixel_nm - (row, column)
    at = at[((at > -0.5) & (at < width - 0.5)).all(axis=1)]
    detail.plot(at[:, 1], at[:, 0], ".", color="red", markersize=1.2, alpha=0.7)
    if label == view.first:
        _scale_bar(field, picture.shape, view.pixel_nm)
        return
    _errors(error, view, label)


def _show(axes: Axes, picture: Values, view: _View) -> None:
    low, high = view.span
    axes.imshow(picture, cmap="gray", vmin=low, vmax=high, interpolation="nearest")


def _errors(axes: Axes, view: _View, label: str) -> None:
    """Draw picture - reference; red where there is too much, blue where too little."""
    picture, reference = view.pictures[label], view.pictures[view.first]
    most = 0.5 * (view.span[1] - view.span[0])
    axes.imshow(picture - reference, cmap="RdBu_r", vmin=-most, vmax=most, interpolation="nearest")
    found = similarity(picture, reference)
    moved = distortion(picture, reference, view.pixel_nm).score_nm
    words = f"{found.psnr_db:.1f} dB, SSIM {found.ssim:.2f}, distortion {moved:.0f} nm"
    axes.set_title(words, fontsize="x-small")


def _scale_bar(axes: Axes, shape: tuple[int, ...], pixel_nm: float) -> None:
    rows, columns = shape
    length = BAR_NM / pixel_nm
    right, bottom = 0.96 * columns, 0.95 * rows
    axes.plot([right - length, right], [bottom, bottom], color="white", linewidth=3)
    axes.text(
        right - length / 2.0,
        bottom - 0.02 * rows,
        f"{BAR_NM / 1000.0:g} µm",
        color="white",
        ha="center",
        va="bottom",
        fontsize="x-small",
    )
