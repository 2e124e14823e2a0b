"""Estimate the illumination pattern from raw stacks, with its significance; no prior needed."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from statistics import linear_regression

import torch
from torch import Tensor

from livesim.config.settings import Camera, Optics, PatternSettings
from livesim.reconstruction.estimate.attempts import Search, found_in
from livesim.reconstruction.estimate.contrast import Contrast
from livesim.reconstruction.estimate.doubt import insignificance_of, remark_on
from livesim.reconstruction.estimate.found import Found
from livesim.reconstruction.estimate.grid import EstimationGrid, estimation_grid
from livesim.reconstruction.estimate.parameters import at_origin
from livesim.reconstruction.estimate.refine import Refined
from livesim.reconstruction.estimate.spectra import Spectra, prepare
from livesim.reconstruction.filters import DEFAULT_WIENER
from livesim.reconstruction.otf import Otf
from livesim.values.pattern import NoiseToSignal, Pattern, PatternAngle

_FIT_RANGE = (0.1, 0.8)  # of the cut-off: where the object's power is read
_FEWEST_RINGS = 5
_SLIGHT, _SURE = 0.02, 3.0  # unexplained of the overlap, plus standard errors of it: no misfit
_MIDDLE_SHARE = 0.5  # of the signal's power in the middle of the overlap: there it is the most
_NEARLY = 0.95  # of the best strength: then the longest means are taken
_MIDDLE = 8  # stretches into which a time-lapse is cut on trial


@torch.inference_mode()
def estimate_pattern(
    stacks: Tensor,
    optics: Optics,
    pattern: PatternSettings,
    camera: Camera,
    pixel_nm: float,
    otf: Otf | None = None,
) -> Pattern:
    """Estimate the illumination from one or more raw stacks taken with the same pattern.

    Parameters
    ----------
    stacks
        [time, angle, phase, y, x] in camera counts.
    optics, pattern, camera
        The microscope.
    pixel_nm
        Raw pixel.
    otf
        Measured OTF; None uses the theoretical one.

    Returns
    -------
    Pattern
        An angle that does not stand out from the noise is marked unusable.

    Raises
    ------
    ValueError
        If the stacks do not have the pattern's angles and phases.
    """
    if tuple(stacks.shape[1:3]) != pattern.stack_shape:
        raise ValueError(
            f"expected stacks of (angles, phases) = {pattern.stack_shape}, "
            f"found {tuple(stacks.shape[1:3])}"
        )
    shape = (stacks.shape[-2], stacks.shape[-1])
    grid = estimation_grid(shape, pixel_nm / 1000.0, otf or Otf.theoretical(optics))
    photons = (stacks.float() - camera.offset) / camera.gain
    best = _best_length(prepare(photons, grid), grid, pattern)
    spectra, found = best.spectra, found_in(best, grid, pattern)
    angles: list[PatternAngle] = []
    for number, one in enumerate(found):
        intensity = spectra.intensity[number]
        noise = float((spectra.noise[number] * intensity.square()).mean()) / len(spectra.frames)
        contrast = Contrast(photons[:, number].mean(dim=0), noise)
        angles += _angles(one, contrast, intensity, grid)
    doubts = [one.why_not for one in found for _ in one.peaks]
    misfit = _misfit([one.refined for one in found if one.refined is not None], grid)
    stack_noise = spectra.steady.noise * spectra.stacks * stacks.shape[1]
    return Pattern(
        pixel_nm=pixel_nm,
        shape=shape,
        angles=tuple(angles),
        attainable_resolution_nm=attainable_resolution_nm(angles, grid.otf, pixel_nm),
        warnings=(*_warnings(angles, doubts), *_remarks(found)),
        doubts=tuple(_remarks(found)),
        layout=pattern.layout,
        noise_to_signal=_noise_to_signal(spectra.steady.power / stack_noise, misfit, grid),
    )


def attainable_resolution_nm(angles: list[PatternAngle], otf: Otf, pixel_nm: float) -> float:
    """Return the finest period the usable bands reach, or the sampling allows, in nm."""
    usable = [angle for angle in angles if angle.usable]
    reach = [math.hypot(*angle.k_cycles_per_um) * len(angle.modulation) for angle in usable]
    frequency = otf.cutoff + (max(reach) if reach else 0.0)
    return max(1000.0 / frequency, pixel_nm)


def _warnings(angles: list[PatternAngle], doubts: Sequence[str | None]) -> list[str]:
    return [
        f"angle {number}: {doubt or insignificance_of(angle.peak_to_noise)}; "
        "its frames count as widefield only"
        for number, (angle, doubt) in enumerate(zip(angles, doubts, strict=True))
        if not angle.usable
    ]


def _remarks(found: Sequence[Found]) -> Iterator[str]:
    number = 0
    for one in found:
        remark = remark_on(one.refined) if one.usable and one.refined is not None else None
        for _ in one.peaks:
            if remark is not None:
                yield f"angle {number}: {remark}"
            number += 1


def _misfit(found: Sequence[Refined], grid: EstimationGrid) -> float:
    """Return what the model of optics and light does not explain, in the object's power.

    What bands do not share in the middle of their overlap is as good as noise there: a filter that
    trusts a wrong OTF to the noise's level would amplify its errors without end. Background without
    fringes is not shared either, so that it counts as far as the default parameter does only.
    """
    if not found:
        return 0.0
    shares = [
        _MIDDLE_SHARE
        * one.errors.unexplained
        * float(grid.otf(0.5 * one.parameters.k.norm(dim=1)).square().mean())
        * (one.errors.unexplained > _SLIGHT + _SURE * one.errors.unexplained_error)
        for one in found
    ]
    return sum(shares) / len(shares)


def _noise_to_signal(
    signal_to_noise: Tensor, misfit: float, grid: EstimationGrid
) -> NoiseToSignal | None:
    """Fit a power law to the rings' signal-to-noise ratio where there is signal."""
    relative = torch.arange(len(signal_to_noise)) * grid.step / grid.otf.cutoff
    first, last = _FIT_RANGE
    fitted = (relative >= first) & (relative <= last) & (signal_to_noise > 0.0)
    if int(fitted.sum()) < _FEWEST_RINGS:
        return None
    # Rings weigh alike: few samples in the inner ones, little signal in the outer ones.
    # Not lstsq: its last digit changes from call to call, and equal frames have equal patterns.
    exponent, at_cutoff = linear_regression(
        relative[fitted].log().tolist(), (-signal_to_noise[fitted].log()).tolist()
    )
    floor = min(misfit, DEFAULT_WIENER**2)
    return NoiseToSignal(max(math.exp(at_cutoff), floor), max(exponent, 0.0))


