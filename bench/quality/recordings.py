"""Hold what `livesim restore` makes of real recordings against independent answers.

    LIVESIM_DATA=FOLDER python -m bench.quality.recordings [--out FOLDER]

Every recording is restored by the command line with the settings beside it and no prior. The wave
vectors of the beads and of the mitochondria are compared with those published with the data, the
size of the beads with their widefield size, the last time point of the living cell with the
authors' own image.
"""

from __future__ import annotations

import argparse
import math
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray
from scipy import ndimage, optimize

from livesim.config.settings import load_settings
from livesim.io.write.results import read_recipe
from livesim.values.pattern import Pattern

Array = NDArray[np.float64]
BEADS = "zju_beads100nm_488_3x3"
MITOCHONDRIA = "bsim_hela_mito_3x3"
RETICULUM = "tsim_er1_timelapse_t3_3x3"
MICROTUBULES = "zju_microtubule_640_3x3"
BEAD_K = (5.57, 5.49, 5.47)
"""Cycles/µm, as published with the recording."""
BEAD_REACH_NM = 350.0
"""To either side of a bead: what is fitted."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="keep the results in this folder")
    folder = Path(os.environ["LIVESIM_DATA"])
    with tempfile.TemporaryDirectory() as scratch:
        out = parser.parse_args().out or Path(scratch)
        out.mkdir(exist_ok=True)
        rows = [
            *_beads(folder, out),
            *_mitochondria(folder, out),
            *_reticulum(folder, out),
            *_microtubules(folder, out),
        ]
    for name, value in rows:
        print(f"{name:58s} {value}")


def restore(folder: Path, name: str, out: Path) -> tuple[Array, Pattern]:
    """Restore one recording by the command line; return its images [..., y, x] and its pattern."""
    target = out / f"{name}.ome.tif"
    command = [sys.executable, "-m", "livesim", "restore", str(folder / f"{name}.tif")]
    subprocess.run([*command, "--out", str(target), "--overwrite"], check=True)
    pattern = read_recipe(target).pattern
    assert pattern is not None
    return tifffile.imread(target).astype(np.float64), pattern


def _lengths(pattern: Pattern) -> list[float]:
    return [math.hypot(*angle.k_cycles_per_um) for angle in pattern.angles]


def _widefield(folder: Path, name: str) -> Array:
    """Return the mean of the last nine frames, [y, x]."""
    return tifffile.imread(folder / f"{name}.tif").astype(np.float64)[-9:].mean(axis=0)


def _beads(folder: Path, out: Path) -> list[tuple[str, str]]:
    image, pattern = restore(folder, BEADS, out)
    pixel_nm = pattern.pixel_nm
    rows = _compare_k("beads", _lengths(pattern), BEAD_K)
    sharp = bead_widths(image, pixel_nm / 2.0)
    blurred = bead_widths(_widefield(folder, BEADS), pixel_nm)
    return [
        *rows,
        (
            "beads: median FWHM, nm (widefield)",
            f"{np.median(sharp):.1f} ({np.median(blurred):.1f})",
        ),
        ("beads: profiles measured (widefield)", f"{len(sharp)} ({len(blurred)})"),
    ]


def _mitochondria(folder: Path, out: Path) -> list[tuple[str, str]]:
    _, pattern = restore(folder, MITOCHONDRIA, out)
    stated = tifffile.imread(folder / "ref" / "bsim_2_hela_cells_mitochondria_patterns.tif")
    pixel_um = load_settings(folder / f"{MITOCHONDRIA}.toml").optics.pixel_nm / 2000.0  # type: ignore[operator]
    return _compare_k(
        "mitochondria", _lengths(pattern), [pattern_frequency(p, pixel_um) for p in stated[::3]]
    )


def _reticulum(folder: Path, out: Path) -> list[tuple[str, str]]:
    images, _ = restore(folder, RETICULUM, out)
    theirs = tifffile.imread(folder / "ref" / "tsim_er1_gt.tif").astype(np.float64)
    before = ndimage.zoom(_widefield(folder, RETICULUM), 2, order=1)
    positive = images[-1].clip(min=0.0)  # as theirs is
    inner = (slice(16, -16), slice(16, -16))
    return [
        ("reticulum: correlation with the authors' image", f"{_correlation(positive, theirs):.4f}"),
        ("reticulum: the same, negative values kept", f"{_correlation(images[-1], theirs):.4f}"),
        (
            "reticulum: the same without 16 border pixels (both)",
            f"{_correlation(positive[inner], theirs[inner]):.4f}, "
            f"{_correlation(images[-1][inner], theirs[inner]):.4f}",
        ),
        ("reticulum: widefield", f"{_correlation(before, theirs):.4f}"),
    ]


def _microtubules(folder: Path, out: Path) -> list[tuple[str, str]]:
    _, pattern = restore(folder, MICROTUBULES, out)
    rows = []
    for number, angle in enumerate(pattern.angles):
        steps = (math.degrees(phase - angle.phases_rad[0]) % 360.0 for phase in angle.phases_rad)
        text = " / ".join(f"{step:.0f}" for step in steps)
        rows.append((f"microtubules: phase steps of angle {number}, deg (0/127/258)", text))
    return rows


def _compare_k(
    name: str, found: list[float], stated: tuple[float, ...] | list[float]
) -> list[tuple[str, str]]:
    return [
        (
            f"{name}: k of angle {number}, cycles/µm (stated)",
            f"{ours:.4f} ({theirs:.4f}), {100.0 * (ours / theirs - 1.0):+.2f} %",
        )
        for number, (ours, theirs) in enumerate(zip(found, stated, strict=True))
    ]


def _correlation(one: Array, other: Array) -> float:
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


def pattern_frequency(pattern: Array, pixel_um: float) -> float:
    """Return the spatial frequency of a fringe image, by the maximum of its transform."""
    rows, columns = pattern.shape
    fringes = (pattern - pattern.mean()) * np.outer(np.hanning(rows), np.hanning(columns))
    size = 2048
    power = np.abs(np.fft.rfft2(fringes, (size, size)))
    power[:, :40][:40], power[:, :40][-40:] = 0.0, 0.0
    row, column = np.unravel_index(power.argmax(), power.shape)
    start = (column / (size * pixel_um), float(np.fft.fftfreq(size, pixel_um)[row]))
    y, x = np.mgrid[:rows, :columns] * pixel_um

    def loss(k: Array) -> float:
        return -abs(complex((fringes * np.exp(-2j * np.pi * (k[0] * x + k[1] * y))).sum()))

    tolerances = {"xatol": 1e-6, "fatol": 1e-9}
    best = optimize.minimize(loss, start, method="Nelder-Mead", options=tolerances).x
    return float(np.hypot(*best))


def bead_widths(image: Array, pixel_nm: float) -> list[float]:
    """Return the FWHM in nm of Gaussians fitted along x and y through the brightest maxima."""
    reach = round(BEAD_REACH_NM / pixel_nm)
    smooth = ndimage.gaussian_filter(image, 1.0)
    peaks = smooth == ndimage.maximum_filter(smooth, size=2 * reach + 1)
    inside = np.zeros_like(peaks)
    inside[2 * reach : -2 * reach, 2 * reach : -2 * reach] = True
    bright = smooth > np.percentile(smooth, 99.5)
    widths = []
    for y, x in zip(*np.nonzero(peaks & inside & bright), strict=True):
        for line in (image[y, x - reach : x + reach + 1], image[y - reach : y + reach + 1, x]):
            width = _fitted_width(line)
            if width is not None:
                widths.append(width * pixel_nm)
    return widths


def _fitted_width(line: Array) -> float | None:
    place = np.arange(len(line)) - len(line) // 2

    def bell(x: Array, height: float, sigma: float, centre: float, base: float) -> Array:
        return height * np.exp(-0.5 * ((x - centre) / sigma) ** 2) + base

    start = (np.ptp(line), 2.0, 0.0, line.min())
    limits = ([0.0, 0.3, -2.0, -np.inf], [np.inf, len(line), 2.0, np.inf])
    try:
        found, _ = optimize.curve_fit(bell, place, line, start, bounds=limits)
    except RuntimeError:  # no bell: two beads in one line, say
        return None
    return 2.0 * math.sqrt(2.0 * math.log(2.0)) * float(found[1])


if __name__ == "__main__":
    main()
