"""Estimate the three-beam pattern of a volume from the volume itself; no prior is needed."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from livesim.config.settings import Camera, Optics
from livesim.reconstruction.estimate.estimation import attainable_resolution_nm
from livesim.reconstruction.grid import edge_window, frequency_axes, positions
from livesim.reconstruction.otf import Otf
from livesim.reconstruction.separation import mixing_matrix, orders_of
from livesim.reconstruction.volume.defocus import sampled, stack_transfer
from livesim.reconstruction.volume.measured import through_focus
from livesim.values.pattern import NoiseToSignal, Pattern, PatternAngle
from livesim.values.volume_otf import VolumeOtf
from livesim.values.volume_pattern import VolumePattern

_HAZE = 0.25
"""Of the cut-off: nearer to the centre of a band lies the light from beyond the stack."""
_EDGE_PIXELS = 24
"""Border over which frames fade out, at most: a fifth of their size."""
_NEAREST, _FARTHEST = 0.5, 1.0
"""Where the second order is searched, in units of the cut-off."""
_FLATTENED = 0.1
"""Of the transfer function's greatest value: what is above counts alike in the search, for coarse
structure would outshine the lines."""
_ZOOMS = ((1.5, 13), (0.3, 7), (0.1, 5))
"""Half width in spectral pixels and points a side of every finer search."""
_DARK, _LEAST_DARK = 1.02, 50
"""In units of the cut-off: no light beyond; and how many frequencies tell the noise."""
_ALIKE = 1e-9
"""Of the brightest pixel: how far phases differ that are the same but for rounding."""
_LEAST_PEAK = 4.0
"""Of both orders over the ring around them; the greatest of noise is 2.6 to 3 times as high."""
_MOST_APART_DEG = 40.0
"""Between the phases that the first and the second order give of the same fringes."""
_LEAST_TRANSFER = 0.03
"""Of the product of two transfer functions, in units of its greatest."""


_STRONGEST = (math.sqrt(2.0), 1.0)
"""Modulations of three beams: side beams as strong as the centre's root of half, or alone."""
_TOO_STRONG = 1.3
"""In units of those, which noise cannot explain."""
_CANDIDATES, _BESIDE = 3, 2.5
"""Peaks that are compared, and how near another one is none of its own, in spectral pixels."""
_TELLING, _CERTAIN = 0.4, 0.7
"""Correlation of an order with the zero order, above which it chooses between peaks, and above
which the order is found, however low its peak: in fields of a few points."""
_SHELLS = 16
"""Of frequencies up to the cut-off, in which the object's power is told."""
_FARTHEST_SHELL = 2
"""In units of the cut-off."""
_FEWEST_SHELLS = 4
_STEEPEST = 6.0
"""Exponent of an object's power, at most."""


@dataclass(frozen=True, slots=True)
class VolumeOptics:
    """What has to be known of the microscope to read a volume."""

    detection: Optics
    excitation_nm: float
    pixel_nm: float
    z_step_nm: float
    otf: VolumeOtf | None = None
    """Measured; None: theory's."""


