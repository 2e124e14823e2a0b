"""Change frames as programs do before they save them, and say what is noticed of it."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import skimage.restoration
import torch
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage
from torch import Tensor

from bench.quality.camera_noise.simulated import Recorded
from bench.report import Row
from livesim.config.settings import Camera, Settings
from livesim.reconstruction.doctor.examine import middle
from livesim.reconstruction.grid import frequency_axes
from livesim.reconstruction.noise_model import believed_noise

Frames = NDArray[np.float64]
LARGEST_CHANGED = 256
"""Raw pixels: denoising takes its time."""
HARMLESS = (0.7, 1.4)
"""Measured variance over that within the cut-off: arbitration stands it."""
CHANGES: dict[str, Callable[[Frames], Frames]] = {
    "shifted by 0.1, bilinear": lambda x: ndimage.shift(x, (0, 0, 0.1), order=1, mode="nearest"),
    "shifted by 0.5, bilinear": lambda x: ndimage.shift(x, (0, 0.5, 0.5), order=1, mode="nearest"),
    "shifted by 0.3, cubic": lambda x: ndimage.shift(x, (0, 0.3, 0.3), order=3, mode="nearest"),
    "turned by 3 degrees, bilinear": lambda x: _turned(x, 1),
    "turned by 3 degrees, cubic": lambda x: _turned(x, 3),
    "scaled to 0.8, bilinear": lambda x: ndimage.zoom(x, (1, 0.8, 0.8), order=1),
    "scaled to 1.3, cubic": lambda x: ndimage.zoom(x, (1, 1.3, 1.3), order=3),
    "Gaussian, sigma 0.4": lambda x: ndimage.gaussian_filter(x, (0, 0.4, 0.4)),
    "Gaussian, sigma 0.7": lambda x: ndimage.gaussian_filter(x, (0, 0.7, 0.7)),
    "median, 3 x 3": lambda x: ndimage.median_filter(x, (1, 3, 3)),
    "JPEG, quality 75": lambda x: np.stack([_jpeg(one, 75) for one in x]),
    "JPEG, quality 95": lambda x: np.stack([_jpeg(one, 95) for one in x]),
    "non-local means": lambda x: np.stack([_denoised(one) for one in x]),
}
SCALES = {"scaled to 0.8, bilinear": 0.8, "scaled to 1.3, cubic": 1.3}


def _turned(frames: Frames, order: int) -> Frames:
    return np.asarray(
        ndimage.rotate(frames, 3.0, axes=(1, 2), order=order, reshape=False, mode="nearest")
    )


def _jpeg(frame: Frames, quality: int) -> Frames:
    """Return a frame that went through a JPEG file of 8 bits."""
    low, high = float(frame.min()), float(np.quantile(frame, 0.9999))
    grey = (255.0 * (frame - low) / max(high - low, 1e-9)).clip(0, 255).round().astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(grey).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file), dtype=np.float64) * (high - low) / 255.0 + low


def _denoised(frame: Frames) -> Frames:
    beside = np.diff(frame)
    sigma = 1.4826 * float(np.median(np.abs(beside))) / np.sqrt(2.0)
    made = skimage.restoration.denoise_nl_means(
        frame, h=0.8 * sigma, sigma=sigma, patch_size=5, patch_distance=4, fast_mode=True
    )
    return np.asarray(made)


@dataclass(frozen=True, eq=False)
class Sample:
    """Frames whose noise may be shared between pixels."""

    name: str
    frames: Frames
    pixel_um: float
    cutoff: float
    mean: Frames | None = None
    """The same without noise, where it is known."""


def sample_of(one: Recorded, seed: int) -> Sample:
    frames = one.frames.double().numpy()
    mean = one.photons.double().numpy() * one.camera.gain + one.camera.offset
    return Sample(str(seed), frames, one.pixel_um, one.optics.cutoff_cycles_per_um, mean)


def real_sample(path: Path, settings: Settings, frames: Tensor) -> Sample:
    pixel_um = float(settings.optics.pixel_nm or 0.0) / 1000.0
    rows, columns = middle((frames.shape[1], frames.shape[2]), LARGEST_CHANGED)
    cutoff = settings.optics.cutoff_cycles_per_um
    return Sample(path.stem, frames[:, rows, columns].double().numpy(), pixel_um, cutoff)


def changed_rows(samples: list[Sample]) -> list[Row]:
    """Return how often every change is recognised, and what goes unnoticed with harm."""
    changes = {"none": lambda frames: frames, **CHANGES}
    return [_changed_row(name, change, samples) for name, change in changes.items()]


def _changed_row(name: str, change: Callable[[Frames], Frames], samples: list[Sample]) -> Row:
    told: Counter[str] = Counter()
    missed, harmful = [], []
    for one in samples:
        frames = torch.from_numpy(np.ascontiguousarray(change(one.frames)))
        pixel_um = one.pixel_um / SCALES.get(name, 1.0)
        model = believed_noise(frames, Camera(), pixel_um, one.cutoff)
        told["correlated" if model.refusal else "measured" if model.measured else "not"] += 1
        if not model.measured:
            continue
        missed.append(one.name)
        if one.mean is not None:
            mean = torch.from_numpy(np.ascontiguousarray(change(one.mean)))
            true = _within(frames, mean, pixel_um * one.cutoff)
            ratio = float(model.variance(mean).mean()) / true
            harmful += [] if HARMLESS[0] < ratio < HARMLESS[1] else [one.name]
    return {
        "changed": name,
        "recordings": len(samples),
        "called correlated": told["correlated"],
        "settings' noise kept": told["not"],
        "measured": told["measured"],
        "of these wrong": len(harmful) if samples[0].mean is not None else None,
        "which": missed if name != "none" else [],
    }


def _within(frames: Tensor, mean: Tensor, cutoff: float) -> float:
    """Return the variance of white noise that has the power found within the cut-off.

    What is the same in all frames is the sensor's, no noise.
    """
    noise = frames.double() - mean
    noise = (noise - noise.mean(dim=0)) * np.sqrt(len(noise) / (len(noise) - 1.0))
    spectra = torch.fft.fft2(noise).abs().square().mean(dim=0)
    fy, fx = frequency_axes((frames.shape[-2], frames.shape[-1]), 1.0)
    disc = torch.hypot(fy, fx) < cutoff
    disc[0, 0] = False
    return float(spectra[disc].mean()) / frames[0].numel()
