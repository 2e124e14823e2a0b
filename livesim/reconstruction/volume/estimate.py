"""Estimate the three-beam pattern of a volume from the volume itself; no prior is needed."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from livesim.config.settings import Camera, Optics
from livesim.reconstruction.estimate.estimation import attainable_resolution_nm
from livesim.reconstruction.forward.pupil import Pupil
from livesim.reconstruction.grid import edge_window, frequency_axes, positions
from livesim.reconstruction.otf import Otf
from livesim.reconstruction.plan import EDGE_PIXELS
from livesim.reconstruction.separation import mixing_matrix, orders_of
from livesim.reconstruction.volume.bridge import bridge_length, bridged
from livesim.reconstruction.volume.defocus import ThroughFocus, sampled, stack_transfer
from livesim.values.pattern import Pattern, PatternAngle
from livesim.values.volume_pattern import VolumePattern

_HAZE = 0.2
"""Of the cut-off: nearer to the centre of a band lies the light from beyond the stack."""
_NEAREST, _FARTHEST = 0.5, 1.0
"""Where the second order is searched, in units of the cut-off."""
_FLATTENED = 0.03
"""Of the transfer function's greatest value: what is above counts alike in the search, for coarse
structure would outshine the lines."""
_ZOOMS = ((1.5, 13), (0.3, 7), (0.1, 5))
"""Half width in spectral pixels and points a side of every finer search."""
_DARK, _LEAST_DARK = 1.02, 50
"""In units of the cut-off: no light beyond; and how many frequencies tell the noise."""
_LEAST_PEAK = 7.0
"""Of the second order over the ring around it: less may be noise."""
_MOST_APART_DEG = 40.0
"""Between the phases that the first and the second order give of the same fringes."""
_LEAST_TRANSFER = 0.03
"""Of the product of two transfer functions, in units of its greatest."""


@dataclass(frozen=True, slots=True)
class VolumeOptics:
    """What has to be known of the microscope to read a volume."""

    detection: Optics
    excitation_nm: float
    pixel_nm: float
    z_step_nm: float


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
    relative = brightness / brightness.mean()
    # The bridge's planes carry no light of their own: they help where transfer is compared, not
    # in the search, where noise decides.
    short = _Stack(known, planes, shape, 0)
    stack = _Stack(known, planes, shape, bridge_length(planes))
    angles, axial, warnings = [], [], []
    for number, (frames, bright) in enumerate(zip(photons, relative, strict=True)):
        angle, psi, doubt = _angle(short, stack, frames / bright[:, None, None, None], bright)
        if doubt:
            warnings.append(f"angle {number}: not usable, {doubt}")
        angles.append(angle)
        axial.append(psi)
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
    )


class _Stack:
    """The grids and transfer functions of a volume."""

    def __init__(
        self, known: VolumeOptics, planes: int, shape: tuple[int, int], bridge: int
    ) -> None:
        self.known, self.shape, self.planes = known, shape, planes
        self._bridge = bridge
        self.length = planes + bridge
        self.pixel_um = known.pixel_nm / 1000.0
        self.fy, self.fx = frequency_axes(shape, self.pixel_um)
        self.y, self.x = positions(shape, self.pixel_um)
        self.pixel = (1.0 / (shape[1] * self.pixel_um), 1.0 / (shape[0] * self.pixel_um))
        """(x, y) of the spectrum, cycles/µm."""
        step = known.z_step_nm / 1000.0
        self._focus = ThroughFocus.of(
            Pupil(known.detection), step, -(self.length // 2), self.length
        )
        self.cutoff = self._focus.cutoff
        self.window = edge_window(shape, EDGE_PIXELS)

    def axial_frequency(self, k: tuple[float, float]) -> float:
        """Return kz of a first order at k."""
        own = 1000.0 * self.known.detection.refractive_index / self.known.excitation_nm
        return own - math.sqrt(max(own**2 - math.hypot(*k) ** 2, 0.0))

    def transfer(self, shift: tuple[float, float], kz: float = 0.0, psi: float = 0.0) -> Tensor:
        """Return the transfer function [kz, y, x] at f - shift, with axial fringes if any."""
        kernel = self._focus.modulated(kz, psi)
        table = stack_transfer(kernel, self.length, self._focus.first)
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
        return self._along_z(torch.fft.fft2(planes * self.window))

    def noise(self) -> Tensor:
        """Return the power [kz, 1, 1] that white noise of variance 1 has in a spectrum."""
        planes = torch.eye(self.planes, dtype=torch.complex128)
        power = self._along_z(planes).abs().square().sum(dim=1)
        return (power * self.window.square().sum())[:, None, None]

    def _along_z(self, planes: Tensor) -> Tensor:
        beyond = bridged(planes[-1], planes[0], self._bridge)
        return torch.fft.fft(torch.cat([planes, beyond]), dim=0)


def _angle(
    short: _Stack, stack: _Stack, frames: Tensor, bright: Tensor
) -> tuple[PatternAngle, float, str]:
    """Return one angle of frames [phase, z, y, x], its axial phase, and what speaks against it."""
    count = len(frames)
    steps = 2.0 * torch.pi / count * torch.arange(count, dtype=torch.float64)
    ones = torch.ones(count, dtype=torch.float64)
    unmixing = torch.linalg.pinv(mixing_matrix(steps[None], ones[:2], ones, orders_of(1, 2)))
    zero, first, second = torch.einsum("bn,nzyx->bzyx", unmixing[:3], frames.to(unmixing.dtype))
    twice, peak = _second_order(short, zero, second)
    fit = _Fit(stack, zero, _noise(short, zero))
    k = (0.5 * twice[0], 0.5 * twice[1])
    (strong_2,) = fit(second, twice, ((0.0, 0.0),))
    kz = stack.axial_frequency(k)
    even, odd = fit(first, k, ((kz, 0.0), (kz, -0.5 * math.pi)))
    turn = 0.5 * float(torch.angle(even**2 + odd**2))
    turned = (even * complex(math.cos(turn), -math.sin(turn))).real
    other = (odd * complex(math.cos(turn), -math.sin(turn))).real
    psi, strong_1 = math.atan2(-float(other), float(turned)), math.hypot(turned, other)
    if abs(psi) > 0.5 * math.pi:
        psi, turn = psi - math.copysign(math.pi, psi), turn + math.pi
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
    doubt = _doubt(peak, apart)
    return replace(angle, usable=not doubt), psi, doubt


def _doubt(peak: float, apart_deg: float) -> str:
    """Return why an angle is not to be believed; empty if it is."""
    if peak < _LEAST_PEAK:
        return (
            f"its second order stands {peak:.1f} times above the noise, expected {_LEAST_PEAK:g} "
            f"or more"
        )
    if apart_deg > _MOST_APART_DEG:
        return f"its two orders contradict each other by {apart_deg:.0f}° of phase"
    return ""


def _agreed(both: tuple[float, float]) -> tuple[float, float]:
    """Return the phase that two orders tell, the second up to half a turn, and how far apart."""
    one, half = both
    off = (half - one + 0.5 * math.pi) % math.pi - 0.5 * math.pi
    return one + off, 2.0 * math.degrees(abs(off))


def _second_order(stack: _Stack, zero: Tensor, second: Tensor) -> tuple[tuple[float, float], float]:
    """Return where the second order lies and how far it stands above its ring."""
    passed = stack.transfer((0.0, 0.0)).conj()
    floor = (_FLATTENED * passed.abs().max()).square()
    passed = passed / (passed.abs().square() + floor)
    passed = passed * (stack.distance((0.0, 0.0)) > _HAZE * stack.cutoff)
    seen = [
        torch.fft.ifftn(stack.spectrum(band) * passed, dim=(0, 1, 2)) for band in (zero, second)
    ]
    product = (seen[0].conj() * seen[1]).sum(dim=0)
    spectrum = torch.fft.fft2(product)
    length = stack.distance((0.0, 0.0)) / stack.cutoff
    ring = (length > _NEAREST) & (length < _FARTHEST)
    strength = torch.where(ring, spectrum.abs(), 0.0)
    place = divmod(int(strength.argmax()), stack.shape[1])
    middle = float(spectrum.abs()[ring].median())
    at = (float(stack.fx[0, place[1]]), float(stack.fy[place[0], 0]))
    for half, points in _ZOOMS:
        at = _zoomed(stack, product, at, half, points, stack.pixel)
    return at, float(strength.max()) / max(middle, 1e-300)


def _noise(stack: _Stack, zero: Tensor) -> float:
    """Return the variance of a pixel's noise, from frequencies that no light reaches.

    What is white beyond the cut-off is noise, whatever the camera's gain; where the pixels are so
    coarse that nothing lies there, noise is taken to be none.
    """
    beyond = stack.distance((0.0, 0.0)) > _DARK * stack.cutoff
    if int(beyond.sum()) < _LEAST_DARK:
        return 0.0
    power = (stack.spectrum(zero).abs().square() / stack.noise())[:, beyond]
    return float(power.median()) / math.log(2.0)


def _zoomed(
    stack: _Stack,
    product: Tensor,
    at: tuple[float, float],
    half: float,
    points: int,
    pixel: tuple[float, float],
) -> tuple[float, float]:
    """Return the greatest of a finer grid around a place in the spectrum of `product` [y, x]."""
    offsets = torch.linspace(-half, half, points, dtype=torch.float64)
    kx, ky = at[0] + offsets * pixel[0], at[1] + offsets * pixel[1]
    rows = torch.exp(-2j * torch.pi * ky[:, None] * stack.y.T)
    columns = torch.exp(-2j * torch.pi * stack.x.T * kx[None])
    strength = (rows @ product @ columns).abs()
    row, column = divmod(int(strength.argmax()), points)
    step = 2.0 * half / (points - 1)
    fine_x = _vertex(strength[row], column) * step * pixel[0]
    fine_y = _vertex(strength[:, column], row) * step * pixel[1]
    return float(kx[column]) + fine_x, float(ky[row]) + fine_y


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
        self._noise = noise * stack.noise()

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
        transfers = [stack.transfer((0.0, 0.0), kz, psi) for kz, psi in fringes]
        inside = self._inside(shift, of_zero, transfers)
        predicted = torch.stack([(zero * one)[inside] for one in transfers])
        sigma = self._noise.sqrt()
        noise = torch.stack([(sigma * one).expand_as(zero)[inside] for one in transfers])
        normal = predicted.conj() @ predicted.T - noise.conj() @ noise.T
        return torch.linalg.solve(normal, predicted.conj() @ found[inside])

    def _inside(
        self, shift: tuple[float, float], of_zero: Tensor, transfers: list[Tensor]
    ) -> Tensor:
        stack = self._stack
        strength = of_zero.abs() * torch.stack([one.abs() for one in transfers]).amax(dim=0)
        clear = stack.distance((0.0, 0.0)) > _HAZE * stack.cutoff
        clear = clear & (stack.distance(shift) > _HAZE * stack.cutoff)
        return (strength > _LEAST_TRANSFER * strength.max()) & clear