def estimate_volume_pattern(counts: Tensor, known: VolumeOptics, camera: Camera) -> VolumePattern:
    """Estimate wave vectors, phases, modulations and axial phases of a volume.

    Phases are taken to be equal steps of one turn; where those of the two orders contradict each
    other, or the second order does not stand out, an angle is not usable, and a warning says why.

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
    stack = _Stack(known, planes, shape)
    angles, axial, warnings = [], [], []
    for number, (frames, bright) in enumerate(zip(photons, relative, strict=True)):
        angle, psi, doubt = _angle(stack, frames / bright[:, None, None, None], bright)
        if doubt:
            warnings.append(f"angle {number}: not usable, {doubt}")
        angles.append(angle)
        axial.append(psi)
    unmixed = photons.mean(dim=(0, 1))
    noise_to_signal = _noise_to_signal(stack, unmixed, len(angles))
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
    stack = _Stack(known, planes, (rows, columns))
    return _noise_to_signal(stack, widefield.double(), angles)


def _noise_to_signal(stack: _Stack, widefield: Tensor, angles: int) -> NoiseToSignal | None:
    """Return the noise of an angle's zero order over the object's power, a power law.

    In the units of `VolumePlan`, whose transfer functions are integrals in depths of focus.

    Parameters
    ----------
    widefield
        [z, y, x], the mean of all frames; its noise is that of one angle over their number.
    """
    noise = _noise(stack, widefield) * stack.noise
    power = stack.spectrum(widefield).abs().square() - noise
    passed = stack.transfer((0.0, 0.0)).abs().square()
    lateral = (stack.distance((0.0, 0.0)) / stack.cutoff).expand_as(power)
    length = torch.sqrt(lateral.square() + (stack.kz / stack.cutoff).square())
    clear = (passed > _LEAST_TRANSFER**2 * passed.max()) & (lateral > _HAZE)
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


class _Stack:
    """The grids and transfer functions of a volume."""

    def __init__(self, known: VolumeOptics, planes: int, shape: tuple[int, int]) -> None:
        self.known, self.shape, self._planes = known, shape, planes
        self.pixel_um = known.pixel_nm / 1000.0
        self.fy, self.fx = frequency_axes(shape, self.pixel_um)
        self.y, self.x = positions(shape, self.pixel_um)
        self.pixel = (1.0 / (shape[1] * self.pixel_um), 1.0 / (shape[0] * self.pixel_um))
        """(x, y) of the spectrum, cycles/µm."""
        step = known.z_step_nm / 1000.0
        self._focus = through_focus(known.detection, known.otf, step, -(planes // 2), planes)
        self.cutoff, self.unit = self._focus.cutoff, step / self._focus.depth_um
        self.kz = torch.fft.fftfreq(planes, d=step).double()[:, None, None]
        # What a jump at a border leaks into a band is no multiple of what it leaks into another.
        width = min(_EDGE_PIXELS, min(shape) // 5)
        along_z = torch.sin(torch.pi * (torch.arange(planes).double() + 0.5) / planes).square()
        self.window = along_z[:, None, None] * edge_window(shape, width)

    def axial_frequency(self, k: tuple[float, float]) -> float:
        """Return kz of a first order at k."""
        own = 1000.0 * self.known.detection.refractive_index / self.known.excitation_nm
        return own - math.sqrt(max(own**2 - math.hypot(*k) ** 2, 0.0))

    def transfer(self, shift: tuple[float, float], kz: float = 0.0, psi: float = 0.0) -> Tensor:
        """Return the transfer function [kz, y, x] at f - shift, with axial fringes if any."""
        kernel = self._focus.modulated(kz, psi)
        table = stack_transfer(kernel, self._planes, self._focus.first)
        return sampled(table, self.distance(shift) / self.cutoff)

    def distance(self, shift: tuple[float, float]) -> Tensor:
        """Return the length of f - shift on the grid, [y, x] cycles/µm."""
        return torch.sqrt((self.fx - shift[0]) ** 2 + (self.fy - shift[1]) ** 2)

    def wave(self, k: tuple[float, float]) -> Tensor:
        """Return exp(2 pi i k.r), [y, x]."""
        turns = 2j * torch.pi
        return torch.exp(turns * k[1] * self.y) * torch.exp(turns * k[0] * self.x)

    def spectrum(self, planes: Tensor) -> Tensor:
        """Return the spectrum [kz, y, x] of planes [z, y, x], their borders faded."""
        return torch.fft.fft(torch.fft.fft2(planes * self.window), dim=0)

    @property
    def noise(self) -> float:
        """The power that white noise of variance 1 has in a spectrum, the same everywhere."""
        return float(self.window.square().sum())


def _angle(stack: _Stack, frames: Tensor, bright: Tensor) -> tuple[PatternAngle, float, str]:
    """Return one angle of frames [phase, z, y, x], its axial phase, and what speaks against it."""
    count = len(frames)
    steps = 2.0 * torch.pi / count * torch.arange(count, dtype=torch.float64)
    ones = torch.ones(count, dtype=torch.float64)
    unmixing = torch.linalg.pinv(mixing_matrix(steps[None], ones[:2], ones, orders_of(1, 2)))
    zero, first, second = torch.einsum("bn,nzyx->bzyx", unmixing[:3], frames.to(unmixing.dtype))
    if float(frames.std(dim=0).max()) <= _ALIKE * float(frames.abs().max()):
        return _without_lines(stack, steps, bright), 0.0, "its frames are all alike"
    fit = _Fit(stack, zero, _noise(stack, zero))
    candidates = _Search(stack, zero, (first, second))()
    explained = [fit.explained(second, _twice(k)) for k, _ in candidates]
    # Regular structure has peaks too, but there the order is no multiple of the zero order.
    best = explained.index(max(explained)) if max(explained) > _TELLING else 0
    (k, peak), sure = candidates[best], explained[best] > _CERTAIN
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
        usable=True,
        intensity=tuple(float(b) for b in bright),
    )
    doubt = _doubt(math.inf if sure else peak, apart, angle.modulation)
    return replace(angle, usable=not doubt), psi, doubt


def _without_lines(stack: _Stack, steps: Tensor, bright: Tensor) -> PatternAngle:
    """Return an angle of which nothing but the phases' steps is known."""
    phases, light = tuple(steps.tolist()), tuple(bright.tolist())
    k = (0.5 * _NEAREST * stack.cutoff, 0.0)
    return PatternAngle(k, phases, (0.0, 0.0), peak_to_noise=0.0, usable=False, intensity=light)


