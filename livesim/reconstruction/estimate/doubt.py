"""Say why a pattern that stands out is not usable all the same."""

from __future__ import annotations

import math

from livesim.reconstruction.estimate.parameters import LEAST_MODULATION
from livesim.reconstruction.estimate.refine import Refined

_APART_PX = 0.05
_CLEAR = 10.0
"""Power of the correlation's peak over that around it."""
_K_PX = 0.12
"""Standard error in spectral pixels: of twice that, fringes are a quarter off at the borders."""
_FRINGES_DEG = 13.0
"""Standard error of where the fringes lie, over the light."""
_MODULATION = 0.4
"""Relative."""
_UNEXPLAINED = 10.0
"""Of the overlap's power. Background and a wrong OTF leave up to some times the power of what fits
in real recordings; sums and differences of other wave vectors leave thousands."""
_UNEXPLAINED_OF_FAINT = 0.7
"""The same of a peak that is not strong: other maxima of the object's leave about as much."""
_STRONG = 12.0
"""Peak-to-noise."""
_VERY_CLEAR = 100.0
"""As `_CLEAR`: such fringes are there, whatever their modulation."""


def doubt_of(found: Refined, peak_to_noise: float, step: float) -> str | None:
    """Return why a group's pattern is not known well enough, a part of a sentence; None if it is.

    Parameters
    ----------
    peak_to_noise
        Of the faintest of its wave vectors.
    step
        Spectral pixel in cycles/µm.
    """
    errors = found.errors
    k, fringes = float((errors.k / step).max()), math.degrees(float(errors.fringes.max()))
    modulation = float(errors.modulation.max())
    if not all(map(math.isfinite, (k, fringes, modulation))):
        return "fringes that the bands do not determine"
    if float(found.parameters.modulation.min()) <= LEAST_MODULATION:
        return (
            f"something periodic without a band beside it (modulation {LEAST_MODULATION:g} at the "
            f"most)"
        )
    most = _UNEXPLAINED if peak_to_noise > _STRONG else _UNEXPLAINED_OF_FAINT
    if not errors.consistent and errors.unexplained > most:
        return (
            f"bands that do not hold the same object ({errors.unexplained:.1f} times what they "
            f"share is unexplained, expected {most:g} or less)"
        )
    if errors.apart > _APART_PX * step:
        return (
            f"fringes and bands that disagree by {errors.apart / step:.2f} spectral pixels, "
            f"expected {_APART_PX:g} or less"
        )
    clear = float(errors.clear.min())
    if clear < _CLEAR:
        return (
            f"a peak like others around it ({clear:.0f} times their power, "
            f"expected {_CLEAR:.0f} or more)"
        )
    if k > _K_PX:
        return f"a wave vector known to ±{k:.2g} spectral pixels, expected {_K_PX:g} or less"
    if fringes > _FRINGES_DEG:
        return f"fringes known to ±{fringes:.0f}°, expected {_FRINGES_DEG:g}° or less"
    if modulation > _MODULATION and not _undeniable(found, peak_to_noise):
        return (
            f"a modulation with a standard error of {modulation:.0%}, "
            f"expected {_MODULATION:.0%} or less"
        )
    return None


def remark_on(found: Refined) -> str | None:
    """Return what is not known of a pattern that is usable, a part of a sentence; None if all is.

    Fringes close to the cut-off leave the bands hardly an overlap to tell their modulation from.
    """
    error = float(found.errors.modulation.max())
    if error <= _MODULATION:
        return None
    return f"the bands hardly tell its modulation, which has a standard error of {error:.0%}"


def _undeniable(found: Refined, peak_to_noise: float) -> bool:
    """Return whether the fringes stand out far beyond what anything else makes."""
    return peak_to_noise > _STRONG and float(found.errors.clear.min()) > _VERY_CLEAR
