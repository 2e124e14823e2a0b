"""Draw the wave vectors that a simulated instrument really has, its errors included."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from livesim.config.settings import Settings, SettingsError
from livesim.config.simulation import Simulation
from livesim.values.pattern import PatternAngle

REACH = 0.9
"""Of the optical cut-off: where the highest harmonic lies if nothing is said."""
MODULATION = {"angle-phase": 0.8, "hexagonal": 0.33}
"""If nothing is said; three patterns share the light of a hexagonal one."""
THREE_BEAMS = (1.2, 0.6)
"""Nine tenths of what three equal beams make, likewise."""

Vector = NDArray[np.float64]


def true_angles(settings: Settings, own: Simulation, pixel_nm: float) -> tuple[PatternAngle, ...]:
    """Return every wave vector with its phases, direction, period and phase errors included.

    Raises
    ------
    SettingsError
        If a period is too fine for the doubled grid.
    """
    angles = tuple(_angle(settings, own, number) for number in range(settings.pattern.vectors))
    finest_nm = pixel_nm * settings.pattern.harmonics
    for angle in angles:
        if angle.period_nm <= finest_nm:
            raise SettingsError(
                f"[simulation.pattern] expected periods above {finest_nm:g} nm, which the doubled "
                f"grid can hold, found {angle.period_nm:.1f}"
            )
    return angles


def _angle(settings: Settings, own: Simulation, number: int) -> PatternAngle:
    true, phases = own.pattern, settings.pattern.stack_shape[1]
    random = np.random.default_rng((own.seed, 0, number))
    draws = random.normal(size=3 + settings.pattern.stack_frames)
    first_turn, direction_error, period_error = (float(draw) for draw in draws[:3])
    stretch = 1.0 + true.period_error_percent / 100.0 * period_error
    direction_deg = _direction_deg(settings, own, number) + true.angle_error_deg * direction_error
    k = 1000.0 / (_period_nm(settings, own, number) * stretch)
    errors = np.deg2rad(true.phase_error_deg) * draws[3 : 3 + phases]
    turns = 2.0 * np.pi * first_turn + _steps(settings, number) + errors
    return PatternAngle(
        _half_plane(k, math.radians(direction_deg)),
        tuple(turns.tolist()),
        _modulation(settings, own),
    )


def _steps(settings: Settings, number: int) -> Vector:
    """Return equal steps; of seven hexagonal frames 1, 2 and 4 sevenths of a turn."""
    count = settings.pattern.stack_shape[1]
    turns = {"angle-phase": 1.0, "hexagonal": 2.0**number}[settings.pattern.layout]
    return 2.0 * np.pi * turns / count * np.arange(count, dtype=np.float64)


def _period_nm(settings: Settings, own: Simulation, number: int) -> float:
    optics, pattern = settings.optics, settings.pattern
    said = own.pattern.period_nm or pattern.expected_period_nm
    if isinstance(said, tuple):
        return said[number if len(said) > 1 else 0]
    return said or 1000.0 * pattern.harmonics / (REACH * optics.cutoff_cycles_per_um)


def _direction_deg(settings: Settings, own: Simulation, number: int) -> float:
    said = own.pattern.directions_deg or settings.pattern.expected_angles_deg
    if said is not None:
        return said[number]
    # Away from the axes, where the cross of an image's borders would hide a peak.
    return 10.0 + 180.0 / settings.pattern.vectors * number


def _modulation(settings: Settings, own: Simulation) -> tuple[float, ...]:
    pattern = settings.pattern
    usual = (MODULATION[pattern.layout],) if own.volume is None else THREE_BEAMS
    said = own.pattern.modulation or usual
    return said * pattern.harmonics if len(said) == 1 else said


def _half_plane(k: float, direction_rad: float) -> tuple[float, float]:
    """Return the wave vector (kx, ky) that points to x >= 0."""
    kx, ky = k * math.cos(direction_rad), k * math.sin(direction_rad)
    if abs(kx) < 1e-12 * k:
        return 0.0, abs(ky)
    return (kx, ky) if kx > 0 else (-kx, -ky)
