"""Split a raw stack into two of half the photons each, with independent noise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from livesim.config.settings import Camera
from livesim.values.frames import RawStack
from livesim.values.pattern import Levels, NoiseToSignal, Pattern

_SMOOTHING = 2.0
"""Pixels: the variance of a pixel is read from its neighbourhood, not from its own noise."""


def split(stack: RawStack, camera: Camera, seed: int) -> tuple[RawStack, RawStack]:
    """Return two stacks as an exposure of half the length would give them.

    A frame x of variance v becomes x / 2 + e and x / 2 - e with e of variance v / 4: the halves'
    covariance, v / 4 - v / 4, vanishes whether the noise is of photons or of the camera. (Binomial
    splitting, as in Rieger et al., Opt. Express 32, 21767 (2024), leaves that of the camera in
    both.)

    Parameters
    ----------
    stack
        In counts.
    camera
        That took it.
    seed
        Of e.
    """
    photons = (stack.pixels.astype(np.float64) - camera.offset) / camera.gain
    random = np.random.default_rng(seed)
    added = random.standard_normal(photons.shape) * np.sqrt(_variance(photons, camera) / 4.0)
    one, other = (
        replace(stack, pixels=(camera.offset + camera.gain * half).astype(np.float32))
        for half in (photons / 2.0 + added, photons / 2.0 - added)
    )
    return one, other


def halved(pattern: Pattern) -> Pattern:
    """Return what is known of a stack's light, for half of it."""
    noise, levels = pattern.noise_to_signal, pattern.levels
    return replace(
        pattern,
        noise_to_signal=noise and NoiseToSignal(2.0 * noise.at_cutoff, noise.exponent),
        levels=levels and Levels(levels.low / 2.0, levels.high / 2.0),
    )


def _variance(photons: NDArray[np.float64], camera: Camera) -> NDArray[np.float64]:
    """Return the variance of every pixel, [angle, phase, y, x]."""
    width = (0.0,) * (photons.ndim - 2) + (_SMOOTHING, _SMOOTHING)
    smooth = gaussian_filter(photons, width, mode="nearest")
    rounding = 1.0 / (12.0 * camera.gain**2)
    return np.maximum(smooth, 0.0) + camera.read_noise**2 + rounding
