"""Reconstruct a raw stack in the order of the textbooks: slow, plain, float64.

Gustafsson, J. Microsc. 198, 82 (2000) and Gustafsson et al., Biophys. J. 94, 4957 (2008): transform
every frame, separate the bands in Fourier space, pad each to the doubled grid, shift it with a
phase ramp in real space, weigh it with its conjugate OTF, add all, divide, apodize, transform back.
It shares the settings and the OTF with livesim, and no line of the reconstruction.
"""

from __future__ import annotations

import numpy as np
import torch

from livesim.config.settings import IMAGE_BEND, Camera, Reconstruction
from livesim.reconstruction.otf import Otf
from livesim.values.pattern import Pattern, PatternAngle

EDGE = 8  # raw pixels over which a side band fades out at the border


def reconstruct(
    stack: np.ndarray,
    pattern: Pattern,
    otf: Otf,
    camera: Camera,
    settings: Reconstruction,
    *,
    fraction_on_raw_grid: bool = False,
) -> np.ndarray:
    """Return the image [2 y, 2 x] of `stack` [angle, phase, y, x] in counts.

    A band's shift is a whole number of spectral pixels and a fraction. The textbooks make both on
    the doubled grid. There, noise at the camera's highest frequencies has been continued between
    the pixels, and is cut off at the border a little differently than on the raw grid; with
    `fraction_on_raw_grid` the fraction is made where the camera sampled the band.
    """
    frames = (np.asarray(stack, dtype=float) - camera.offset) / camera.gain
    frames = frames.reshape(-1, *frames.shape[-2:])
    grid = Grid(frames.shape[-2:], pattern.pixel_nm / 1000.0, otf, fraction_on_raw_grid)
    spectra = np.fft.fft2(frames)
    bands = separated_bands(spectra, pattern)
    total = np.zeros(grid.doubled, dtype=complex)
    signal = np.zeros(grid.doubled)
    smooth, zero_weight = np.zeros(grid.shape, dtype=complex), 0.0
    for spectrum, shift, weight in bands:
        if shift == (0.0, 0.0):
            border = smooth_part(spectrum)
            smooth, zero_weight = smooth + weight * border, zero_weight + weight
            spectrum = spectrum - border
        transfer = grid.transfer(shift)
        dip = notch(grid.distance(shift), settings)
        total += weight * np.conj(transfer) * dip * grid.moved(spectrum, shift)
        signal += weight * np.abs(transfer) ** 2 * dip
    distance = grid.distance((0.0, 0.0))
    reach = otf.cutoff + max(np.hypot(*shift) for _, shift, _ in bands)
    passed = apodization(distance, settings, otf.cutoff, reach)
    denominator = signal + wiener(distance, settings, pattern, otf.cutoff)
    result = passed * total / denominator
    result += passed * grid.inside_box() * grid.padded(smooth / zero_weight)
    image = np.fft.ifft2(result).real
    if settings.richardson_lucy_iterations:
        effective = passed * signal / denominator
        return richardson_lucy(image, effective, settings.richardson_lucy_iterations)
    return image


def smooth_part(spectrum: np.ndarray) -> np.ndarray:
    """Return the part of a spectrum that the jumps between opposite borders cause.

    Moisan, J. Math. Imaging Vis. 39, 161 (2011): the jumps are no part of the object, and
    deconvolved they would ring.
    """
    image = np.fft.ifft2(spectrum)
    jumps = np.zeros_like(image)
    jumps[0, :] += image[-1, :] - image[0, :]
    jumps[-1, :] += image[0, :] - image[-1, :]
    jumps[:, 0] += image[:, -1] - image[:, 0]
    jumps[:, -1] += image[:, 0] - image[:, -1]
    y, x = (2 * np.pi * np.fft.fftfreq(n) for n in image.shape)
    curvature = 2 * np.cos(y)[:, None] + 2 * np.cos(x)[None, :] - 4
    curvature[0, 0] = np.inf
    return np.fft.fft2(jumps) / curvature


