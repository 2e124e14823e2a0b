"""Estimate the three-beam pattern of a volume from the volume itself; no prior is needed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from livesim.config.settings import Camera
from livesim.reconstruction.estimate.estimation import attainable_resolution_nm
from livesim.reconstruction.otf import Otf
from livesim.reconstruction.separation import mixing_matrix, orders_of
from livesim.reconstruction.volume.closer import CloserLook
from livesim.reconstruction.volume.fit import OrderFit
from livesim.reconstruction.volume.search import NEAREST, LineSearch
from livesim.reconstruction.volume.stack import HAZE, VolumeOptics, VolumeStack, noise_of
from livesim.values.pattern import NoiseToSignal, Pattern, PatternAngle
from livesim.values.volume_pattern import VolumePattern

_ALIKE = 1e-9
"""Of the brightest pixel: how far phases differ that are the same but for rounding."""
_LEAST_PEAK = 4.0
"""Of both orders over the ring around them; the greatest of noise is 2.6 to 3 times as high."""
_MOST_APART_DEG = 40.0
"""Between the phases that the first and the second order give of the same fringes."""
_LEAST_TRANSFER = 0.03
"""Of a transfer function, in units of its greatest: less tells no power of the object."""
_STRONGEST = (math.sqrt(2.0), 1.0)
"""Modulations of three beams: side beams as strong as the centre's root of half, or alone."""
_TOO_STRONG = 1.3
"""In units of those, which noise cannot explain."""
_POLARISED = 3.0
"""By how much the square of the first order's modulation exceeds what goes with the second's. Three
beams make m1² = 8 m2 (1 - m2), and light that is not polarised along the lines costs the second
order up to 2.3 times more than the square of the first."""
_SAME_LENGTH = 0.1
"""Share by which the wave vectors of one microscope differ in length, at most."""
_TELLING, _CERTAIN = 0.4, 0.8
"""Correlation of an order with the zero order, above which it chooses between peaks, and above
which the order is found, however low its peak: in fields of a few points."""
_SHELLS = 16
"""Of frequencies up to the cut-off, in which the object's power is told."""
_FARTHEST_SHELL = 2
"""In units of the cut-off."""
_FEWEST_SHELLS = 4
_STEEPEST = 6.0
"""Exponent of an object's power, at most."""


def estimate_volume_pattern(counts: Tensor, known: VolumeOptics, camera: Camera) -> VolumePattern:
    """Estimate wave vectors, phases, modulations and axial phases of a volume.

    Phases are taken to be equal steps of one turn; where those of the two orders contradict each
    other, the second order does not stand out or is too weak for the first, or lines are as far
    apart as those of no other angle, an angle is not usable, and a warning says why.

    Parameters
    ----------
    counts
        [z, angle, phase, y, x], five phases or more.
    known
        Of the microscope.
    camera
        Whose counts they are.
    """
    photons = ((counts.to(torch.float64) - camera.offset) / camera.gain).movedim(0, 2)
    planes, shape = photons.shape[2], (photons.shape[3], photons.shape[4])
    brightness = photons.mean(dim=(2, 3, 4))
    lit = bool((brightness > 0.0).all())
    relative = brightness / brightness.mean() if lit else torch.ones_like(brightness)
    stack, widefield = VolumeStack(known, planes, shape), photons.mean(dim=(0, 1))
    found = [
        _angle(stack, frames / bright[:, None, None, None], bright, widefield)
        for frames, bright in zip(photons, relative, strict=True)
    ]
    doubts = [doubt or _unlike(number, found) for number, (_, _, doubt) in enumerate(found)]
    angles = [replace(one, usable=not doubts[n]) for n, (one, _, _) in enumerate(found)]
    axial = [psi for _, psi, _ in found]
    warnings = [f"angle {n}: not usable, {doubt}" for n, doubt in enumerate(doubts) if doubt]
    noise_to_signal = _noise_to_signal(stack, widefield, len(angles))
    attainable = attainable_resolution_nm(angles, Otf(stack.cutoff), known.pixel_nm)
    pattern = Pattern(
        known.pixel_nm,
        shape,
        tuple(angles),
        attainable_resolution_nm=attainable,
        warnings=tuple(warnings),
    )
    return VolumePattern(
        pattern,
        planes,
        known.z_step_nm,
        known.excitation_nm,
        known.detection.refractive_index,
        tuple(axial),
        noise_to_signal,
    )


