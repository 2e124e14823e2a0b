"""Measure images with what is known of them, and write the numbers as CSV."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal

import numpy as np
from torch import Tensor

from livesim.images.resolution import NOISE_FREE, ring_resolution_nm
from livesim_models.evaluation.distortion import DEFAULT, WITHOUT_TRUTH, distortion
from livesim_models.evaluation.residual import Instrument, residual
from livesim_models.evaluation.resolution import decorrelation_nm
from livesim_models.evaluation.similarity import BORDER, Picture, similarity

NAN = math.nan
Kind = Literal["truth", "recording", "plain"]


@dataclass(frozen=True, slots=True)
class Row:
    """The numbers of one image; nan = not measured, for lack of a reference for example."""

    image: str
    stage: str
    psnr_db: float = NAN
    ssim: float = NAN
    nrmse: float = NAN
    distortion_nm: float = NAN
    displacement_nm: float = NAN
    moved: float = NAN
    invented: float = NAN
    lost: float = NAN
    residual_sigmas: float = NAN
    denied: float = NAN
    reference_resolution_nm: float = NAN
    halves_resolution_nm: float = NAN
    decorrelation_nm: float = NAN


METRICS = tuple(field.name for field in fields(Row))[2:]


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """What an image is held against; all of it may be missing."""

    pixel_nm: float
    """Of the images."""
    reference: Picture | None = None
    """[y, x] on their grid."""
    kind: Kind = "truth"
    """Of the reference. "truth" has no noise; a "recording" of more light has some, so no
    resolution is measured against it; the "plain" reconstruction itself only says whether coarse
    structures moved."""
    counts: Tensor | None = None
    """[angle, phase, y, x] of the raw stack."""
    instrument: Instrument | None = None
    """That took it."""
    border: int = BORDER


def measure(
    image: str,
    stage: str,
    picture: Picture,
    known: Known,
    halves: tuple[Picture, Picture] | None = None,
) -> Row:
    """Return all that can be said of `picture` [y, x].

    Parameters
    ----------
    image, stage
        What the row is called.
    picture
        Any unit.
    known
        What it is held against.
    halves
        The same stage made from two independent halves of the photons.

    Raises
    ------
    ValueError
        If the shapes do not fit, or the reference holds no structure.
    """
    values = {
        **_against_reference(picture, known),
        **_against_photons(picture, known),
        "decorrelation_nm": decorrelation_nm(picture, known.pixel_nm, known.border),
    }
    if halves is not None:
        values["halves_resolution_nm"] = ring_resolution_nm(
            *halves, known.pixel_nm, border=known.border
        )
    return Row(image, stage, **values)


def _against_reference(picture: Picture, known: Known) -> dict[str, float]:
    if known.reference is None:
        return {}
    scale = WITHOUT_TRUTH if known.kind == "plain" else DEFAULT
    found = distortion(picture, known.reference, known.pixel_nm, scale, known.border)
    values = {
        "distortion_nm": found.score_nm,
        "displacement_nm": found.displacement_nm,
        "moved": found.moved,
        "invented": found.invented,
        "lost": found.lost,
    }
    if known.kind != "plain":
        like = similarity(picture, known.reference, known.border)
        values |= {"psnr_db": like.psnr_db, "ssim": like.ssim, "nrmse": like.nrmse}
    if known.kind == "truth":
        values["reference_resolution_nm"] = ring_resolution_nm(
            picture, known.reference, known.pixel_nm, NOISE_FREE, known.border
        )
    return values


def _against_photons(picture: Picture, known: Known) -> dict[str, float]:
    if known.counts is None or known.instrument is None:
        return {}
    found = residual(picture, known.counts, known.instrument, known.border)
    return {"residual_sigmas": found.rms_sigmas, "denied": found.denied}


def write_csv(path: Path, rows: Iterable[Row]) -> None:
    """Write one line an image and stage; what could not be measured is empty."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["image", "stage", *METRICS])
        for row in rows:
            values = (getattr(row, metric) for metric in METRICS)
            writer.writerow([row.image, row.stage, *(_text(value) for value in values)])


def _text(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.6g}"


def stage_means(rows: Sequence[Row]) -> Mapping[str, Mapping[str, float]]:
    """Return the mean of every metric over the images of every stage, stages in their order.

    A resolution that is inf (nothing resolved) makes the mean inf; metrics that no image has are
    left out.
    """
    stages = dict.fromkeys(row.stage for row in rows)
    means = {
        stage: {
            metric: _mean([row for row in rows if row.stage == stage], metric) for metric in METRICS
        }
        for stage in stages
    }
    known = [m for m in METRICS if any(not math.isnan(one[m]) for one in means.values())]
    return {stage: {metric: one[metric] for metric in known} for stage, one in means.items()}


def _mean(rows: Sequence[Row], metric: str) -> float:
    values = [value for row in rows if not math.isnan(value := getattr(row, metric))]
    return float(np.mean(values)) if values else NAN
