"""Find frames whose noise is not that of the camera in the settings, or is shared between pixels.

Everything that is weighed against noise stands and falls with its variance. The measurement is good
to a tenth, on real cameras too, and a variance that is wrong by less moves a weight v / (v + m) by
0.03 at most; what is off by more is worth a line.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from livesim.config.settings import Camera, Optics
from livesim.reconstruction.camera_noise import (
    CameraNoise,
    CorrelatedNoiseError,
    NoiseUnknownError,
    measure_camera_noise,
)
from livesim.reconstruction.noise_model import settings_noise
from livesim.values.finding import MOST_SURE, Fault, Finding, mending

_MATTERS = 1.15
"""Times too large or too small in typical light; with the errors, from 1.26 on it is said."""
_MATTERS_SOMEWHERE = 2.0
"""The same of the darkest or the brightest eighth."""
_SURE = 0.99
_DOUBTFUL = 0.05
"""Probability that the gain is wrong from which another one is set."""
_MODEL_ERROR = 0.04
"""Of a variance, besides chance: pixels are not quite alike."""


def noise_of(frames: Tensor, optics: Optics, pixel_nm: float) -> CameraNoise | NoiseUnknownError:
    """Return the noise of frames [frame, y, x], dark and repeated ones left out, or why not."""
    try:
        return measure_camera_noise(frames, pixel_nm / 1000.0, optics.cutoff_cycles_per_um)
    except NoiseUnknownError as reason:
        return reason


def noise_findings(
    found: CameraNoise | NoiseUnknownError, camera: Camera, *, wrong_offset: bool = False
) -> tuple[list[Finding], list[str]]:
    """Return where noise and settings differ by more than chance allows, and what is undecided.

    With a `wrong_offset`, which is a finding of its own, the gain only is compared.
    """
    if isinstance(found, CorrelatedNoiseError):
        return [_shared(str(found))], []
    if isinstance(found, NoiseUnknownError):
        return [], [f"gain and read noise of the camera: {found}"]
    comparison = _Comparison.of(found, camera)
    sureness = comparison.gain_sureness if wrong_offset else comparison.sureness
    if sureness < _SURE or (wrong_offset and not found.told):
        return [], []
    sureness = min(sureness, MOST_SURE)
    if not found.straight:
        return [_crooked(found, comparison, sureness)], []
    if not found.told:
        return [_stronger(found, comparison, camera, sureness)], []
    return [_wrong(found, comparison, camera, sureness, wrong_offset)], []


@dataclass(frozen=True, slots=True)
class _Comparison:
    """Measured over believed variances, from dark to bright."""

    ratios: tuple[float, ...]
    errors: tuple[float, ...]
    """Relative ones of the ratios."""
    gain: float
    """Measured over believed."""
    gain_error: float

    @classmethod
    def of(cls, found: CameraNoise, camera: Camera) -> _Comparison:
        nodes = torch.tensor(found.nodes, dtype=torch.float64)
        measured = found.variance(nodes[:, 0])
        light = (nodes[:, 0] - camera.offset) / camera.gain
        believed = settings_noise(camera).variance(light) * camera.gain**2
        chance = [
            found.error(float(at)) / float(variance) if found.straight else 0.0
            for at, variance in zip(nodes[:, 0], measured, strict=True)
        ]
        return cls(
            tuple((measured / believed).tolist()),
            tuple(math.hypot(one, _MODEL_ERROR) for one in chance),
            max(found.gain, 1e-9) / camera.gain,
            math.hypot(found.gain_error / max(found.gain, 1e-9), _MODEL_ERROR),
        )

    @property
    def typical(self) -> float:
        """The ratio in typical light."""
        return sorted(self.ratios)[len(self.ratios) // 2]

    @property
    def sureness(self) -> float:
        """Probability that the noise differs by a factor that matters."""
        ends = (0, -1)
        return max(
            _beyond(self.typical, max(self.errors), _MATTERS),
            *(_beyond(self.ratios[n], self.errors[n], _MATTERS_SOMEWHERE) for n in ends),
        )

    @property
    def gain_sureness(self) -> float:
        """Probability that the gain differs by a factor that matters."""
        return _beyond(self.gain, self.gain_error, _MATTERS)

    @property
    def words(self) -> str:
        """How strong the noise is, beside what the settings say."""
        least, most = sorted((self.ratios[0], self.ratios[-1]))
        if most < 1.05 * least:
            return f"variances are {self.typical:.3g} times what the settings say"
        return f"variances are {least:.3g} to {most:.3g} times what the settings say"


def _beyond(ratio: float, error: float, factor: float) -> float:
    """Return the probability that a ratio differs from 1 by more than a factor."""
    off = abs(math.log(max(ratio, 1e-12))) - math.log(factor)
    return 0.5 * (1.0 + math.erf(off / error / math.sqrt(2.0)))


def _wrong(
    found: CameraNoise, comparison: _Comparison, camera: Camera, sureness: float, gain_only: bool
) -> Finding:
    lines, other = ([], "") if gain_only else _offset_or_read_noise(found, camera)
    if gain_only or comparison.gain_sureness > _DOUBTFUL:
        lines = [f"gain = {_number(found.gain)}", *lines]
    advice = "with the excess noise of an EMCCD this gain is twice that of its electrons"
    return Finding(
        Fault.WRONG_NOISE,
        f"the noise is that of {found.gain:.3g} ± {found.gain_error:.2g} "
        f"counts per photo-electron (settings: {camera.gain:g}); {comparison.words}",
        sureness,
        mending("camera", *lines) if lines else None,
        "; ".join([one for one in (other, advice) if one]),
        value=found.gain,
    )


def _offset_or_read_noise(found: CameraNoise, camera: Camera) -> tuple[list[str], str]:
    """Return the line that mends the offset where the noise tells it, and what else explains it.

    Offset and read noise share the intercept of the noise: only one that leaves no read noise at
    all tells the offset.
    """
    offset, error = found.offset(camera.read_noise)
    if abs(offset - camera.offset) < 3.0 * error + 0.01 * found.light[0]:
        return [], ""
    if found.line(camera.offset) < 0.0:
        why = f"the offset is at least {_number(offset)}, more with more read noise"
        return [f"offset = {_number(offset)}"], why
    read_noise, _ = found.read_noise(camera.offset)
    return [], (
        f"read_noise = {_number(read_noise)} explains the rest, or offset = {_number(offset)}: "
        "a frame without light tells which"
    )


def _stronger(
    found: CameraNoise, comparison: _Comparison, camera: Camera, sureness: float
) -> Finding:
    light = (sum(found.light) / 2.0 - camera.offset) / camera.gain
    dark = light < camera.read_noise**2
    value = (
        math.sqrt(comparison.typical) * camera.read_noise
        if dark
        else comparison.typical * camera.gain
    )
    key, other = ("read_noise", "gain") if dark else ("gain", "read noise")
    return Finding(
        Fault.WRONG_NOISE,
        f"{comparison.words}; the light is too even to tell gain from read noise",
        sureness,
        mending("camera", f"{key} = {_number(value)}"),
        f"or another {other}: frames with bright and dark places tell",
        value=value,
    )


def _crooked(found: CameraNoise, comparison: _Comparison, sureness: float) -> Finding:
    (dark, least), (bright, most) = found.nodes[0], found.nodes[-1]
    return Finding(
        Fault.WRONG_NOISE,
        f"the variance does not grow in a straight line with the light: {least:.3g} at {dark:.4g} "
        f"counts, {most:.3g} at {bright:.4g}; {comparison.words}",
        sureness,
        None,
        "look for a saturating camera or multiplying register, or for frames that were processed",
    )


def _shared(reason: str) -> Finding:
    return Finding(
        Fault.SHARED_NOISE,
        reason,
        MOST_SURE,
        None,
        "give the frames as the camera made them: not turned, shifted, scaled, smoothed or "
        "compressed; until then nothing can be weighed against their noise",
    )


def _number(value: float) -> str:
    """Return a positive number of three digits that TOML takes."""
    digits = max(2 - math.floor(math.log10(max(value, 1e-9))), 1)
    return f"{value:.{digits}f}" if value < 1e5 else f"{value:.4g}"
