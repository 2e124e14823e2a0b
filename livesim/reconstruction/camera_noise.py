"""Measure a camera's gain, offset and read noise from the recorded frames themselves.

Optics pass nothing beyond their cut-off, so what a spectrum holds there is noise. In counts its
variance is gain x (mean - offset) + (gain x read noise)²: a straight line over the mean light of
tiles (photon transfer; Janesick, Photon Transfer, SPIE Press, 2007, with the noise read beyond the
cut-off instead of between two equal exposures). The line tells the gain, and of offset and read
noise either one if the other is known: the two share its intercept. The variance of every pixel,
which is what images are weighed with, needs neither.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from livesim.reconstruction.grid import frequency_axes

TILE = 32
"""Raw pixels: large enough for a spectrum, small enough for different light."""
_BEYOND = 1.06
"""Of the cut-off; a tile's window smears what is inside."""
_LEAST_SAMPLES = 20
"""Frequencies of a tile that have to lie beyond."""
_CORRELATED = 0.7
"""Of the whiteness: lower ones are those of resampled or smoothed frames."""
_INDEPENDENT = 0.264
"""Share of a tile's frequencies that are independent behind a Hann window in both directions."""
_LEAST_GAIN = 1e-9
_ROUNDS = 5


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
    whiteness: float
    """Least over most power in parts of the frequencies beyond; 1 of independent pixels."""

    @property
    def correlated(self) -> bool:
        """Whether neighbouring pixels share noise: the frames were resampled or smoothed."""
        return self.whiteness < _CORRELATED

    def variance(self, counts: Tensor) -> Tensor:
        """Return the noise's variance in counts squared where the mean is `counts`."""
        return (self.gain * counts + self.dark_variance).clamp(min=0.0)

    def read_noise(self, offset: float) -> tuple[float, float]:
        """Return (electrons, error) of the read noise, for an offset that is known.

        Two unknowns cannot be read from one intercept: dark tiles tell the offset, or the settings.
        """
        squared = (self.dark_variance + self.gain * offset) / self.gain**2
        slope = offset - 2.0 * self.gain * squared
        spread = (slope * self.gain_error) ** 2 + self.dark_variance_error**2
        spread += 2.0 * slope * self.covariance
        error = math.sqrt(max(spread, 0.0)) / self.gain**2
        value = math.sqrt(max(squared, 0.0))
        return value, error / (2.0 * max(value, math.sqrt(error), 1e-9))

    def offset(self, read_noise: float) -> tuple[float, float]:
        """Return (counts, error) of the offset, for a read noise in electrons that is known."""
        value = self.gain * read_noise**2 - self.dark_variance / self.gain
        slope = read_noise**2 + self.dark_variance / self.gain**2
        spread = (slope * self.gain_error) ** 2 + (self.dark_variance_error / self.gain) ** 2
        spread -= 2.0 * slope * self.covariance / self.gain
        return value, math.sqrt(max(spread, 0.0))


def measure_camera_noise(frames: Tensor, pixel_um: float, cutoff: float) -> CameraNoise:
    """Return gain, and offset or read noise, of the camera that recorded `frames`.

    Parameters
    ----------
    frames
        [frame, y, x] counts of any number of raw frames.
    pixel_um
        Raw pixel in the specimen.
    cutoff
        Cycles/µm of the optics, 2 NA / emission wavelength.

    Raises
    ------
    ValueError
        If the frames are smaller than two tiles, or their pixels so large that hardly a frequency
        lies beyond the cut-off.
    """
    if frames.ndim != 3 or min(frames.shape[-2:]) < 2 * TILE:
        raise ValueError(
            f"expected frames [frame, y, x] of at least {2 * TILE} pixels, "
            f"found {tuple(frames.shape)}"
        )
    power, means, frequency = _tiles(frames.double(), pixel_um)
    beyond = frequency > _BEYOND * cutoff + 1.0 / (TILE * pixel_um)
    if int(beyond.sum()) < _LEAST_SAMPLES:
        raise ValueError(
            f"expected pixels small enough for frequencies beyond {cutoff:.3g} cycles/µm, "
            f"found pixels of {1000.0 * pixel_um:.0f} nm"
        )
    count = _INDEPENDENT * float(beyond.sum()) / 2.0
    line = _line(means, power[:, beyond].mean(dim=1), count)
    return CameraNoise(*line, whiteness=_whiteness(power.mean(dim=0), beyond))


def _tiles(frames: Tensor, pixel_um: float) -> tuple[Tensor, Tensor, Tensor]:
    """Return power [tile, y, x], mean counts [tile] and frequencies [y, x]."""
    tiles = frames.unfold(1, TILE, TILE).unfold(2, TILE, TILE).reshape(-1, TILE, TILE)
    hann = torch.hann_window(TILE, dtype=tiles.dtype, device=tiles.device)
    window = hann[:, None] * hann
    weight = window.square() / window.square().sum()
    # The noise's variance is a mean with the squared window, so the light has to be one too.
    means = (tiles * weight).sum(dim=(1, 2))
    spectra = torch.fft.fft2((tiles - means[:, None, None]) * window)
    fy, fx = frequency_axes((TILE, TILE), pixel_um, device=tiles.device)
    return spectra.abs().square() / window.square().sum(), means, torch.hypot(fy, fx)


def _line(
    means: Tensor, variances: Tensor, count: float
) -> tuple[float, float, float, float, float]:
    """Return gain, its error, dark variance, its error and their covariance."""
    centre = float(means.mean())
    design = torch.stack([means - centre, torch.ones_like(means)], dim=1)
    expected = variances.mean().expand_as(variances)
    for _ in range(_ROUNDS):  # the errors are in proportion to what is expected
        weight = count / expected.square()
        normal = torch.linalg.inv((design * weight[:, None]).mT @ design)
        slope, level = (normal @ (design * weight[:, None]).mT @ variances).tolist()
        expected = (design @ torch.tensor([slope, level]).to(design)).clamp(
            min=0.1 * float(variances.median())
        )
    squares = float((weight * (variances - expected).square()).mean())
    (a, b), (_, d) = (normal * max(squares, 1.0)).tolist()
    slope = max(slope, _LEAST_GAIN * abs(level))
    error = math.sqrt(max(d - 2.0 * centre * b + centre**2 * a, 0.0))
    return slope, math.sqrt(a), level - slope * centre, error, b - centre * a


def _whiteness(power: Tensor, beyond: Tensor) -> float:
    """Return the least over the most power of four parts of the frequencies beyond.

    Near to the cut-off and far out, along the rows and along the columns.
    """
    at = torch.fft.fftfreq(TILE, dtype=power.dtype, device=power.device).abs()
    far = torch.hypot(at[:, None], at[None, :])
    outer, upright = far > far[beyond].median(), at[:, None] > at[None, :]
    level = at[:, None] < at[None, :]
    parts = [beyond & outer & upright, beyond & outer & level]
    parts += [beyond & ~outer & upright, beyond & ~outer & level]
    values = [float(power[part].mean()) for part in parts if bool(part.any())]
    return min(values) / max(max(values), 1e-30)
