"""Measure a dense specimen in one light, and the pattern that is found in it."""

from __future__ import annotations

import math

import numpy as np

from bench.quality.volumes.accepted import BARS_DB, GAINS_DB, LOSSES_DB
from bench.quality.volumes.scene import (
    PIXEL_NM,
    STEP_NM,
    Scene,
    plane_by_plane,
    psnr,
    volume,
    widefield,
)
from bench.report import Row
from livesim.reconstruction.volume.estimate import estimate_volume_pattern
from livesim.values.volume_pattern import VolumePattern


def dense(scene: Scene, photons: float) -> Row:
    """Return the figures of one volume and its pattern."""
    counts = scene.counts(photons)
    found = estimate_volume_pattern(counts, scene.known, scene.camera)
    true = VolumePattern(
        scene.pattern.lateral,
        scene.planes,
        STEP_NM,
        488.0,
        scene.optics.refractive_index,
        scene.pattern.axial_phases_rad,
        found.noise_to_signal,
    )
    row: Row = {"photons": photons, "seed": scene.seed}
    if photons in BARS_DB:
        row["widefield"] = psnr(widefield(counts), scene.truth)
        row["volume"] = psnr(volume(scene, counts, found), scene.truth)
    if photons in GAINS_DB:
        row["plane by plane"] = psnr(plane_by_plane(scene, counts), scene.truth)
    if photons in LOSSES_DB:
        row["true pattern"] = psnr(volume(scene, counts, true), scene.truth)
    return row | pattern_errors(found, scene.pattern)


def pattern_errors(found: VolumePattern, true: VolumePattern) -> Row:
    """Return how far every usable angle is off: k in spectral pixels, phases in degrees, m in %."""
    rows, _ = true.lateral.shape
    length = rows * PIXEL_NM / 1000.0
    k, phase, one, two, axial = [], [], [], [], []
    for number, (ours, theirs) in enumerate(
        zip(found.lateral.angles, true.lateral.angles, strict=True)
    ):
        if not ours.usable:
            continue
        off = np.subtract(ours.k_cycles_per_um, theirs.k_cycles_per_um)
        k.append(float(np.hypot(*off)) * length)
        turn = ours.phases_rad[0] - theirs.phases_rad[0] + math.pi * float(off.sum()) * length
        phase.append(abs(math.degrees(math.remainder(turn, 2.0 * math.pi))))
        one.append(100.0 * (ours.modulation[0] / theirs.modulation[0] - 1.0))
        two.append(100.0 * (ours.modulation[1] / theirs.modulation[1] - 1.0))
        psi = found.axial_phases_rad[number] - true.axial_phases_rad[number]
        axial.append(abs(math.degrees(psi)))
    return {"k": k, "phase": phase, "m1": one, "m2": two, "psi": axial}


def summed_up(rows: list[Row], photons: float) -> Row:
    """Return one line of all volumes in one light."""
    here = [row for row in rows if row["photons"] == photons]
    line: Row = {"photons": photons}
    for name in ("widefield", "plane by plane", "volume", "true pattern"):
        line[name] = float(np.mean([row[name] for row in here])) if name in here[0] else None
    every = {
        name: [value for row in here for value in row[name]]
        for name in ("k", "phase", "m1", "m2", "psi")
    }
    line["angles"] = f"{len(every['k'])}/{3 * len(here)}"
    for name in ("k", "phase", "psi"):
        line[f"{name} rms"] = (
            float(np.sqrt(np.mean(np.square(every[name])))) if every[name] else None
        )
        line[f"{name} most"] = max(every[name], default=None)
    for name in ("m1", "m2"):
        line[f"{name} %"] = float(np.mean(every[name])) if every[name] else None
        line[f"{name} sd"] = float(np.std(every[name])) if every[name] else None
    return line
