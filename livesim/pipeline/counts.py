"""Say what counts that cannot be right do to a pattern, and take back what they make wrong."""

from __future__ import annotations

from dataclasses import dataclass, replace

from torch import Tensor

from livesim.config.settings import Camera, Settings, SettingsError
from livesim.pipeline.defects import Mending
from livesim.pipeline.work import as_tensor
from livesim.reconstruction.doctor.counts import offset_findings, saturation_findings
from livesim.reconstruction.doctor.examine import middle
from livesim.reconstruction.doctor.noise import noise_findings, noise_of
from livesim.reconstruction.estimate.estimation import attainable_resolution_nm
from livesim.reconstruction.otf import Otf
from livesim.values.finding import Fault, Finding
from livesim.values.frames import RawStack
from livesim.values.pattern import Pattern

_DOUBTFUL, _USELESS = 0.005, 0.02
"""Share of all pixels. At the first no modulation of eight kinds of specimen was off by 30 %, at
the second 3 of 122 were, at 4.5 % 16 of 117, by a factor of two at most; at 20 % a tenth of it is
found in filaments, with fringes that stand out clearly."""
_MOST_PIXELS = 256
"""Rows and columns of the middle of frames, whose noise is looked at."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What counts of raw stacks say of themselves: clipped at the top, or below the offset."""

    clipped_share: float = 0.0
    clipped: str = ""
    """In words; so is the other."""
    dark: tuple[str, ...] = ()

    @classmethod
    def of(cls, pixels: Tensor, camera: Camera) -> Counts:
        """Return what counts [time, angle, phase, y, x] show of it; cheap.

        Raises
        ------
        SettingsError
            If none of them is above the camera's offset.
        """
        frames = pixels.flatten(0, 2).float()
        if (most := float(frames.max())) < camera.offset:
            raise SettingsError(
                f"camera.offset: expected one below the counts, found {camera.offset:g}, and "
                f"{most:g} at the brightest pixel"
            )
        dark = tuple(finding.words for finding in offset_findings(frames, camera))
        for finding in saturation_findings(frames):
            return cls(finding.value or 0.0, f"{finding.words}; {finding.advice}", dark)
        return cls(dark=dark)

    def told_of(self, pattern: Pattern) -> Pattern:
        """Return the pattern with a warning, and a doubt where it or the image may be wrong."""
        clipped = (self.clipped,) if self.clipped else ()
        doubts = (*clipped, *self.dark) if self.clipped_share >= _DOUBTFUL else self.dark
        return replace(
            pattern,
            warnings=(*pattern.warnings, *clipped, *self.dark),
            doubts=(*pattern.doubts, *doubts),
        )

    def refused(self, pattern: Pattern, otf: Otf) -> Pattern:
        """Return the pattern that was found in them without the angles that cannot be right."""
        return _refused(pattern, otf) if self.clipped_share >= _USELESS else pattern


def with_noise_said(pattern: Pattern, stack: RawStack, settings: Settings) -> Pattern:
    """Return a pattern with a warning where the noise of a stack is not that of the camera as set.

    Then photo-electrons are not what the image says they are. Dear, a quarter of a second; the
    doctor says the same beside a running stream. Nothing is said where optics and frames disagree,
    since noise is told by what lies beyond the cut-off.
    """
    unfit = pattern.otf_damping is None and settings.optics.otf_damping == "auto"
    if pattern.is_widefield_only or unfit:
        return pattern
    rows, columns = middle(pattern.shape, _MOST_PIXELS)
    clean = as_tensor(Mending(pattern, settings)(stack).stack.pixels)
    frames = clean[..., rows, columns].flatten(0, 1).float()
    if saturation_findings(frames):
        return pattern
    camera = settings.camera
    dark = offset_findings(frames, camera)
    noise = noise_of(frames, settings.optics, pattern.pixel_nm)
    found, _ = noise_findings(noise, camera, wrong_offset=bool(dark))
    words = (f"{one.words}; {_cure(one)}" for one in found if one.fault is Fault.WRONG_NOISE)
    return replace(pattern, warnings=(*pattern.warnings, *words))


def _cure(finding: Finding) -> str:
    lines = (finding.mend or "").splitlines()[1:]
    if not lines:
        return finding.advice
    return f"set {', '.join(lines)} in [camera], or the result is not in photo-electrons"


def _refused(pattern: Pattern, otf: Otf) -> Pattern:
    """Return the pattern with no angle usable."""
    angles = [
        replace(angle, usable=False, modulation=(0.0,) * len(angle.modulation))
        for angle in pattern.angles
    ]
    return replace(
        pattern,
        angles=tuple(angles),
        attainable_resolution_nm=attainable_resolution_nm(angles, otf, pattern.pixel_nm),
        warnings=(
            *pattern.warnings,
            "no angle is usable: so much clipping hides most of the modulation",
        ),
    )