def wiener(
    distance: np.ndarray, settings: Reconstruction, pattern: Pattern, cutoff: float
) -> np.ndarray:
    """Return the constant of the denominator: w squared, or noise over the object's power."""
    ratio = pattern.noise_to_signal
    if settings.wiener != "auto":
        return np.full_like(distance, settings.wiener**2)
    if ratio is None:
        return np.full_like(distance, 0.05**2)
    return ratio.at_cutoff * (distance / cutoff) ** ratio.exponent


def separated_bands(
    spectra: np.ndarray, pattern: Pattern
) -> list[tuple[np.ndarray, tuple[float, float], float]]:
    """Return (spectrum [y, x], shift (x, y) in cycles/um, weight) of every order, -h and +h."""
    if pattern.layout == "hexagonal":
        sets = [list(pattern.angles)]
    else:
        sets = [[angle] for angle in pattern.angles]
    bands, zero_variances = [], []
    start = 0
    for angles in sets:
        count = len(angles[0].phases_rad)
        frames, start = spectra[start : start + count], start + count
        matrix, shifts = mixing(angles)
        if not all(angle.usable for angle in angles):
            inverse, shifts = np.full((1, count), 1.0 / count), [(0.0, 0.0)]
        else:
            inverse = np.linalg.pinv(matrix)
        variances = (np.abs(inverse) ** 2).sum(axis=1)
        zero_variances.append(variances[0])
        for row, shift, variance in zip(inverse, shifts, variances, strict=True):
            bands.append((np.tensordot(row, frames, axes=1), shift, 1.0 / variance))
    unit = np.mean([1.0 / variance for variance in zero_variances])
    return [(spectrum, shift, weight / unit) for spectrum, shift, weight in bands]


def mixing(angles: list[PatternAngle]) -> tuple[np.ndarray, list[tuple[float, float]]]:
    """Return the matrix [frame, band] and where the object of every band belongs."""
    phases = np.array([angle.phases_rad for angle in angles])
    intensity = np.array(angles[0].intensity or np.ones(phases.shape[1]))
    columns, shifts = [np.ones(phases.shape[1], dtype=complex)], [(0.0, 0.0)]
    for angle, phase in zip(angles, phases, strict=True):
        kx, ky = angle.k_cycles_per_um
        for number, modulation in enumerate(angle.modulation, start=1):
            for sign in (1, -1):
                columns.append(modulation / 2 * np.exp(1j * sign * number * phase))
                # the +h light moves the object's spectrum up by h k, so it goes back down
                shifts.append((-sign * number * kx, -sign * number * ky))
    return intensity[:, None] * np.stack(columns, axis=1), shifts


