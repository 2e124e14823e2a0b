"""Score an image against its picture: as ML-SIM does, and as livesim does."""

from __future__ import annotations

from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from bench.quality.seeds.stacks import Picture, eight_bits
from bench.report import Row
from livesim_models.evaluation.similarity import similarity

WINDOW = 7
"""Pixels across, of ML-SIM's SSIM: uniform weights."""


def scores(image: Picture, truth: Picture) -> Row:
    """Return the figures of an image [y, x] of a picture [y, x] from 0 to 255.

    As ML-SIM: scaled min to max to 8 bits, as every picture of theirs is, compared over the whole
    field without a fit. As livesim: fitted in scale and offset, without the border.
    """
    theirs, clean = eight_bits(image), truth.round()
    ours = similarity(image, truth)
    return {
        "psnr": float(peak_signal_noise_ratio(clean, theirs, data_range=255.0)),
        "ssim": float(structural_similarity(clean, theirs, win_size=WINDOW, data_range=255.0)),
        "fitted psnr": ours.psnr_db,
        "fitted ssim": ours.ssim,
    }