def volume_noise_to_signal(
    widefield: Tensor, known: VolumeOptics, angles: int
) -> NoiseToSignal | None:
    """Return the noise of an angle's zero order over the object's power, where a volume tells it.

    Parameters
    ----------
    widefield
        [z, y, x] photo-electrons, the mean of all frames of `angles` angles.
    known
        Of the microscope.
    angles
        Of the pattern.
    """
    planes, rows, columns = widefield.shape
    stack = VolumeStack(known, planes, (rows, columns))
    return _noise_to_signal(stack, widefield.double(), angles)


def _noise_to_signal(stack: VolumeStack, widefield: Tensor, angles: int) -> NoiseToSignal | None:
    """Return the noise of an angle's zero order over the object's power, a power law.

    In the units of `VolumePlan`, whose transfer functions are integrals in depths of focus.

    Parameters
    ----------
    widefield
        [z, y, x], the mean of all frames; its noise is that of one angle over their number.
    """
    noise = noise_of(stack, widefield) * stack.noise
    power = stack.spectrum(widefield).abs().square() - noise
    passed = stack.transfer((0.0, 0.0)).abs().square()
    lateral = (stack.distance((0.0, 0.0)) / stack.cutoff).expand_as(power)
    length = torch.sqrt(lateral.square() + (stack.kz / stack.cutoff).square())
    clear = (passed > _LEAST_TRANSFER**2 * passed.max()) & (lateral > HAZE)
    clear &= length < _FARTHEST_SHELL  # what a thin stack cut off leaks along z
    length = length[clear]
    # Where light lies most, in shells of equal width.
    shell, shells = (length * _SHELLS).long(), _FARTHEST_SHELL * _SHELLS
    signal, weight = (
        torch.zeros(shells, dtype=torch.float64).index_add(0, shell, values[clear])
        for values in (power * passed, passed.square())
    )
    seen = (signal > 0.0) & (weight > 0.0)
    if noise <= 0.0 or int(seen.sum()) < _FEWEST_SHELLS:
        return None
    at = torch.log((torch.arange(shells)[seen] + 0.5) / _SHELLS)
    ratio = torch.log(angles * noise * stack.unit**2 * weight[seen] / signal[seen])
    exponent = float(
        ((at - at.mean()) * (ratio - ratio.mean())).sum() / (at - at.mean()).square().sum()
    )
    exponent = min(max(exponent, 0.0), _STEEPEST)
    return NoiseToSignal(math.exp(float(ratio.mean() - exponent * at.mean())), exponent)


def _angle(
    stack: VolumeStack, frames: Tensor, bright: Tensor, widefield: Tensor
) -> tuple[PatternAngle, float, str]:
    """Return one angle of frames [phase, z, y, x], its axial phase, and what speaks against it.

    The widefield [z, y, x] is that of all angles.
    """
    count = len(frames)
    steps = 2.0 * torch.pi / count * torch.arange(count, dtype=torch.float64)
    ones = torch.ones(count, dtype=torch.float64)
    unmixing = torch.linalg.pinv(mixing_matrix(steps[None], ones[:2], ones, orders_of(1, 2)))
    zero, first, second = torch.einsum("bn,nzyx->bzyx", unmixing[:3], frames.to(unmixing.dtype))
    if float(frames.std(dim=0).max()) <= _ALIKE * float(frames.abs().max()):
        return _without_lines(stack, steps, bright), 0.0, "its frames are all alike"
    fit = OrderFit(stack, zero, noise_of(stack, zero))
    candidates = LineSearch(stack, zero, (first, second))()
    explained = fit.explained(second, [_twice(k) for k, _ in candidates])
    # Regular structure has peaks too, but there the order is no multiple of the zero order.
    best = explained.index(max(explained)) if max(explained) > _TELLING else 0
    (k, peak), sure = candidates[best], explained[best] > _CERTAIN
    k = CloserLook(stack, widefield, (first, second), k)()
    (strong_2,) = fit(second, _twice(k), ((0.0, 0.0),))
    psi, turn, strong_1 = _axial(fit, first, k, stack.axial_frequency(k))
    both = (turn, 0.5 * float(torch.angle(strong_2)))
    phase, apart = _agreed(both)
    # Lines that step backwards are found at -k.
    sign = 1.0 if k[0] > 0.0 or (k[0] == 0.0 and k[1] > 0.0) else -1.0
    angle = PatternAngle(
        (sign * k[0], sign * k[1]),
        tuple(sign * float(phase + step) for step in steps),
        (strong_1, float(strong_2.abs())),
        peak_to_noise=peak,
        intensity=tuple(float(b) for b in bright),
    )
    return angle, psi, _doubt(math.inf if sure else peak, apart, angle.modulation)


