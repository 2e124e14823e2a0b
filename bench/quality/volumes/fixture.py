"""Reconstruct the reference program's own volume, with theory's transfer function or its own."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from bench.quality.volumes.scene import PIXEL_NM, STEP_NM
from bench.report import Row
from livesim.config.settings import Camera, Optics, Reconstruction
from livesim.io.read.volume_otf import read_volume_otf
from livesim.reconstruction.volume.estimate import estimate_volume_pattern
from livesim.reconstruction.volume.plan import make_volume_plan
from livesim.reconstruction.volume.reconstructor import VolumeReconstructor
from livesim.reconstruction.volume.stack import VolumeOptics

FIXTURE = ((-0.8043, -1.8555, 0.2388), 203.5)
"""Directions in rad and line spacing in nm, as its authors' settings say."""
FIXTURE_OTF = (1.0 / (0.08 * 256), 1.0 / (0.125 * 65))
"""Steps of its tables in kr and kz, cycles/µm."""


def fixture(folder: Path, *, own_otf: bool) -> tuple[Row, Tensor]:
    """Return how far the pattern of the reference program's own volume is off, and the volume."""
    import mrc

    planes = np.array(mrc.imread(str(folder / "sim3d" / "raw.dv"))).reshape(3, -1, 5, 64, 64)
    counts = torch.from_numpy(planes.astype(np.float64)).permute(1, 0, 2, 3, 4)
    optics = Optics(
        numerical_aperture=1.42,
        emission_nm=525.0,
        pixel_nm=PIXEL_NM,
        refractive_index=1.515,
        otf_file=folder / "sim3d" / "otf.dv",
        otf_step_per_um=FIXTURE_OTF,
    )
    otf = read_volume_otf(optics) if own_otf else None
    known = VolumeOptics(optics, 488.0, PIXEL_NM, STEP_NM, otf)
    found = estimate_volume_pattern(counts, known, Camera())
    turns, spacings = [], []
    for angle, expected in zip(found.lateral.angles, FIXTURE[0], strict=True):
        kx, ky = angle.k_cycles_per_um
        turns.append(abs(math.remainder(math.atan2(ky, kx) - expected, math.pi)))
        spacings.append(abs(500.0 / math.hypot(kx, ky) - FIXTURE[1]))
    plan = make_volume_plan(found, optics, Camera(), Reconstruction(), otf)
    row = {"otf": "its own" if own_otf else "theory", "rad": max(turns), "nm": max(spacings)}
    return row, VolumeReconstructor(plan)(counts.float())