def _axial(
    fit: _Fit, first: Tensor, k: tuple[float, float], kz: float
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
    return ""


def _agreed(both: tuple[float, float]) -> tuple[float, float]:
    """Return the phase that two orders tell, the second up to half a turn, and how far apart."""
    one, half = both
    off = (half - one + 0.5 * math.pi) % math.pi - 0.5 * math.pi
    return one + off, 2.0 * math.degrees(abs(off))


def _twice(k: tuple[float, float]) -> tuple[float, float]:
    return 2.0 * k[0], 2.0 * k[1]


class _Search:
    """Looks for the lines of an angle in the products of its orders with the zero order."""

    def __init__(self, stack: _Stack, zero: Tensor, orders: tuple[Tensor, Tensor]) -> None:
        self._stack = stack
        passed = stack.transfer((0.0, 0.0)).conj()
        floor = (_FLATTENED * passed.abs().max()).square()
        passed = passed / (passed.abs().square() + floor)
        self._passed = passed * (stack.distance((0.0, 0.0)) > _HAZE * stack.cutoff)
        sharp = self._sharp(zero).conj()
        self._products = [(sharp * self._sharp(band)).sum(dim=0) for band in orders]
        self._middles = [1.0, 1.0]

    def _sharp(self, band: Tensor) -> Tensor:
        spectrum = self._stack.spectrum(band) * self._passed
        return torch.fft.ifftn(spectrum, dim=(0, 1, 2))

    def __call__(self) -> list[tuple[tuple[float, float], float]]:
        """Return k of the first order, and how far both stand above the ring in which they lie.

        The greatest few, none of them beside another.
        """
        rows, columns = (2 * n for n in self._stack.shape)
        fy, fx = frequency_axes((rows, columns), self._stack.pixel_um)
        length = torch.sqrt(fx * fx + fy * fy) / self._stack.cutoff
        ring = (length > _NEAREST) & (length < _FARTHEST)
        strengths = [self._half(), torch.fft.fft2(self._products[1], s=(rows, columns)).abs()]
        self._middles = [max(float(one[ring].median()), 1e-300) for one in strengths]
        joint = self._joint(strengths)
        middle = max(float(joint[ring].median()), 1e-300)
        found = []
        left = torch.where(ring, joint, 0.0)
        for _ in range(_CANDIDATES):
            row, column = divmod(int(left.argmax()), columns)
            at = (float(fx[0, column]), float(fy[row, 0]))
            found.append(
                (self._refined((0.5 * at[0], 0.5 * at[1])), float(left[row, column]) / middle)
            )
            beside = torch.hypot(fx - at[0], fy - at[1]) < _BESIDE * self._stack.pixel[0]
            left = torch.where(beside, 0.0, left)
        return found

    def _refined(self, k: tuple[float, float]) -> tuple[float, float]:
        for half, points in _ZOOMS:
            k = self._zoomed(k, half, points)
        return k

    def _half(self) -> Tensor:
        """Return the first order's strength on the second's grid: at half of each frequency."""
        rows, columns = (4 * n for n in self._stack.shape)
        whole = torch.fft.fft2(self._products[0], s=(rows, columns)).abs()
        y, x = (torch.fft.fftfreq(n // 2, d=2.0 / n).long() % n for n in (rows, columns))
        return whole[y][:, x]

    def _joint(self, strengths: list[Tensor]) -> Tensor:
        """Return how far two strengths stand above their own noise."""
        pairs = zip(strengths, self._middles, strict=True)
        return torch.stack([(one / middle).square() for one, middle in pairs]).sum(dim=0).sqrt()

    def _zoomed(self, k: tuple[float, float], half: float, points: int) -> tuple[float, float]:
        """Return the greatest of a finer grid around k; the second order lies at its double."""
        offsets = 0.5 * torch.linspace(-half, half, points, dtype=torch.float64)
        pixel = self._stack.pixel
        kx, ky = k[0] + offsets * pixel[0], k[1] + offsets * pixel[1]
        strength = self._joint([self._at(n * kx, n * ky, n - 1) for n in (1, 2)])
        row, column = divmod(int(strength.argmax()), points)
        step = half / (points - 1)
        fine_x = _vertex(strength[row], column) * step * pixel[0]
        fine_y = _vertex(strength[:, column], row) * step * pixel[1]
        return float(kx[column]) + fine_x, float(ky[row]) + fine_y

    def _at(self, kx: Tensor, ky: Tensor, number: int) -> Tensor:
        """Return the strength [ky, kx] of an order at the given frequencies."""
        rows = torch.exp(-2j * torch.pi * ky[:, None] * self._stack.y.T)
        columns = torch.exp(-2j * torch.pi * self._stack.x.T * kx[None])
        return (rows @ self._products[number] @ columns).abs()


def _noise(stack: _Stack, zero: Tensor) -> float:
    """Return the variance of a pixel's noise, from frequencies that no light reaches.

    What is white beyond the cut-off is noise, whatever the camera's gain; where the pixels are so
    coarse that nothing lies there, noise is taken to be none.
    """
    beyond = stack.distance((0.0, 0.0)) > _DARK * stack.cutoff
    if int(beyond.sum()) < _LEAST_DARK:
        return 0.0
    power = stack.spectrum(zero).abs().square()[:, beyond]
    return float(power.median()) / math.log(2.0) / stack.noise


def _vertex(values: Tensor, at: int) -> float:
    """Return where the parabola through a value and its neighbours is greatest, from there."""
    if not 0 < at < len(values) - 1:
        return 0.0
    left, here, right = (float(value) for value in values[at - 1 : at + 2])
    bend = left - 2.0 * here + right
    return 0.0 if bend >= 0.0 else 0.5 * (left - right) / bend


class _Fit:
    """Fits a band as multiples of what the zero order predicts, where both hold the object."""

    def __init__(self, stack: _Stack, zero: Tensor, noise: float) -> None:
        self._stack, self._zero = stack, zero
        self._noise = noise * stack.noise

    def __call__(
        self,
        band: Tensor,
        shift: tuple[float, float],
        fringes: tuple[tuple[float, float], ...],
    ) -> Tensor:
        """Return the complex multiples, one for each (axial frequency, axial phase)."""
        stack = self._stack
        zero = stack.spectrum(self._zero * stack.wave(shift))
        of_zero = stack.transfer(shift)
        found = stack.spectrum(band) * of_zero
        transfers = [stack.transfer((0.0, 0.0), *one) for one in fringes]
        inside = self._inside(shift, of_zero, transfers)
        predicted = torch.stack([(zero * one)[inside] for one in transfers])
        passed = torch.stack([one.expand_as(zero)[inside] for one in transfers])
        normal = predicted.conj() @ predicted.T - self._noise * (passed.conj() @ passed.T)
        return torch.linalg.solve(normal, predicted.conj() @ found[inside])

    def explained(self, band: Tensor, shift: tuple[float, float]) -> float:
        """Return the correlation of a band with the zero order moved by `shift`, 0 to 1."""
        stack = self._stack
        of_zero, of_band = stack.transfer(shift), stack.transfer((0.0, 0.0))
        inside = self._inside(shift, of_zero, [of_band])
        found = (stack.spectrum(band) * of_zero)[inside]
        predicted = (stack.spectrum(self._zero * stack.wave(shift)) * of_band)[inside]
        alike = torch.vdot(predicted, found).abs() / (predicted.norm() * found.norm())
        return float(alike)

    def _inside(
        self, shift: tuple[float, float], of_zero: Tensor, transfers: list[Tensor]
    ) -> Tensor:
        stack = self._stack
        strength = of_zero.abs() * torch.stack([one.abs() for one in transfers]).amax(dim=0)
        clear = stack.distance((0.0, 0.0)) > _HAZE * stack.cutoff
        clear = clear & (stack.distance(shift) > _HAZE * stack.cutoff)
        return (strength > _LEAST_TRANSFER * strength.max()) & clear