def _without_lines(stack: VolumeStack, steps: Tensor, bright: Tensor) -> PatternAngle:
    """Return an angle of which nothing but the phases' steps is known."""
    phases, light = tuple(steps.tolist()), tuple(bright.tolist())
    k = (0.5 * NEAREST * stack.cutoff, 0.0)
    return PatternAngle(k, phases, (0.0, 0.0), peak_to_noise=0.0, usable=False, intensity=light)


def _axial(
    fit: OrderFit, first: Tensor, k: tuple[float, float], kz: float
) -> tuple[float, float, float]:
    """Return the axial phase of a first order, its lateral phase and its modulation."""
    even, odd = fit(first, k, ((kz, 0.0), (kz, -0.5 * math.pi)))
    turn = 0.5 * float(torch.angle(even**2 + odd**2))
    back = complex(math.cos(turn), -math.sin(turn))
    ahead, aside = float((even * back).real), float((odd * back).real)
    psi = math.atan2(-aside, ahead)
    if abs(psi) > 0.5 * math.pi:
        psi, turn = psi - math.copysign(math.pi, psi), turn + math.pi
    return psi, turn, math.hypot(ahead, aside)


def _doubt(peak: float, apart_deg: float, modulation: tuple[float, ...]) -> str:
    """Return why an angle is not to be believed; empty if it is."""
    if peak < _LEAST_PEAK:
        return (
            f"its orders stand {peak:.1f} times above the noise, expected {_LEAST_PEAK:g} or more"
        )
    if apart_deg > _MOST_APART_DEG:
        return f"its two orders contradict each other by {apart_deg:.0f}° of phase"
    pairs = zip(modulation, _STRONGEST, strict=True)
    if any(strong > _TOO_STRONG * most for strong, most in pairs):
        return (
            f"its modulations are {modulation[0]:.2f} and {modulation[1]:.2f}, expected at most "
            f"{_STRONGEST[0]:.2f} and {_STRONGEST[1]:.2f}, which three beams can make"
        )
    first, second = modulation
    least = 0.5 - 0.5 * math.sqrt(max(1.0 - first**2 / (2.0 * _POLARISED), 0.0))
    if second < least:
        return (
            f"its modulations are {first:.2f} and {second:.2f}, expected at least {least:.2f} of "
            "the second order beside such a first one of three beams"
        )
    return ""


def _unlike(number: int, found: Sequence[tuple[PatternAngle, float, str]]) -> str:
    """Return in what an angle differs from all others, where those agree; empty if it does not."""
    others = [one.period_nm for n, (one, _, doubt) in enumerate(found) if n != number and not doubt]
    if len(others) < 2 or max(others) > (1.0 + _SAME_LENGTH) * min(others):
        return ""
    own, usual = found[number][0].period_nm, sum(others) / len(others)
    if max(own, usual) < (1.0 + _SAME_LENGTH) * min(own, usual):
        return ""
    return f"its lines are {own:.0f} nm apart, those of the other angles {usual:.0f} nm"


def _agreed(both: tuple[float, float]) -> tuple[float, float]:
    """Return the phase that two orders tell, the second up to half a turn, and how far apart."""
    one, half = both
    off = (half - one + 0.5 * math.pi) % math.pi - 0.5 * math.pi
    return one + off, 2.0 * math.degrees(abs(off))


def _twice(k: tuple[float, float]) -> tuple[float, float]:
    return 2.0 * k[0], 2.0 * k[1]
