"""Say why a pattern that stands out is not usable all the same."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from livesim.reconstruction.estimate.parameters import LEAST_MODULATION, Parameters
from livesim.reconstruction.estimate.refine import Refined
from livesim.reconstruction.separation import mixing_matrix
from livesim.values.wording import told_apart

SIGNIFICANT = 5.0
"""Peak-to-noise from which a wave vector counts as found."""
EXPECTED = 3.5
"""The same where the other angles have it expected: few places have fewer chances."""
STRANGE = "a wave vector unlike those of the other angles, which does not stand out enough for that"
ALIKE_PHASES = "phases too alike to separate its bands"
AMBIGUOUS = "fringes that may as well lie some spectral pixels beside: too few things tell"
_APART_PX = 0.05
_CLEAR = 10.0
"""Power of the correlation's peak over that around it."""
_CLEAR_ALIKE = 30.0
"""As `_CLEAR`: such fringes are there, if they lie where the other angles have them expected."""
_MOST_NOISE = 3.0
"""Standard error of what the bands leave unexplained: beyond it they say nothing at all."""
_TOLD_APART = 0.1
"""Of the least combination of bands, how much of it the frames show; 1 for equal steps. Below it,
separation lifts the noise's power a hundredfold. Of seven recordings the least was 0.8."""
_K_PX = 0.1
"""Standard error in spectral pixels: of twice that, fringes are a quarter off at the borders."""
_FRINGES_DEG, _WEAK_FRINGES_DEG, _EDGE_FRINGES_DEG = 6.0, 10.0, 12.0
"""Standard error of where the fringes lie, over the light; the second where light or fringes are
weak, so that noise harms an image more than misplaced fringes do, the last where the bands hardly
overlap, so that little else can be known."""
_BACKGROUND, _BACKGROUND_DEG = 1.0, 20.0
"""Unexplained power of the overlap, beyond doubt, from which parts of the field differ by light
that is out of focus; and what strong fringes may be off by there."""
_WEAK_PHOTONS, _WEAK_MODULATION = 25.0, 0.25
"""At the brightest place of a frame; below either, light or fringes are weak."""
_MODULATION = 0.4
"""Relative standard error."""
_REMARKED = 0.15
"""The same from which on it is said: two of it are the 30 % that a modulation may be off by."""
_UNEXPLAINED = 10.0
"""Of the overlap's power, beyond doubt. Background and a wrong OTF leave up to some times the power
of what fits in real recordings; sums and differences of other wave vectors leave thousands."""
_UNEXPLAINED_OF_FAINT = 0.3
"""The same of a peak that is not strong: other maxima of the object's leave about as much."""
_STRONG = 12.0
"""Peak-to-noise."""
_VERY_CLEAR = 100.0
"""As `_CLEAR`: such fringes are there, whatever their modulation."""


def insignificance_of(peak_to_noise: float) -> str:
    """Return why a peak that does not stand out counts for nothing, a part of a sentence."""
    below = math.floor(10.0 * peak_to_noise) / 10.0  # rounded, it might be what is expected
    return f"no significant pattern (peak-to-noise {below:.1f}, expected {SIGNIFICANT:.1f} or more)"


def doubt_of(found: Refined, peak_to_noise: float, step: float) -> str | None:
    """Return why a group's pattern may not be there, a part of a sentence; None if it is.

    Parameters
    ----------
    peak_to_noise
        Of the faintest of its wave vectors.
    step
        Spectral pixel in cycles/µm.
    """
    errors = found.errors
    numbers = [float(one.max()) for one in (errors.k, errors.fringes, errors.modulation)]
    if not all(map(math.isfinite, numbers)):
        return "fringes that the bands do not determine"
    if _told_apart(found.parameters) < _TOLD_APART:
        return f"{ALIKE_PHASES} ({_in_words(found.parameters.phases)})"
    if float(found.parameters.modulation.min()) <= LEAST_MODULATION:
        return (
            f"something periodic without a band beside it (modulation {LEAST_MODULATION:g} at the "
            f"most)"
        )
    most = _UNEXPLAINED if peak_to_noise > _STRONG else _UNEXPLAINED_OF_FAINT
    if errors.surely_unexplained > most:
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
    return None


