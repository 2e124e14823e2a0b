"""Raw stacks in, the illumination pattern with its significance out; no prior needed."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from livesim.config import Camera, Optics, PatternSettings
from livesim.frames import NoiseToSignal, Pattern, PatternAngle
from livesim.reconstruction.correlation import Correlation
from livesim.reconstruction.estimation_grid import EstimationGrid
from livesim.reconstruction.otf import Otf
from livesim.reconstruction.parameters import Parameters, at_origin
from livesim.reconstruction.refine import refine
from livesim.reconstruction.search import Annulus, Peak, find_peaks
from livesim.reconstruction.spectra import Spectra, find_steady, prepare

SIGNIFICANT = 5.0
"""Peak-to-noise from which a wave vector counts as found."""
_ANNULUS = (0.35, 1.2)  # of the widefield cut-off; excitation is shorter than emission
_PERIOD_TOLERANCE = 0.1
_START_MODULATION = 0.5
_FIT_RANGE = (0.1, 0.8)  # of the cut-off: where the object's power is read
_FEWEST_RINGS = 5
_NEARLY = 0.95  # of the best strength: then the longest means are taken
_MIDDLE = 8  # stretches into which a time-lapse is cut on trial

Progress = Callable[[str], None]


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
    otf = otf or Otf.theoretical(optics)
    shape = (stacks.shape[-2], stacks.shape[-1])
    grid = EstimationGrid(shape, pixel_nm / 1000.0, otf)
    photons = [
        (stacks[:, number].float() - camera.offset) / camera.gain
        for number in range(stacks.shape[1])
    ]
    tries = [_try(photons, length, grid, pattern) for length in _lengths(len(stacks))]
    enough = _NEARLY * max(one.strength for one in tries)
    best = next(one for one in reversed(tries) if one.strength >= enough)
    refined = refine(best.groups, grid, [f.start if f.significant else None for f in best.found])
    angles = [
        angle
        for frames, spectra, one, at in zip(
            best.photons, best.groups, best.found, refined, strict=True
        )
        for angle in _angles(at, one, spectra, frames, grid)
    ]
    steady = best.groups[0].steady
    stack_noise = steady.noise * best.length * len(best.groups)
    return Pattern(
        pixel_nm=pixel_nm,
        shape=shape,
        angles=tuple(angles),
        attainable_resolution_nm=attainable_resolution_nm(angles, otf, pixel_nm),
        warnings=tuple(_warnings(angles)),
        layout=pattern.layout,
        noise_to_signal=_noise_to_signal(steady.power / stack_noise, grid),
    )


def attainable_resolution_nm(angles: list[PatternAngle], otf: Otf, pixel_nm: float) -> float:
    """Return the finest period the usable bands reach, or the sampling allows, in nm."""
    usable = [angle for angle in angles if angle.usable]
    reach = [math.hypot(*angle.k_cycles_per_um) * len(angle.modulation) for angle in usable]
    frequency = otf.cutoff + (max(reach) if reach else 0.0)
    return max(1000.0 / frequency, pixel_nm)


def _warnings(angles: list[PatternAngle]) -> list[str]:
    return [
        f"angle {number}: no significant pattern (peak-to-noise {angle.peak_to_noise:.1f}, "
        f"expected {SIGNIFICANT:.1f} or more); its frames count as widefield only"
        for number, angle in enumerate(angles)
        if not angle.usable
    ]


def _annuli(pattern: PatternSettings, otf: Otf, number: int) -> list[Annulus]:
    """Return where to search the highest harmonic of each wave vector in group `number`."""
    vectors = range(3) if pattern.layout == "hexagonal" else range(number, number + 1)
    return [_annulus(pattern, otf, vector) for vector in vectors]


def _annulus(pattern: PatternSettings, otf: Otf, vector: int) -> Annulus:
    period = pattern.expected_period_nm
    if isinstance(period, tuple):
        period = period[vector]
    direction = pattern.expected_angles_deg
    inner, outer = (share * otf.cutoff for share in _ANNULUS)
    if period is not None:
        frequency = pattern.harmonics * 1000.0 / period
        inner, outer = frequency * (1 - _PERIOD_TOLERANCE), frequency * (1 + _PERIOD_TOLERANCE)
    return Annulus(inner, outer, None if direction is None else direction[vector])


def _noise_to_signal(signal_to_noise: Tensor, grid: EstimationGrid) -> NoiseToSignal | None:
    """Fit a power law to the rings' signal-to-noise ratio where there is signal."""
    relative = torch.arange(len(signal_to_noise)) * grid.step / grid.otf.cutoff
    first, last = _FIT_RANGE
    told = (relative >= first) & (relative <= last) & (signal_to_noise > 0.0)
    if int(told.sum()) < _FEWEST_RINGS:
        return None
    # Rings weigh alike: few samples in the inner ones, little signal in the outer ones.
    design = torch.stack([torch.ones(int(told.sum())), relative[told].log()], dim=1).double()
    fit = torch.linalg.lstsq(design, -signal_to_noise[told].log().double()[:, None]).solution
    return NoiseToSignal(float(fit[0].exp()), max(float(fit[1]), 0.0))


