"""Make raw stacks of pictures as ML-SIM's simulator describes them (its eqs. 1 and 2).

Written from the paper: the picture is lit by I = (1 + m cos(2 pi k.r + phase)) / 2, blurred by the
OTF of an ideal pupil, and gets white Gaussian noise; the stack is scaled min to max to 8 bits.
Frames lie on the grid of the picture; those of the training (`livesim_models.data.stacks`) have
half as many pixels along each side.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.float64]
"""[y, x]."""
Frames = NDArray[np.float64]
"""[angle, phase, y, x]."""

ANGLES, PHASES = 3, 3
NOMINAL_PIXELS = 512
"""Of the pictures for which the paper's wave numbers are told."""


@dataclass(frozen=True, slots=True)
class Light:
    """A set of parameters of the simulator; every spread is that of a uniform distribution, ±."""

    cutoff: float = 0.286
    """Cycles per pixel."""
    cutoff_spread: float = 0.0
    periods: float = 126.0
    """Per 512 pixels."""
    periods_spread: float = 0.0
    modulation: float = 0.8
    modulation_spread: float = 0.0
    first_angle_spread_deg: float = 30.0
    """Of all angles together."""
    angle_spread_deg: float = 0.0
    """Of each."""
    phase_spread_deg: float = 0.0
    """Of each frame."""
    noise: float = 0.08
    """Standard deviation, of that of the frame."""
    noise_spread: float = 0.0


EXACT = Light()
"""The published parameters without their errors: what the sweeps begin with."""
SET_A = replace(
    EXACT,
    cutoff_spread=0.286 * 0.05 / 0.9,
    periods_spread=15.0,
    modulation_spread=0.15,
    angle_spread_deg=5.0,
    phase_spread_deg=90.0,
)
"""As published."""
SET_B = Light(
    cutoff=0.191,
    periods=130.0,
    periods_spread=7.5,
    modulation=0.5,
    angle_spread_deg=5.0,
    phase_spread_deg=13.5,
    noise=0.08,
    noise_spread=0.04,
)
"""As published; its fringes are finer than its optics resolve."""


def simulate(picture: Picture, light: Light, seed: int) -> Frames:
    """Return the raw stack of a picture, in whole counts from 0 to 255."""
    random = np.random.default_rng(seed)

    def drawn(middle: float, spread: float) -> float:
        return middle + float(random.uniform(-1.0, 1.0)) * spread

    transfer = _transfer(picture.shape, drawn(light.cutoff, light.cutoff_spread))
    period = NOMINAL_PIXELS / drawn(light.periods, light.periods_spread)
    modulation = min(drawn(light.modulation, light.modulation_spread), 1.0)
    first = drawn(0.0, light.first_angle_spread_deg)
    y, x = np.indices(picture.shape)
    turns = [drawn(first + 60.0 * n, light.angle_spread_deg) for n in range(ANGLES)]
    frames = []
    for turn, phase in product(np.deg2rad(turns), range(PHASES)):
        at = np.deg2rad(drawn(360.0 * phase / PHASES, light.phase_spread_deg))
        along = (math.cos(turn) * x + math.sin(turn) * y) / period
        lit = picture * (1.0 + modulation * np.cos(2.0 * np.pi * along + at)) / 2.0
        frame = np.fft.irfft2(np.fft.rfft2(lit) * transfer, s=picture.shape)
        noise = drawn(light.noise, light.noise_spread) * frame.std()
        frames.append(frame + noise * random.standard_normal(frame.shape))
    return eight_bits(np.reshape(frames, (ANGLES, PHASES, *picture.shape)))


def eight_bits(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return values scaled min to max to whole numbers from 0 to 255."""
    span = np.ptp(values)
    return np.round(255.0 * (values - values.min()) / (span if span > 0.0 else 1.0))


def _transfer(shape: tuple[int, ...], cutoff: float) -> Picture:
    """Return the OTF of an ideal pupil on the half spectrum of a picture."""
    fy, fx = np.fft.fftfreq(shape[0])[:, None], np.fft.rfftfreq(shape[1])[None, :]
    relative = np.clip(np.hypot(fy, fx) / cutoff, 0.0, 1.0)
    ideal = np.arccos(relative) - relative * np.sqrt(1.0 - relative**2)
    return np.asarray(ideal * 2.0 / np.pi)