class Grid:
    """The raw grid (N) and the doubled grid (2N) of a field."""

    def __init__(
        self, shape: tuple[int, int], pixel_um: float, otf: Otf, fraction_on_raw_grid: bool
    ) -> None:
        self.shape, self.pixel_um, self.otf = shape, pixel_um, otf
        self.fraction_on_raw_grid = fraction_on_raw_grid
        self.doubled = (2 * shape[0], 2 * shape[1])
        self.index = [np.rint(np.fft.fftfreq(n) * n) for n in self.doubled]
        self.step = [1.0 / (n * pixel_um) for n in shape]
        self.window = np.outer(*[fade(n) for n in shape])

    def distance(self, shift: tuple[float, float]) -> np.ndarray:
        """Return the frequency [2 y, 2 x] counted from a band's centre, which lies at `shift`."""
        fy = self.index[0][:, None] * self.step[0] - shift[1]
        fx = self.index[1][None, :] * self.step[1] - shift[0]
        return np.hypot(fy, fx)

    def transfer(self, shift: tuple[float, float]) -> np.ndarray:
        """Return a shifted OTF, zero where the camera's grid did not hold the frequency."""
        inside = []
        for axis, offset in ((0, shift[1]), (1, shift[0])):
            n = self.shape[axis]
            own = self.index[axis] - np.rint(offset / self.step[axis])
            inside.append((np.abs(own) <= (n - 1) // 2) & (np.abs(self.index[axis]) < n))
        transfer = self.otf(torch.from_numpy(self.distance(shift))).numpy()
        return transfer * np.outer(*inside)

    def inside_box(self) -> np.ndarray:
        """Return where both coordinates lie below the optical cut-off, and on the raw grid."""
        limits = [
            min(np.floor(self.otf.cutoff / step), (n - 1) // 2)
            for step, n in zip(self.step, self.shape, strict=True)
        ]
        rows, columns = (
            np.abs(index) <= limit for index, limit in zip(self.index, limits, strict=True)
        )
        return np.outer(rows, columns)

    def moved(self, spectrum: np.ndarray, shift: tuple[float, float]) -> np.ndarray:
        """Return a band's spectrum on the doubled grid, moved by `shift`.

        Side bands fade out at the border first: times a ramp, what was periodic is so no more.
        """
        if shift == (0.0, 0.0):
            return self.padded(spectrum)
        band = np.fft.ifft2(spectrum) * self.window
        fraction = (0.0, 0.0)
        if self.fraction_on_raw_grid:
            fraction = tuple(
                one - np.rint(one / step) * step
                for one, step in zip(shift, self.step[::-1], strict=True)
            )
            band = band * ramp(self.shape, self.pixel_um, fraction)
        fine = np.fft.ifft2(self.padded(np.fft.fft2(band)))
        rest = (shift[0] - fraction[0], shift[1] - fraction[1])
        return np.fft.fft2(fine * ramp(self.doubled, self.pixel_um / 2.0, rest))

    def padded(self, spectrum: np.ndarray) -> np.ndarray:
        """Return a spectrum of the doubled grid with zeros where the raw grid has none."""
        padded = np.zeros(self.doubled, dtype=complex)
        rows, columns = (np.rint(np.fft.fftfreq(n) * n).astype(int) for n in self.shape)
        padded[np.ix_(rows, columns)] = 4.0 * spectrum
        return padded


def ramp(shape: tuple[int, int], pixel_um: float, shift: tuple[float, float]) -> np.ndarray:
    """Return the phase ramp [y, x] that moves a spectrum up by `shift` (x, y)."""
    y, x = (np.arange(n) * pixel_um for n in shape)
    return np.exp(2j * np.pi * (shift[1] * y[:, None] + shift[0] * x[None, :]))


def fade(length: int) -> np.ndarray:
    """Return 1 inside and a squared-sine slope over the border pixels."""
    width = min(EDGE, length // 4)
    place = np.minimum(np.arange(length), np.arange(length)[::-1]) + 0.5
    return np.where(place < width, np.sin(np.pi / 2 * place / width) ** 2, 1.0)


def notch(distance: np.ndarray, settings: Reconstruction) -> np.ndarray:
    """Return 1 with a Gaussian dip of the given full width at half maximum."""
    width = settings.notch.fwhm_cycles_per_um
    return 1.0 - settings.notch.strength * 2.0 ** (-((2.0 * distance / width) ** 2))


def apodization(
    distance: np.ndarray, settings: Reconstruction, cutoff: float, reach: float
) -> np.ndarray:
    """Return the low-pass of the result."""
    chosen = settings.apodization
    edge = reach if chosen.cutoff == "auto" else chosen.cutoff * cutoff
    inside = distance < edge
    if chosen.shape == "none":
        return np.ones_like(distance)
    if chosen.shape == "triangle":
        return np.where(inside, np.abs(1.0 - distance / edge), 0.0) ** chosen.bent(IMAGE_BEND)
    return np.where(inside, np.abs(np.cos(np.pi / 2 * distance / edge)), 0.0) ** chosen.bent(
        IMAGE_BEND
    )


def richardson_lucy(image: np.ndarray, transfer: np.ndarray, iterations: int) -> np.ndarray:
    """Return the estimate after `iterations` of Richardson (1972) and Lucy (1974)."""

    def blur(values: np.ndarray) -> np.ndarray:
        return np.fft.ifft2(np.fft.fft2(values) * transfer).real

    floor = 0.01 * np.maximum(image, 0.0).mean()
    transfer = transfer / transfer[0, 0]
    observed = np.maximum(image, floor)
    estimate = observed
    for _ in range(iterations):
        ratio = observed / np.maximum(blur(estimate), floor)
        estimate = np.maximum(estimate * blur(ratio), floor)
    return estimate
