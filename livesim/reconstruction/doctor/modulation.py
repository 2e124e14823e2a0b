"""Find the angles that show no fringes although fringes would have been seen."""

from __future__ import annotations

import math

import torch

from livesim.config.settings import Optics
from livesim.reconstruction.doctor.directions import angle_peaks
from livesim.reconstruction.doctor.evidence import Verdict
from livesim.reconstruction.doctor.signature import Signature
from livesim.reconstruction.otf import Otf
from livesim.values.finding import Fault, Finding

_WEAK = 0.3  # a modulation that must be seen before "there is none" is said
_SEEN = 8.0  # of the noise: amplitude of one frame's fringes that cannot be overlooked
_SEEN_POWER = 22.0  # of the noise: power of an angle's frames together from which it is found
_MARGIN = 1.3
_TYPICAL = 0.9  # of the cut-off: where wave vectors lie
_SHORTEST = 0.4  # of the cut-off: where the longest wave vectors lie
_DAMPING = 0.4
_SMALL = 0.35  # of the other angles' amplitude
_CERTAIN = 0.99
FEW_POINTS = (
    "a few bright points alone, which change from frame to frame: whether those are fringes, so "
    "little of the sample does not tell; take a field with more of it, or give a pattern that was "
    "found in one"
)


def modulation_findings(
    verdict: Verdict,
    signature: Signature,
    optics: Optics,
    pixel_nm: float,
    usable: tuple[int, ...] = (),
) -> tuple[list[Finding], list[str]]:
    """Return the findings about missing fringes, and what cannot be decided for want of light.

    The angles that are `usable` by the estimate of the pattern have fringes.
    """
    peaks = angle_peaks(verdict, signature)
    missing = [n for n, peak in enumerate(peaks) if peak is None and n not in usable]
    if not missing:
        return [], []
    if not usable and not signature.tells:
        return [], [FEW_POINTS]
    if not usable and all(peak is None for peak in peaks):
        return _nowhere(expected_amplitude(signature, optics, pixel_nm))
    present = [_amplitude(verdict, signature, number) for number in range(len(peaks))]
    strong = min((amplitude for amplitude in present if amplitude > 0.0), default=0.0)
    frames = min(
        sum(place[0] == number for place in verdict.best.places) for number in range(len(peaks))
    )
    least = math.sqrt(_SEEN_POWER / max(frames, 1))
    if _SMALL * strong < _MARGIN * least:
        return [], [f"angle {missing[0]}: too little light to tell whether it has fringes"]
    words = ", ".join(map(str, missing))
    return [
        Finding(
            Fault.NO_MODULATION_IN_ANGLE,
            f"no fringes in angle {words}: less than {100.0 * least / strong:.0f} % of the others'",
            _CERTAIN,
            None,
            "look at the polarisation and at the mask for that angle",
        )
    ], []


def _amplitude(verdict: Verdict, signature: Signature, angle: int) -> float:
    """Return the rms amplitude of an angle's fringes in its own frames, in units of the noise."""
    inside = torch.tensor([place[0] == angle for place in verdict.best.places])
    own = [
        float(values[inside].abs().square().mean().sqrt())
        for values, of in zip(signature.values, verdict.angle.tolist(), strict=True)
        if of == angle
    ]
    return max(own, default=0.0)


def _nowhere(expected: float) -> tuple[list[Finding], list[str]]:
    if expected < _SEEN:
        return [], ["too little light or detail to tell whether there are fringes"]
    return [
        Finding(
            Fault.NO_MODULATION,
            f"no fringes in any angle: a modulation of {_WEAK * _SEEN / expected:.2f} would show",
            _CERTAIN,
            None,
            "look at the pattern generator, the coherence and the polarisation of the light",
        )
    ], []


def expected_amplitude(signature: Signature, optics: Optics, pixel_nm: float) -> float:
    """Return how far weak fringes near the cut-off would stand out, in units of the noise."""
    ring, spectrum, otf = signature.ring, signature.spectrum, Otf.theoretical(optics)
    per_um = 1000.0 / pixel_nm
    cutoff = otf.cutoff / per_um
    k = min(_TYPICAL * cutoff, 0.45)
    fy, fx = torch.meshgrid(*[torch.linspace(-0.5, 0.5, 129).double()] * 2, indexing="ij")
    near, far = torch.hypot(fx, fy), torch.hypot(fx - k, fy)
    transfer = otf(ring.radius * per_um)
    filtered = spectrum.signal.sqrt() / (spectrum.signal + spectrum.floor)
    known = transfer > 0.02
    detail = torch.where(known, spectrum.signal / transfer.square().clamp(min=4e-4), 0.0)

    def at(values: torch.Tensor, radius: torch.Tensor) -> torch.Tensor:
        places = (radius / ring.radius[1]).round().long().clamp(max=len(values) - 1)
        return values[places] * (radius < 0.5)

    shared = at(filtered * transfer, near) * at(filtered * transfer, far) * at(detail, far)
    amplitude = 0.5 * _WEAK * float(shared.mean())
    noise = float(signature.noise[round(k / float(ring.radius[1]))])
    return amplitude / math.sqrt(noise) if noise > 0.0 else 0.0


def object_content(signature: Signature, cutoff: float) -> float:
    """Return the object's own amplitude at wave vectors, in units of its mean brightness' unit.

    Fringes over an object of few details change the brightness of a frame by as much. Objects have
    less of it the finer the detail, so that what the longest wave vector sees is the most.

    Parameters
    ----------
    cutoff
        Of the optics, cycles/pixel.
    """
    ring = signature.ring
    at = int((_SHORTEST * cutoff / float(ring.radius[1])) + 0.5)
    near = slice(max(at - 1, 1), at + 2)
    passed = float(Otf(1.0, _DAMPING)(torch.tensor(_SHORTEST))) ** 2
    power = float(signature.spectrum.signal[near].mean()) / passed
    height, width = signature.shape
    return math.sqrt(power / 2.0) / (height * width)
