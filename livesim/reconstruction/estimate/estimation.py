"""Estimate the illumination pattern from raw stacks, with its significance; no prior needed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import linear_regression

import torch
from torch import Tensor

from livesim.config.settings import Camera, Optics, PatternSettings
from livesim.reconstruction.estimate.annulus import annuli_of
from livesim.reconstruction.estimate.contrast import Contrast
from livesim.reconstruction.estimate.correlation import Correlation
from livesim.reconstruction.estimate.doubt import doubt_of, remark_on
from livesim.reconstruction.estimate.frame_phases import Turning
from livesim.reconstruction.estimate.grid import EstimationGrid, estimation_grid
from livesim.reconstruction.estimate.parameters import Parameters, at_origin
from livesim.reconstruction.estimate.refine import Fit, Refined, refine
from livesim.reconstruction.estimate.search import Peak, find_peaks
from livesim.reconstruction.estimate.spectra import Spectra, prepare
from livesim.reconstruction.estimate.zero_order import frames_of
from livesim.reconstruction.filters import DEFAULT_WIENER
from livesim.reconstruction.otf import Otf
from livesim.values.pattern import NoiseToSignal, Pattern, PatternAngle

SIGNIFICANT = 5.0
"""Peak-to-noise from which a wave vector counts as found."""
_START_MODULATION = 0.5
_FIT_RANGE = (0.1, 0.8)  # of the cut-off: where the object's power is read
_FEWEST_RINGS = 5
_SLIGHT, _SURE = 0.02, 3.0  # unexplained of the overlap, plus standard errors of it: no misfit
_MIDDLE_SHARE = 0.5  # of the signal's power in the middle of the overlap: there it is the most
_SUSPECT = 0.6  # of the overlap unexplained: another peak may explain it better
_ALIKE = 0.6  # of the strongest peak's height
_NEARLY = 0.95  # of the best strength: then the longest means are taken
_MIDDLE = 8  # stretches into which a time-lapse is cut on trial

Progress = Callable[[str], None]


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
    spectra, found = best.spectra, _found(best, grid, pattern)
    angles: list[PatternAngle] = []
    for number, one in enumerate(found):
        intensity = spectra.intensity[number]
        noise = float((spectra.noise[number] * intensity.square()).mean()) / len(spectra.frames)
        contrast = Contrast(photons[:, number].mean(dim=0), noise)
        angles += _angles(one, contrast, intensity, grid)
    doubts = [one.doubt for one in found for _ in one.peaks]
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
        f"angle {number}: {doubt or _insignificant(angle)}; its frames count as widefield only"
        for number, (angle, doubt) in enumerate(zip(angles, doubts, strict=True))
        if not angle.usable
    ]


def _insignificant(angle: PatternAngle) -> str:
    return (
        f"no significant pattern (peak-to-noise {angle.peak_to_noise:.1f}, "
        f"expected {SIGNIFICANT:.1f} or more)"
    )


def _remarks(found: Sequence[_Found]) -> Iterator[str]:
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


@dataclass(frozen=True, eq=False)
class _Search:
    """The search on means of successive raw stacks."""

    spectra: Spectra
    correlation: Correlation
    peaks: list[list[Peak]]
    """Of every group."""

    @property
    def strength(self) -> float:
        return sum(peak.peak_to_noise for group in self.peaks for peak in group)


def _best_length(spectra: Spectra, grid: EstimationGrid, pattern: PatternSettings) -> _Search:
    """Return the search on the longest means that are about as significant as the best."""
    tries = [
        _search(spectra if n == 1 else spectra.averaged(n, grid), grid, pattern)
        for n in _lengths(len(spectra.frames))
    ]
    enough = _NEARLY * max(one.strength for one in tries)
    return next(one for one in reversed(tries) if one.strength >= enough)


def _lengths(times: int) -> list[int]:
    """Return over how many stacks to average: all where the object rests, none where it moves."""
    return sorted({1, max(times // _MIDDLE, 1), times})


def _search(spectra: Spectra, grid: EstimationGrid, pattern: PatternSettings) -> _Search:
    correlation = Correlation(spectra, grid)
    annuli = [annuli_of(pattern, grid.otf, number) for number in range(len(spectra.noise))]
    peaks = find_peaks(correlation, grid, annuli, pattern.harmonics)
    return _Search(spectra, correlation, peaks)


@dataclass(frozen=True, eq=False)
class _Found:
    """What became of one group of frames."""

    peaks: list[Peak]
    start: Parameters
    refined: Refined | None
    """None where no pattern is significant."""
    doubt: str | None
    """Why it is not usable although it stands out."""

    @property
    def usable(self) -> bool:
        return self.refined is not None and self.doubt is None

    @property
    def unexplained(self) -> float:
        """Of the bands' overlap, where noise does not explain how they differ."""
        if self.refined is None or self.refined.errors.consistent:
            return 0.0
        return self.refined.errors.unexplained


