"""Measure the OTF from an image of isolated beads, each of which shows all frequencies."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import max_pool2d

from livesim.config.settings import Optics
from livesim.reconstruction.grid import frequency_axes
from livesim.reconstruction.otf import Otf
from livesim.values.pattern import OtfDamping

FEWEST = 5
"""Beads from which an error can be told."""
_REACH = 4.5
"""Half a side of what is cut out around a bead, in units of 1 / cut-off."""
_APART = 1.5
"""Half sides within which there must be no other bead."""
_CLEAR = 12.0
"""Standard deviations of the smoothed noise by which a bead has to stand out."""
_FAINT = 0.15
"""Of the median bead, from which something counts as another one."""
_SMOOTHED = 0.25  # width of a bead's image, 1 / cut-off
_RINGS = 25
_FITTED = (0.15, 0.9)  # of the cut-off: below, haze and the cut; beyond, hardly any light
_ROUNDS = 4  # of finding where the beads are
_ALIGNED = 0.5  # of the cut-off, up to which that is read
_LEAST_TRANSFER = 0.2  # of a bead, for it to be divided out
_LEAST_RINGS = 5
_DEPARTURE = 1.5
_LEAST_LIGHT = 0.88
"""Of the damped OTF's, at low frequencies. Simulated beads of twice the diameter fall below it."""


class BeadsUnknownError(ValueError):
    """The image does not tell the OTF; the message says why."""


@dataclass(frozen=True, eq=False)
class BeadOtf:
    """An OTF as beads show it."""

    damping: OtfDamping
    frequency: Tensor
    """[ring] of the cut-off."""
    curve: Tensor
    """[ring] the OTF, scaled so that the damped one fits it best."""
    error: Tensor
    """[ring] standard errors."""
    beads: int

    @property
    def departure(self) -> float:
        """Root mean square of how far the curve lies from the damped OTF, in its errors."""
        fitted = (self.frequency > _FITTED[0]) & (self.frequency < _FITTED[1])
        fitted &= self.curve > 0.0
        off = (self.curve - Otf(1.0, self.damping.value)(self.frequency)) / self.error
        return float(off[fitted].square().mean().sqrt())

    @property
    def least_light(self) -> float:
        """The curve at low frequencies over the damped OTF there; 1 of single small beads."""
        low = self.frequency < _FITTED[0]
        damped = Otf(1.0, self.damping.value)(self.frequency)
        return float(self.curve[low].sum() / damped[low].sum())


@torch.inference_mode()
def bead_otf(image: Tensor, optics: Optics, pixel_um: float, diameter_um: float) -> BeadOtf:
    """Measure the OTF from an image [y, x] of beads in focus.

    The beads' spectra, moved to one place, are averaged; what the noise adds to them cancels then.
    A bead is taken for a ball that is dyed throughout (its transfer: Bracewell, Two-Dimensional
    Imaging, 1995, ch. 10).

    Parameters
    ----------
    image
        In any unit.
    optics, pixel_um
        Of the microscope.
    diameter_um
        Of a bead.

    Raises
    ------
    BeadsUnknownError
        If there are too few isolated beads, or they are too large to show the OTF.
    """
    cutoff = optics.cutoff_cycles_per_um
    half = math.ceil(_REACH / (cutoff * pixel_um))
    places = isolated_beads(image.double(), cutoff * pixel_um, half)
    spectra = torch.stack([_cut(image.double(), y, x, half) for y, x in places.tolist()])
    fy, fx = frequency_axes((2 * half + 1, 2 * half + 1), pixel_um)
    radius = torch.hypot(fy, fx) / cutoff
    spectra = _aligned(torch.fft.fft2(spectra), fy, fx, radius < _ALIGNED)
    frequency, rings, samples = _rings(spectra, radius)
    transfer = _ball(math.pi * diameter_um * cutoff * frequency)
    fitted = (frequency > _FITTED[0]) & (frequency < _FITTED[1]) & (transfer > _LEAST_TRANSFER)
    fitted &= samples > 0.0
    if int(fitted.sum()) < _LEAST_RINGS:
        raise BeadsUnknownError(
            f"expected beads well below {1000.0 / cutoff:.0f} nm, found {1000.0 * diameter_um:.0f}"
        )
    return _checked(_fitted_curve(frequency, rings / transfer.clamp(min=_LEAST_TRANSFER), fitted))


def _checked(found: BeadOtf) -> BeadOtf:
    """Refuse a curve that is not that of small beads: it falls like theirs at few frequencies."""
    departure, light = found.departure, found.least_light
    if departure > _DEPARTURE or light < _LEAST_LIGHT:
        raise BeadsUnknownError(
            f"expected the curve of a damped OTF, found one {departure:.1f} standard errors off "
            f"that begins with {100.0 * light:.0f} % of it: beads larger than said, clumped or out "
            "of focus look like this, and a wrong aperture, wavelength or pixel"
        )
    return found


