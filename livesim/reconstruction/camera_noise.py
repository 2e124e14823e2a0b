"""Measure how strong a camera's noise is, as a function of light, from the raw frames themselves.

Optics pass nothing beyond their cut-off, so what a spectrum holds there is noise, or stays the same
from frame to frame: pixels differ in offset and gain. A high-pass that nulls the optics' passband
leaves those two; per pixel a constant and a part in proportion to the light are removed over the
frames; the rest is noise. In counts its variance is gain x (mean - offset) + (gain x read noise)²:
a straight line over the mean light of small tiles (photon transfer; Janesick, Photon Transfer, SPIE
Press, 2007, here beyond the cut-off instead of between two equal exposures). The line tells the
gain, and of offset and read noise either one if the other is known: the two share its intercept.
The variance of every pixel, which is what images are weighed with, needs neither.

`measure_camera_noise` measures or refuses; what images are weighed with is in `noise_model.py`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from livesim.reconstruction.high_pass import LEAST_REACH, Highpass, filtered, high_pass
from livesim.reconstruction.shared_noise import noise_spectrum

_TILE = 8
"""Raw pixels: small enough for different light, hot pixels spoil few of them."""
_MOST_PIXELS = 768
_MOST_FRAMES = 30
_STEP_ROWS = 64
"""That are enough to see the step of the counts."""
_MARGIN = 1.04
"""Of the cut-off: optics are known to some per cent."""
_LEAST_SHARE = 0.03
"""Of all frequencies that have to lie beyond the cut-off."""
_FEWEST_TILES = 12
_ROUNDS = 8
_OUTLIER = 6.0
"""Robust standard deviations at which a tile counts nothing (Tukey's biweight)."""
_HONEST = 1.5
"""Times the errors of independent tiles: the noise of neighbours is not quite independent."""
_COARSE = 0.05
"""Variance in squared steps of the counts below which rounding hides the noise."""
_FINE = 3.5
"""Of the variance of rounding, from which it is independent of the light (Sheppard)."""
_BENT = 0.05
"""Of the variance: how far it may lie from a straight line, root mean square."""
_CLEAR = 5.0
"""Standard deviations."""
_NODES = 8
_FAR = 100.0
"""Times the range of the light: where curves end."""
MOST_ERROR = 0.2
"""Of the variance over the light that occurs: what is less certain is not measured."""


Node = tuple[float, float]
"""(light, variance)"""


class NoiseUnknownError(ValueError):
    """The frames do not tell their noise; the sentence says why."""


class CorrelatedNoiseError(NoiseUnknownError):
    """Neighbouring pixels share noise: the frames were resampled, smoothed or denoised."""


@dataclass(frozen=True, slots=True)
class CameraNoise:
    """The camera as its noise shows it; errors are standard deviations."""

    gain: float
    """Counts per photo-electron; of an EMCCD twice that, its excess noise included."""
    gain_error: float
    dark_variance: float
    """Counts squared at a mean of 0 counts: (gain x read noise)² - gain x offset. What variances
    need, whatever the offset is."""
    dark_variance_error: float
    covariance: float
    """Of the two errors."""
    light: tuple[float, float]
    """Counts of the darkest and the brightest hundredth of the pixels."""
    bend: float
    """Root mean square of the variance's relative departure from the line; 0 if not significant."""
    nodes: tuple[Node, ...]
    """(counts, variance) of tiles of like light."""
    ripple: float
    """Relative scatter of the noise's power over the frequencies; 0 of independent pixels."""
    rounding: float = 0.0
    """Counts squared that whole counts add to every variance."""

    @property
    def straight(self) -> bool:
        """Whether the variance grows in a straight line with the light, as that of photons does."""
        return self.bend < _BENT and self.gain > -_CLEAR * self.gain_error

    @property
    def told(self) -> bool:
        """Whether the light differs enough between tiles to tell gain and intercept apart.

        Where the darkest tiles hardly leave one count, rounding bends the line.
        """
        fine = self.nodes[0][1] > _FINE * self.rounding
        return fine and self.straight and 0.0 < self.gain_error < MOST_ERROR * self.gain

    def error(self, counts: float) -> float:
        """Return the standard deviation of the line's variance at a mean of `counts`."""
        squared = (counts * self.gain_error) ** 2 + self.dark_variance_error**2
        return math.sqrt(max(squared + 2.0 * counts * self.covariance, 0.0))

    def line(self, counts: float) -> float:
        """Return the line's variance, counts squared, at a mean of `counts`."""
        return self.gain * counts + self.dark_variance

    def variance(self, counts: Tensor) -> Tensor:
        """Return the noise's variance in counts squared where the mean is `counts`."""
        return interpolated(counts, self.curve())

    def curve(self) -> tuple[Node, ...]:
        """Return (counts, variance) between which variances lie on straight lines."""
        if not self.straight or self.gain <= 0.0:
            return _extended(self.nodes)
        dark, bright = self.light
        least = max(self.line(dark), 0.5 * self.nodes[0][1])
        return _extended(((dark, least), (bright, max(self.line(bright), least))))

    def read_noise(self, offset: float) -> tuple[float, float]:
        """Return (electrons, error) of the read noise, for an offset that is known.

        Two unknowns cannot be read from one intercept: dark tiles tell the offset, or the settings.
        """
        squared = (self.dark_variance - self.rounding + self.gain * offset) / self.gain**2
        slope = offset - 2.0 * self.gain * squared
        spread = (slope * self.gain_error) ** 2 + self.dark_variance_error**2
        spread += 2.0 * slope * self.covariance
        error = math.sqrt(max(spread, 0.0)) / self.gain**2
        value = math.sqrt(max(squared, 0.0))
        return value, error / (2.0 * max(value, math.sqrt(error), 1e-9))

    def offset(self, read_noise: float) -> tuple[float, float]:
        """Return (counts, error) of the offset, for a read noise in electrons that is known."""
        value = self.gain * read_noise**2 - (self.dark_variance - self.rounding) / self.gain
        slope = read_noise**2 + self.dark_variance / self.gain**2
        spread = (slope * self.gain_error) ** 2 + (self.dark_variance_error / self.gain) ** 2
        spread -= 2.0 * slope * self.covariance / self.gain
        return value, math.sqrt(max(spread, 0.0))


def measure_camera_noise(frames: Tensor, pixel_um: float, cutoff: float) -> CameraNoise:
    """Return gain, and offset or read noise, of the camera that recorded `frames`.

    Parameters
    ----------
    frames
        [frame, y, x] counts of one or several raw stacks, at least three frames. Of larger ones the
        middle 768 rows and columns and the first 30 are looked at.
    pixel_um
        Raw pixel in the specimen.
    cutoff
        Cycles/µm of the optics, 2 NA / emission wavelength.

    Raises
    ------
    CorrelatedNoiseError
        If neighbouring pixels share their noise.
    NoiseUnknownError
        If the frames are too small or too few, their pixels so large that hardly a frequency lies
        beyond the cut-off, or their counts too coarse or clipped.
    """
    frames = _looked_at(frames)
    edge = pixel_um * cutoff
    highpass = high_pass((frames.shape[1], frames.shape[2]), _MARGIN * edge, frames.device)
    if highpass.power < _LEAST_SHARE:
        raise NoiseUnknownError(
            "pixels are too large for the noise to be seen beyond the optics' cut-off, which lies "
            f"at {edge:.2f} cycles/pixel (expected less than 0.55)"
        )
    tiles = _tiles(frames, highpass)
    step = _step(frames)
    _check(tiles, step)
    spectrum = noise_spectrum(frames, _MARGIN * edge)
    ripple, _ = spectrum.ripple
    if spectrum.is_shared:
        raise CorrelatedNoiseError(
            "neighbouring pixels share noise, so the frames were resampled, smoothed or denoised "
            f"(the noise's power scatters by {100.0 * ripple:.0f} % over the frequencies)"
        )
    return replace(_measured(tiles, ripple), rounding=step**2 / 12.0)


def _looked_at(frames: Tensor) -> Tensor:
    least = 2 * LEAST_REACH + 5 * _TILE
    if frames.ndim != 3 or min(frames.shape[-2:]) < least or len(frames) < 3:
        raise NoiseUnknownError(
            f"expected three or more frames [frame, y, x] of at least {least} pixels, "
            f"found {tuple(frames.shape)}"
        )
    rows, columns = (
        (max(n - _MOST_PIXELS, 0) // 2, min(n, _MOST_PIXELS)) for n in frames.shape[1:]
    )
    middle = frames[:_MOST_FRAMES].narrow(1, *rows).narrow(2, *columns)
    return middle.double()


@dataclass(frozen=True, eq=False)
class _Tiles:
    """Light and noise of the tiles of the frames."""

    means: Tensor
    """[tile] counts."""
    variances: Tensor
    """[tile] counts squared."""
    light: tuple[float, float]
    """Counts of the darkest and the brightest hundredth of the pixels."""


def _tiles(frames: Tensor, highpass: Highpass) -> _Tiles:
    level = frames.mean()
    frames = frames - level
    beyond = filtered(frames, highpass.kernel)
    noise, told = _changing(beyond, filtered(frames, highpass.lowpass))
    # The variance behind the filter is a mean with the squared kernel, so the light has to be one.
    light = filtered(frames, highpass.kernel.square() / highpass.power)
    means = (told * light).sum(dim=0) / told.sum(dim=0) + level
    variances = noise / (told.sum(dim=0) * highpass.power)
    cut = slice(highpass.reach, -highpass.reach)
    kept = pooled(_unclipped(frames)[cut, cut].double()) == 1.0
    dark, bright = (float(means.flatten().quantile(share)) for share in (0.01, 0.99))
    return _Tiles(pooled(means)[kept], pooled(variances)[kept], (dark, bright))


def _changing(beyond: Tensor, light: Tensor) -> tuple[Tensor, Tensor]:
    """Return the squares [y, x] without what a pixel always adds, and every frame's share in them.

    A pixel's own offset is the same in all frames, its own gain goes with the light in it. Fitting
    them takes most from the frames that differ most from the mean: the share [frame, y, x] of a
    frame's variance that is left is 1 less its leverage.
    """
    rest = beyond - beyond.mean(dim=0)
    told = torch.full_like(rest, 1.0 - 1.0 / len(rest))
    if len(rest) > 4:
        moved = light - light.mean(dim=0)
        moved = moved / moved.square().sum(dim=0).sqrt().clamp(min=1e-30)
        rest = rest - (rest * moved).sum(dim=0) * moved
        told = told - moved.square()
    return rest.square().sum(dim=0), told


def pooled(values: Tensor) -> Tensor:
    """Return the means of the tiles of [y, x], flat."""
    return torch.nn.functional.avg_pool2d(values[None, None], _TILE).flatten()


def _unclipped(frames: Tensor) -> Tensor:
    """Return where no frame is at its highest count, [y, x]; all True if few pixels are."""
    at_top = frames == frames.max()
    few = int(at_top.sum()) < max(8, 1e-5 * frames.numel())
    return ~(at_top & (not few)).any(dim=0)


def _step(frames: Tensor) -> float:
    """Return the step of the counts, of each pixel its own; infinite where nothing changes.

    It is the smallest change from frame to frame; of strong noise, which hides it, at most a part.
    """
    some = frames[:, :: max(frames.shape[1] // _STEP_ROWS, 1)]
    changes = (some[1:] - some[:-1]).abs().flatten(1)
    least = torch.where(changes > 0.0, changes, math.inf).amin(dim=0)
    return float(least.kthvalue(1 + len(least) // 10).values)


def _check(tiles: _Tiles, step: float) -> None:
    """Refuse counts that hide their noise."""
    if len(tiles.means) < _FEWEST_TILES:
        raise NoiseUnknownError("hardly a part of the frames is free of clipped pixels")
    noise = float(tiles.variances.median())
    if not noise > _COARSE * step**2:
        raise NoiseUnknownError(
            f"counts are rounded to steps of {step:g}, too coarse to show noise of "
            f"{math.sqrt(max(noise, 0.0)):.2g}"
        )


def _measured(tiles: _Tiles, ripple: float) -> CameraNoise:
    """Return the line through the tiles, and how far they bend from it."""
    gain, dark, covariance, scatter = _line(tiles.means, tiles.variances)
    nodes = _nodes(tiles.means, tiles.variances)
    bend = _bend(nodes, gain, dark, scatter / math.sqrt(len(tiles.means) / _NODES))
    return CameraNoise(
        gain,
        _HONEST * math.sqrt(float(covariance[0, 0])),
        dark,
        _HONEST * math.sqrt(float(covariance[1, 1])),
        _HONEST**2 * float(covariance[0, 1]),
        tiles.light,
        bend,
        nodes,
        ripple,
    )


def _line(means: Tensor, variances: Tensor) -> tuple[float, float, Tensor, float]:
    """Return slope, intercept, their covariance and the tiles' relative scatter about the line."""
    centre, width = means.mean(), means.std().clamp(min=1e-30)
    design = torch.stack([(means - centre) / width, torch.ones_like(means)], dim=1)
    least = 0.1 * variances.median()
    expected, trust = variances.median().expand_as(variances), torch.ones_like(variances)
    for _ in range(_ROUNDS):
        weight = (trust / expected.square())[:, None]
        normal = torch.linalg.pinv(design.mT @ (weight * design))
        found = normal @ (design.mT @ (weight[:, 0] * variances))
        expected = (design @ found).clamp(min=float(least))
        off = (variances - expected) / expected
        spread = (1.4826 * (off - off.median()).abs().median()).clamp(min=1e-12)
        trust = (1.0 - (off / (_OUTLIER * spread)).square()).clamp(min=0.0).square()
    # The scatter differs from tile to tile, so the errors come from the residuals (White 1980).
    pulls = design * (weight[:, 0] * (variances - design @ found))[:, None]
    covariance = normal @ (pulls.mT @ pulls) @ normal
    back = torch.stack([1.0 / width, 0.0 * width, -centre / width, torch.ones_like(width)])
    back = back.reshape(2, 2)  # to a mean of 0 counts
    slope, level = (back @ found).tolist()
    return slope, level, back @ covariance @ back.mT, float(spread)


def _nodes(means: Tensor, variances: Tensor) -> tuple[Node, ...]:
    """Return mean variances, without outliers, over groups of tiles of like light."""
    groups = means.argsort().tensor_split(_NODES)
    return tuple((float(means[one].mean()), _typical(variances[one])) for one in groups)


def _typical(values: Tensor) -> float:
    off = (values - values.median()).abs()
    return float(values[off <= _OUTLIER * off.median()].mean())


def _bend(nodes: tuple[Node, ...], gain: float, dark: float, error: float) -> float:
    """Return the rms relative departure of the nodes from the line, 0 if it may be chance."""
    off = [(variance - gain * light - dark) / variance for light, variance in nodes]
    squares = sum(one**2 for one in off) / len(off)
    return math.sqrt(squares) if squares > (_CLEAR * error) ** 2 else 0.0


def _extended(nodes: tuple[Node, ...]) -> tuple[Node, ...]:
    """Return the nodes with an end on both sides, where the variance rises with the light there.

    In darker places it falls to half of the darkest node's, not to zero or below.
    """
    (dark, least), (bright, most) = nodes[0], nodes[-1]
    after, before = nodes[min(2, len(nodes) - 1)], nodes[-min(3, len(nodes))]
    span = bright - dark
    curve = nodes
    if after[1] > least:
        slope = (after[1] - least) / (after[0] - dark)
        curve = ((dark - 0.5 * least / slope, 0.5 * least), *curve)
    if most > before[1]:
        slope = (most - before[1]) / (bright - before[0])
        curve = (*curve, (bright + _FAR * span, most + _FAR * span * slope))
    return curve


def interpolated(light: Tensor, curve: tuple[Node, ...]) -> Tensor:
    """Return the curve's values at `light`; level beyond its ends."""
    at, values = torch.tensor(curve, dtype=light.dtype, device=light.device).T.contiguous()
    above = torch.bucketize(light.contiguous(), at).clamp(1, len(at) - 1)
    start, end = at[above - 1], at[above]
    share = ((light - start) / (end - start)).clamp(0.0, 1.0)
    return values[above - 1] + share * (values[above] - values[above - 1])
