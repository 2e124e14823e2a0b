"""An image in, its spectrum without the jumps at the borders and the rings it falls into out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from livesim.reconstruction.grid import edge_window
from livesim_models.evaluation.similarity import Picture, Values

FADE_PIXELS = 20
"""Border over which an image fades to its mean, so that its borders do not count as detail."""

Spectrum = NDArray[np.complex128]


@dataclass(frozen=True, slots=True, eq=False)
class Rings:
    """The frequencies of a field, sorted by their distance from zero up to Nyquist's."""

    number: NDArray[np.int64]
    """[y, x] of the spectrum in FFT order: the ring a frequency is in; those beyond: `count`."""
    cycles_per_nm: Values
    """[ring], the middle of each; the first one holds zero frequency alone."""

    @property
    def count(self) -> int:
        """How many rings there are."""
        return len(self.cycles_per_nm)

    def sum(self, values: Values) -> Values:
        """Return the sum of `values` [y, x] over each ring."""
        sums = np.bincount(self.number.ravel(), weights=values.ravel(), minlength=self.count + 1)
        return sums[: self.count].astype(np.float64)


def rings(shape: tuple[int, int], pixel_nm: float) -> Rings:
    """Return the rings of a field of `shape`, one spectral pixel of its shorter side wide."""
    step = np.float64(1.0 / (min(shape) * pixel_nm))
    fy, fx = (np.fft.fftfreq(n, pixel_nm) for n in shape)
    number = np.rint(np.hypot(fy[:, None], fx[None, :]) / step).astype(np.int64)
    count = min(shape) // 2 + 1
    return Rings(np.minimum(number, count), step * np.arange(count, dtype=np.float64))


def faded_spectrum(image: Picture, border: int) -> Spectrum:
    """Return the spectrum of `image` inside `border`, fading to its mean over `FADE_PIXELS`."""
    rows, columns = image.shape
    values = image[border : rows - border, border : columns - border].astype(np.float64)
    window = edge_window((values.shape[0], values.shape[1]), FADE_PIXELS).numpy()
    return np.fft.fft2(window * (values - values.mean()))