@dataclass(frozen=True, eq=False)
class _Try:
    """The search on means of `length` successive raw stacks."""

    length: int
    photons: list[Tensor]
    groups: list[Spectra]
    found: list[_Found]

    @property
    def strength(self) -> float:
        return sum(peak.peak_to_noise for one in self.found for peak in one.peaks)


def _lengths(times: int) -> list[int]:
    """Return over how many stacks to average: all where the object rests, none where it moves."""
    return sorted({1, max(times // _MIDDLE, 1), times})


def _try(
    photons: list[Tensor], length: int, grid: EstimationGrid, pattern: PatternSettings
) -> _Try:
    means = photons if length == 1 else [_means(frames, length) for frames in photons]
    whole = torch.stack([frames.mean(dim=1) for frames in means]).mean(dim=0)
    steady = find_steady(whole, grid, math.prod(pattern.stack_shape), length)
    groups = [prepare(frames, grid, steady) for frames in means]
    annuli = [_annuli(pattern, grid.otf, number) for number in range(len(groups))]
    found = [_search(s, grid, pattern, a) for s, a in zip(groups, annuli, strict=True)]
    return _Try(length, means, groups, found)


def _means(frames: Tensor, length: int) -> Tensor:
    return torch.stack([chunk.mean(dim=0) for chunk in frames.split(length)])


@dataclass(frozen=True, eq=False)
class _Found:
    """What the search says of one group."""

    peaks: list[Peak]
    start: Parameters

    @property
    def significant(self) -> bool:
        return all(peak.peak_to_noise >= SIGNIFICANT for peak in self.peaks)


def _search(
    spectra: Spectra, grid: EstimationGrid, pattern: PatternSettings, annuli: list[Annulus]
) -> _Found:
    correlation = Correlation(spectra, grid)
    peaks = find_peaks(correlation, grid, annuli, pattern.harmonics)
    return _Found(peaks, _start(correlation, peaks, pattern.harmonics))


def _start(correlation: Correlation, peaks: list[Peak], harmonics: int) -> Parameters:
    k = torch.tensor([peak.k for peak in peaks], dtype=torch.float64) / harmonics
    phases = torch.stack(
        [correlation.around((float(one[0]), float(one[1]))).phases(one) for one in k]
    )
    return Parameters(
        k=k,
        phases=phases,
        modulation=torch.full((len(k) * harmonics,), _START_MODULATION, dtype=torch.float64),
        intensity=torch.ones(phases.shape[1], dtype=torch.float64),
    )


def _angles(
    refined: Parameters | None,
    found: _Found,
    spectra: Spectra,
    photons: Tensor,
    grid: EstimationGrid,
) -> list[PatternAngle]:
    parameters = at_origin(refined or found.start, grid)
    intensity = parameters.intensity * spectra.intensity
    intensity = intensity / intensity.mean()
    harmonics = len(parameters.modulation) // len(parameters.k)
    angles = []
    for vector, peak in enumerate(found.peaks):
        k, phases = _pointing_right(parameters.k[vector], parameters.phases[vector])
        modulation = parameters.modulation[vector * harmonics : (vector + 1) * harmonics]
        contrast = modulation_contrast_to_noise(photons, phases, spectra)
        angles.append(
            PatternAngle(
                k_cycles_per_um=(float(k[0]), float(k[1])),
                phases_rad=tuple(phases.tolist()),
                modulation=tuple(modulation.tolist()) if refined else (0.0,) * harmonics,
                peak_to_noise=peak.peak_to_noise,
                mcnr=contrast,
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


def modulation_contrast_to_noise(photons: Tensor, phases: Tensor, spectra: Spectra) -> float:
    """Return the rms fringe amplitude in the brighter half of the signal over the noise there.

    The measure of SIMcheck (Ball et al., Sci. Rep. 5, 15915, 2015) with the noise read from beyond
    the optical cut-off; the noise's own share of the amplitude is taken off.
    """
    frames = photons[0] if len(photons) == 1 else photons.mean(dim=0)
    count = frames.shape[0]
    flat = frames.flatten(1)
    mixing = torch.stack([phases.cos(), phases.sin(), torch.full_like(phases, 1.0 / count)])
    cosine, sine, mean = mixing.float() @ flat  # at once: the memory is what takes the time
    levels = mixing.float() @ flat.mean(dim=1)
    power = (2.0 / count) ** 2 * ((cosine - levels[0]).square() + (sine - levels[1]).square())
    average = float(mean.mean())
    bright = (mean > average).float()
    samples = float(bright.sum())
    if samples == 0.0:
        return 0.0
    floor = float(spectra.noise.mean()) / mean.numel() / photons.shape[0]
    local = floor * max(float((mean * bright).sum()) / samples / max(average, 1e-6), 1.0)
    signal = float((power * bright).sum()) / samples - 4.0 / count * local
    return math.sqrt(max(signal, 0.0) / local)