def _best_length(spectra: Spectra, grid: EstimationGrid, pattern: PatternSettings) -> Search:
    """Return the search on the longest means that are about as significant as the best."""
    tries = [
        Search.of(spectra if n == 1 else spectra.averaged(n, grid), grid, pattern)
        for n in _lengths(len(spectra.frames))
    ]
    strengths = [one.strength for one in tries]
    if any(map(math.isnan, strengths)):
        raise ValueError("expected raw frames of finite counts, found NaN or infinity in them")
    enough = _NEARLY * max(strengths)
    return next(one for one in reversed(tries) if one.strength >= enough)


def _lengths(times: int) -> list[int]:
    """Return over how many stacks to average: all where the object rests, none where it moves."""
    return sorted({1, max(times // _MIDDLE, 1), times})


def _angles(
    found: Found, contrast: Contrast, intensity: Tensor, grid: EstimationGrid
) -> list[PatternAngle]:
    refined = found.refined if found.usable else None
    parameters = at_origin(refined.parameters if refined else found.start, grid)
    intensity = parameters.intensity * intensity
    intensity = intensity / intensity.mean()
    harmonics = len(parameters.modulation) // len(parameters.k)
    angles = []
    for vector, peak in enumerate(found.peaks):
        k, phases = _pointing_right(parameters.k[vector], parameters.phases[vector])
        modulation = parameters.modulation[vector * harmonics : (vector + 1) * harmonics]
        angles.append(
            PatternAngle(
                k_cycles_per_um=(float(k[0]), float(k[1])),
                phases_rad=tuple(phases.tolist()),
                modulation=tuple(modulation.tolist()) if refined else (0.0,) * harmonics,
                peak_to_noise=peak.peak_to_noise,
                mcnr=contrast.to_noise(phases),
                usable=refined is not None,
                intensity=tuple(intensity.tolist()),
            )
        )
    return angles


def _pointing_right(k: Tensor, phases: Tensor) -> tuple[Tensor, Tensor]:
    """Return (k, phases) with k to x >= 0 and the phases in [0, 2 pi)."""
    if k[0] < 0 or (k[0] == 0 and k[1] < 0):
        k, phases = -k, -phases
    return k, torch.remainder(phases, 2.0 * torch.pi)