def _told_apart(parameters: Parameters) -> float:
    """Return how well the phases tell the bands apart, whatever modulation and brightness are."""
    phases = parameters.phases
    even = torch.ones(phases.shape[-1], dtype=phases.dtype)
    full = torch.full_like(parameters.modulation, 2.0)
    mixing = mixing_matrix(phases, full, even, parameters.orders)
    return float(torch.linalg.svdvals(mixing)[-1]) / math.sqrt(len(even))


def _in_words(phases: Tensor) -> str:
    """Return "0°, 120°, 240°" of every wave vector, from phases [vector, frame]."""
    steps = torch.rad2deg(phases - phases[:, :1]).round().long().remainder(360).tolist()
    return "; ".join(", ".join(f"{one}°" for one in row) for row in steps)


def imprecision_of(
    found: Refined, peak_to_noise: float, photons: float, step: float, *, alike: bool
) -> str | None:
    """Return where a group's pattern is not known well enough, as `doubt_of` does.

    `photons` is `Steady.brightest`, `step` a spectral pixel in cycles/µm; `alike`, whether the
    wave vectors lie where the other angles have them expected.
    """
    if not found.settled:
        return "fringes that refining moves on and on"
    k = float((found.errors.k / step).max())
    fringes = math.degrees(float(found.errors.fringes.max()))
    if k > _K_PX:
        return f"a wave vector known to ±{k:.2g} spectral pixels, expected {_K_PX:g} or less"
    limit = _most_deg(found, peak_to_noise if alike else 0.0, photons)
    if fringes > limit:
        known, most = told_apart(fringes, limit)
        return f"fringes known to ±{known}°, expected {most}° or less"
    return None


def _most_deg(found: Refined, peak_to_noise: float, photons: float) -> float:
    """Return by how much the fringes may be off; `peak_to_noise` is 0 if others are elsewhere."""
    if found.errors.surely_unexplained > _BACKGROUND and peak_to_noise > _STRONG:
        return _BACKGROUND_DEG
    if float(found.errors.modulation.max()) > _MODULATION:
        return _EDGE_FRINGES_DEG
    weak = float(found.parameters.modulation.min()) < _WEAK_MODULATION
    return _WEAK_FRINGES_DEG if weak or photons < _WEAK_PHOTONS else _FRINGES_DEG


def modulation_doubt(found: Refined, peak_to_noise: float, *, alike: bool) -> str | None:
    """Return why a group's modulation is not known well enough, as `doubt_of` does.

    One order whose fringes are there beyond doubt is used all the same: since they are strong, or
    clear and `alike` those of the other angles. Of several orders the phases depend on it.
    """
    modulation = float(found.errors.modulation.max())
    if modulation <= _MODULATION:
        return None
    compared = found.errors.unexplained_error < _MOST_NOISE
    expected = alike and compared and float(found.errors.clear.min()) > _CLEAR_ALIKE
    there = is_undeniable(found, peak_to_noise) or expected
    if there and len(found.parameters.modulation) == 1:
        return None
    return (
        f"a modulation with a standard error of {modulation:.0%}, "
        f"expected {_MODULATION:.0%} or less"
    )


def remark_on(found: Refined) -> str | None:
    """Return what is not known of a pattern that is usable, a part of a sentence; None if all is.

    Fringes close to the cut-off leave the bands hardly an overlap to tell their modulation from.
    """
    error = float(found.errors.modulation.max())
    if error <= _REMARKED:
        return None
    return f"the bands hardly tell its modulation, which has a standard error of {error:.0%}"


def is_undeniable(found: Refined, peak_to_noise: float) -> bool:
    """Return whether the fringes stand out far beyond what anything else makes."""
    return peak_to_noise > _STRONG and float(found.errors.clear.min()) > _VERY_CLEAR