def _better(new: _Found, old: _Found) -> bool:
    """Return whether the pattern of another peak is to be believed instead."""
    if not new.usable or not old.usable:
        return new.usable and new.unexplained <= _SUSPECT
    alike = new.peaks[0].peak_to_noise > _ALIKE * old.peaks[0].peak_to_noise
    return alike and new.unexplained < 0.5 * old.unexplained


def _found(search: _Search, grid: EstimationGrid, pattern: PatternSettings) -> list[_Found]:
    """Return the pattern of every group.

    Where the strongest peak comes to nothing, the next one is tried: fringes that even light leaves
    in the object's image correlate with others at the sums and differences of their wave vectors.
    """
    found = _tried(search, search.peaks, set(range(len(search.peaks))), grid, pattern)
    again = {
        number
        for number, one in enumerate(found)
        if len(one.peaks) == 1 and (one.doubt is not None or one.unexplained > _SUSPECT)
    }
    if not again:
        return found
    annuli = [annuli_of(pattern, grid.otf, number) for number in range(len(found))]
    known = {number: search.peaks[number] for number in again}
    others = find_peaks(search.correlation, grid, annuli, pattern.harmonics, known)
    peaks = [others[n] if n in again else one.peaks for n, one in enumerate(found)]
    second = _tried(search, peaks, again, grid, pattern)
    return [
        new if number in again and _better(new, one) else one
        for number, (one, new) in enumerate(zip(found, second, strict=True))
    ]


def _tried(
    search: _Search,
    peaks: Sequence[list[Peak]],
    wanted: set[int],
    grid: EstimationGrid,
    pattern: PatternSettings,
) -> list[_Found]:
    """Return what the peaks of the groups lead to, refined for those that are `wanted`."""
    starts = [
        _start(search.correlation, number, own, pattern.harmonics)
        for number, own in enumerate(peaks)
    ]
    significant = [
        start if all(peak.peak_to_noise >= SIGNIFICANT for peak in own) else None
        for start, own in zip(starts, peaks, strict=True)
    ]
    frames = frames_of(search.spectra, significant)
    fits = {
        number: Fit(frames[number], Turning.of(search.correlation, number, start), start, grid)
        for number, start in enumerate(significant)
        if start is not None and number in wanted
    }
    refined = dict(zip(fits, refine(list(fits.values())), strict=True))
    doubts = {
        number: doubt_of(one, min(peak.peak_to_noise for peak in peaks[number]), grid.step)
        for number, one in refined.items()
        if one is not None
    }
    return [
        _Found(own, start, refined.get(number), doubts.get(number))
        for number, (own, start) in enumerate(zip(peaks, starts, strict=True))
    ]


def _start(
    correlation: Correlation, group: int, peaks: Sequence[Peak], harmonics: int
) -> Parameters:
    """Return the pattern that the peaks of the search stand for."""
    k = torch.tensor([peak.k for peak in peaks], dtype=torch.float64) / harmonics
    phases = torch.stack([correlation.phases(group, one) for one in k])
    return Parameters(
        k=k,
        phases=phases,
        modulation=torch.full((len(k) * harmonics,), _START_MODULATION, dtype=torch.float64),
        intensity=torch.ones(phases.shape[1], dtype=torch.float64),
    )


def _angles(
    found: _Found, contrast: Contrast, intensity: Tensor, grid: EstimationGrid
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