def isolated_beads(image: Tensor, cutoff: float, half: int) -> Tensor:
    """Return (y, x) [bead, 2] of the beads of an image [y, x] that have no other one near.

    Parameters
    ----------
    cutoff
        Of the optics, in cycles per pixel.
    half
        Pixels around a bead that are looked at.

    Raises
    ------
    BeadsUnknownError
        If there are fewer than `FEWEST`.
    """
    smooth = _smoothed(image - image.median(), _SMOOTHED / cutoff)
    noise = 1.4826 * float((smooth - smooth.median()).abs().median())
    near = max(round(0.5 / cutoff), 1)
    peaks = smooth == max_pool2d(smooth[None], 2 * near + 1, 1, near)[0]
    peaks &= smooth - smooth.median() > _CLEAR * noise
    y, x = peaks.nonzero().T
    height = smooth[y, x] - smooth.median()
    count = len(y)
    if count:
        real = height > _FAINT * height.median()
        y, x, height = y[real], x[real], height[real]
        apart = torch.maximum((y[:, None] - y).abs(), (x[:, None] - x).abs())
        apart.fill_diagonal_(10**6)
        alone = apart.amin(dim=1) > _APART * half
        rows, columns = image.shape
        inside = (y >= half) & (x >= half) & (y < rows - half) & (x < columns - half)
        alike = (height > 0.3 * height.median()) & (height < 3.0 * height.median())
        y, x = (one[alone & inside & alike] for one in (y, x))
    if len(y) < FEWEST:
        raise BeadsUnknownError(
            f"expected {FEWEST} or more beads without others within {round(_APART * half)} pixels, "
            f"found {len(y)} of {count}"
        )
    return torch.stack([y, x], dim=1)


def _smoothed(image: Tensor, sigma: float) -> Tensor:
    fy, fx = frequency_axes((image.shape[0], image.shape[1]), 1.0)
    passed = torch.exp(-2.0 * (math.pi * sigma) ** 2 * (fy * fy + fx * fx))
    return torch.fft.ifft2(torch.fft.fft2(image) * passed).real


def _cut(image: Tensor, y: int, x: int, half: int) -> Tensor:
    """Return what is around a bead [2 half + 1, 2 half + 1], without its background."""
    cut = image[y - half : y + half + 1, x - half : x + half + 1]
    border = torch.cat([cut[0], cut[-1], cut[:, 0], cut[:, -1]])
    return torch.fft.ifftshift(cut - border.median())


def _aligned(spectra: Tensor, fy: Tensor, fx: Tensor, used: Tensor) -> Tensor:
    """Return spectra [bead, y, x] as of beads that all lie at 0."""
    used = used & (torch.hypot(fy, fx) > 0.0)
    for _ in range(_ROUNDS):
        mean = spectra.sum(dim=0)
        weight = (spectra * mean.abs()).abs()[:, used]
        # Against a real spectrum: the beads' mean place is then 0 as well.
        phase = spectra.angle()[:, used]
        design = -2.0 * torch.pi * torch.stack([fy.expand_as(used)[used], fx.expand_as(used)[used]])
        normal = torch.einsum("ik,bk,jk->bij", design, weight, design)
        right = torch.einsum("ik,bk,bk->bi", design, weight, phase)
        shift = torch.linalg.solve(normal, right)
        turn = shift[:, 0, None, None] * fy + shift[:, 1, None, None] * fx
        spectra = spectra * torch.exp(2j * torch.pi * turn)
    return spectra


def _rings(spectra: Tensor, radius: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return mean frequency [ring], each bead's mean [bead, ring], and samples [ring]."""
    inside = radius < 1.0
    ring = (radius[inside] * _RINGS).long()
    samples = torch.bincount(ring, minlength=_RINGS).double()
    many = samples.clamp(min=1.0)
    frequency = torch.bincount(ring, radius[inside], _RINGS) / many
    values = torch.zeros(len(spectra), _RINGS, dtype=torch.float64)
    values.index_add_(1, ring, spectra.real[:, inside])
    return frequency, values / many, samples


def _ball(phase: Tensor) -> Tensor:
    """Return the transfer of a ball where the frequency times pi times its diameter is `phase`."""
    phase = phase.clamp(min=1e-3)
    return 3.0 * (phase.sin() - phase * phase.cos()) / phase**3


def _fitted_curve(frequency: Tensor, beads: Tensor, fitted: Tensor) -> BeadOtf:
    """Fit the damping to the mean of beads [bead, ring]; the error is that of the beads' choice."""
    count = len(beads)
    curve = beads.sum(dim=0)
    damping, height = _line(frequency, curve, fitted)
    others = [_line(frequency, curve - one, fitted)[0] for one in beads]
    left_out = torch.tensor(others, dtype=torch.float64)
    # The jackknife (Efron and Stein 1981): the scatter when one bead is left out.
    spread = ((count - 1) * (left_out - left_out.mean()).square().mean()).sqrt()
    value = min(math.exp(damping), 1.0)
    scale = math.exp(height)
    error = (beads.var(dim=0) * count).sqrt()
    told = OtfDamping(round(value, 6), max(round(value * float(spread), 6), 1e-6))
    kept = frequency > 0.0
    return BeadOtf(told, frequency[kept], (curve / scale)[kept], (error / scale)[kept], count)


def _line(frequency: Tensor, curve: Tensor, fitted: Tensor) -> tuple[float, float]:
    """Return the logarithms of damping and height of the damped OTF nearest to a curve [ring]."""
    if not bool((curve[fitted] > 0.0).sum() >= _LEAST_RINGS):
        raise BeadsUnknownError("expected beads that are clearer than noise, found none")
    used = fitted & (curve > 0.0)
    at, ideal = frequency[used], Otf(1.0)(frequency[used])
    ratio = (curve[used] / ideal).log()
    # A ring weighs as its light: errors of the curve are alike, those of logarithms grow.
    weight = at * curve[used].square()
    design = torch.stack([at, torch.ones_like(at)], dim=1) * weight.sqrt()[:, None]
    found = torch.linalg.lstsq(design, (ratio * weight.sqrt())[:, None]).solution[:, 0]
    return float(found[0]), float(found[1])
