"""Find the damping of the OTF with its error, or say why the frames do not tell it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from statistics import linear_regression

import torch
from torch import Tensor

from livesim.config.settings import Optics
from livesim.reconstruction.bands import Band, separated_bands
from livesim.reconstruction.otf import Otf
from livesim.reconstruction.otf_damping.fit import Line, fit_line
from livesim.reconstruction.otf_damping.shared_light import Rings, SharedLight, shared_light
from livesim.reconstruction.separation import groups
from livesim.values.pattern import NoiseToSignal, OtfDamping, Pattern, PatternAngle

SIGNIFICANT = 4.0
"""Shared light over what chance would give, from which a side band counts."""
COHERENT = 0.6
"""Share of its light that a side band has to have in common with the zero order."""
WITHOUT_HAZE = 0.9
"""Share of a band from which others that share little are wrong themselves."""
UNCERTAIN = 0.5
"""Standard error of the logarithm from which the frames do not tell the damping."""
SLOWEST, FASTEST = 1.15, 0.03
"""Dampings beyond which no objective lies, errors included."""
_FAR = 3.0  # errors from which a damping that is set is doubted
_NOTICEABLE = 0.2  # relative: less does not show in an image
_MODULATION = (0.02, 1.0)
_MOST_MODULATION = 1.15  # errors included: light does not go below zero
_DIGITS = 6  # the last ones change with the memory used, and equal frames have equal patterns
_FITTED = (0.1, 0.8)  # of the cut-off: where the object's power is read
_FEWEST_RINGS = 5


class DampingUnknownError(ValueError):
    """The frames do not tell the damping; the message says why."""


class ContradictedError(DampingUnknownError):
    """The frames contradict the optics or the pattern, so that images of them are doubtful."""


@dataclass(frozen=True, eq=False)
class FoundDamping:
    """What the frames say of the OTF, and of the pattern under this OTF."""

    damping: OtfDamping
    modulation: dict[tuple[int, int], float]
    """(angle, harmonic) -> modulation, of the side bands that were used."""
    noise_to_signal: NoiseToSignal | None

    def pattern(self, pattern: Pattern) -> Pattern:
        """Return the pattern under the OTF found."""
        angles = [self._angle(number, angle) for number, angle in enumerate(pattern.angles)]
        noise = self.noise_to_signal or pattern.noise_to_signal
        return replace(
            pattern, angles=tuple(angles), noise_to_signal=noise, otf_damping=self.damping
        )

    def _angle(self, number: int, angle: PatternAngle) -> PatternAngle:
        found = [
            self.modulation.get((number, harmonic), modulation)
            for harmonic, modulation in enumerate(angle.modulation, start=1)
        ]
        return replace(angle, modulation=tuple(found))


@torch.inference_mode()
def find_damping(photons: Tensor, stacks: int, pattern: Pattern, optics: Optics) -> FoundDamping:
    """Find how fast the OTF falls.

    Parameters
    ----------
    photons
        [frame, y, x] photo-electrons of the mean raw stack.
    stacks
        How many it is the mean of.
    pattern
        Estimated from them; its modulation and noise may belong to another damping.
    optics
        Of the microscope.

    Raises
    ------
    DampingUnknownError
        If the frames do not tell it.
    """
    light, rings = shared_light(photons, pattern, optics.cutoff_cycles_per_um)
    used, line = _clear_line(light)
    damping = _checked(line)
    every = separated_bands(pattern)[1]
    bands = [every[number] for number in used]
    zero_orders = stacks * len(groups(pattern))
    return FoundDamping(
        damping, _modulation(pattern, bands, line), _noise_to_signal(rings, damping, zero_orders)
    )


def with_otf_damping(pattern: Pattern, photons: Tensor, stacks: int, optics: Optics) -> Pattern:
    """Return the pattern under the OTF that the frames show, or with a warning.

    A damping that the settings name stays; where the frames say another, a warning tells.

    Parameters
    ----------
    pattern
        As just estimated from the frames with the damping of `optics`.
    photons, stacks, optics
        As of `find_damping`.
    """
    if not any(angle.usable for angle in pattern.angles):
        return pattern
    try:
        found = find_damping(photons, stacks, pattern, optics)
    except DampingUnknownError as reason:
        if isinstance(reason, ContradictedError):
            pattern = replace(pattern, doubts=(*pattern.doubts, str(reason)))
        assumed = optics.otf_damping == "auto"
        start = f"OTF damping: {optics.damping:g} is {'assumed' if assumed else 'set'}"
        told = assumed or isinstance(reason, ContradictedError)
        return _warned(pattern, f"{start}; {reason}") if told else pattern
    if optics.otf_damping == "auto":
        return found.pattern(pattern)
    if not contradicts(found.damping, optics.damping):
        return pattern
    said = f"OTF damping: {optics.damping:g} is set, the frames show {found.damping}"
    return _warned(pattern, said)


def contradicts(found: OtfDamping, damping: float) -> bool:
    """Whether a damping is not the one found, by more than its error and by what images show."""
    off = abs(found.value - damping)
    return off > max(_FAR * found.error, _NOTICEABLE * found.value)


def _warned(pattern: Pattern, said: str) -> Pattern:
    return replace(pattern, warnings=(*pattern.warnings, said))


def _clear_line(light: SharedLight) -> tuple[list[int], Line]:
    """Return the side bands that share enough light with the zero order, and their line.

    Haze takes from the coherence of all bands; one that shares little while another one shares
    nearly all has a wrong wave vector.
    """
    if not len(light):
        raise DampingUnknownError("expected overlapping bands, found none")
    line = fit_line(light)
    clear = line.significance >= SIGNIFICANT
    if not bool(clear.any()):
        raise DampingUnknownError(
            f"expected light in the overlap of bands that is {SIGNIFICANT:g} times the noise, "
            f"found {float(line.significance.max()):.1f}"
        )
    used = clear & (line.coherence >= COHERENT)
    if not bool((used == clear).all()) and float(line.coherence[clear].max()) < WITHOUT_HAZE:
        least = float(line.coherence[clear].min())
        raise ContradictedError(
            f"expected bands that share {100 * COHERENT:.0f} % or more of their light where they "
            f"overlap, found {100 * least:.0f} %"
        )
    numbers = used.nonzero()[:, 0]
    if not bool(used.all()):
        kept = light.where(used[light.order])
        line = fit_line(replace(kept, order=torch.searchsorted(numbers, kept.order)))
    return numbers.tolist(), line


def _checked(line: Line) -> OtfDamping:
    value, factor = math.exp(line.log_damping), math.exp(2.0 * line.error)
    low, high = value / factor, value * factor
    if line.error > UNCERTAIN:
        raise DampingUnknownError(
            f"expected an error below {100 * UNCERTAIN:.0f} %, found that anything from {low:.2g} "
            f"to {high:.2g} is likely"
        )
    if high < FASTEST or low > SLOWEST:
        raise ContradictedError(
            f"expected {FASTEST:g} to 1, found {value:.2g}: frames that were resampled or "
            "processed look like this, and a wrong aperture, wavelength or pixel"
        )
    value = round(min(value, 1.0), _DIGITS)
    return OtfDamping(value, max(round(value * line.error, _DIGITS), 10.0**-_DIGITS))


def _modulation(pattern: Pattern, bands: list[Band], line: Line) -> dict[tuple[int, int], float]:
    found = {}
    for band, strength in zip(bands, line.log_strength.tolist(), strict=True):
        before = pattern.angles[band.angle].modulation[band.harmonic - 1]
        least, most = _MODULATION
        value = round(before * math.exp(strength), _DIGITS)
        if value > _MOST_MODULATION:
            raise ContradictedError(f"expected a modulation up to 1, found {value:.2g}")
        found[band.angle, band.harmonic] = min(max(value, least), most)
    return found


def _noise_to_signal(rings: Rings, damping: OtfDamping, zero_orders: int) -> NoiseToSignal | None:
    """Fit a power law to the noise of one angle's zero order over the object's power."""
    error = (rings.power.clamp(min=0.0) + rings.noise) / rings.samples.clamp(min=1.0).sqrt()
    fitted = (rings.frequency > _FITTED[0]) & (rings.frequency < _FITTED[1])
    fitted &= (rings.samples > 0.0) & (rings.power > error)
    if int(fitted.sum()) < _FEWEST_RINGS:
        return None
    at = rings.frequency[fitted]
    gain = Otf(1.0, damping.value)(at).square()
    ratio = zero_orders * rings.noise * gain / rings.power[fitted]
    exponent, at_cutoff = linear_regression(at.log().tolist(), ratio.log().tolist())
    return NoiseToSignal(math.exp(at_cutoff), max(exponent, 0.0))
