"""Find the pattern of raw stacks, or fit one that is known to their light."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from livesim.config.settings import Camera, Settings, SettingsError
from livesim.config.volumes import check_single_planes
from livesim.pipeline.counts import Counts
from livesim.pipeline.defects import Mending, stacks_without_defects, with_defects
from livesim.pipeline.fringes import with_fringes_doubted
from livesim.pipeline.networks import Networks, why_none
from livesim.pipeline.preparation import OtfProfile, otf_of
from livesim.pipeline.work import as_tensor
from livesim.reconstruction.estimate.estimation import estimate_pattern
from livesim.reconstruction.otf import Otf, optics_under
from livesim.reconstruction.otf_damping.estimate import contradicts, with_otf_damping
from livesim.values.frames import RawStack
from livesim.values.pattern import Levels, NoiseToSignal, Pattern
from livesim_models.normalisation import levels_of

MOST_STACKS = 16
"""Raw stacks an estimate uses at most; more time points hardly help and cost memory."""
_MOST_PIXELS = MOST_STACKS * 512 * 512

SAME_LIGHT = 1.5
"""Factor between two brightnesses that count as the same: a noise-to-signal ratio that is off by as
much costs the Wiener filter less than 0.1 dB."""


def estimation_stacks(frame_shape: tuple[int, int]) -> int:
    """Return how many raw stacks of this size an estimate uses at most."""
    pixels = frame_shape[0] * frame_shape[1]
    return max(1, min(MOST_STACKS, _MOST_PIXELS // pixels))


def calibrate(
    stacks: Sequence[RawStack], settings: Settings, otf_profile: OtfProfile | None = None
) -> Pattern:
    """Estimate the pattern from raw stacks taken with the same illumination.

    Defects of the camera are found first and replaced; the pattern names them. Where no OTF was
    measured, the damping of the theoretical one is found with it. Where frames are clipped, the
    pattern says so, and has no usable angle where too much of them is.

    Raises
    ------
    SettingsError
        If the pixel size is not known, the phases are too few to find a pattern, or no count is
        above the offset; or for volumes, see `calibrate_volume`.
    """
    check_single_planes(settings.volumes)
    check_phases(settings)
    counts = Counts.of(pixels_of(stacks), settings.camera)
    stacks, defects = stacks_without_defects(stacks, settings, settings.optics.known_pixel_nm)
    pixels = pixels_of(stacks)
    found = estimated(pixels, settings, otf_profile)
    if otf_profile is None:
        photons = mean_photons(pixels, settings.camera).flatten(0, 1)
        found = with_otf_damping(found, photons, len(stacks), settings.optics)
    told = counts.told_of(with_defects(found, defects))
    return with_levels(counts.refused(told, Otf.theoretical(settings.optics)), stacks, settings)


def check_phases(settings: Settings) -> None:
    """Refuse to look for the pattern of raw stacks whose frames do not tell it.

    Raises
    ------
    SettingsError
        If they do not.
    """
    if settings.pattern.too_few_phases:
        raise SettingsError(
            f"pattern.phases: expected at least 3 where the pattern is to be found, found "
            f"{settings.pattern.phases}; calibrate with full raw stacks, "
            "`livesim calibrate FULL.tif --keep 0,1,3,4,6,7`, and give that file with --pattern"
        )


def pixels_of(stacks: Sequence[RawStack]) -> Tensor:
    """Return the counts [time, angle, phase, y, x] of raw stacks."""
    return torch.stack([as_tensor(stack.pixels) for stack in stacks])


def mean_photons(pixels: Tensor, camera: Camera) -> Tensor:
    """Return the mean raw stack [angle, phase, y, x] of counts in photo-electrons."""
    mean = pixels[0].to(torch.float32, copy=True)
    for stack in pixels[1:]:
        mean += stack
    return mean.div_(len(pixels)).sub_(camera.offset).div_(camera.gain)


def held(settings: Settings, pattern: Pattern) -> Settings:
    """Return the settings with the OTF of a known pattern: only light and pattern may change."""
    return settings.model_copy(update={"optics": optics_under(pattern, settings.optics)})


def estimated(pixels: Tensor, settings: Settings, otf_profile: OtfProfile | None) -> Pattern:
    """Estimate the pattern of [time, angle, phase, y, x] counts under the OTF of the settings."""
    return estimate_pattern(
        pixels,
        settings.optics,
        settings.pattern,
        settings.camera,
        settings.optics.known_pixel_nm,
        otf_of(settings, otf_profile),
    )


def with_levels(pattern: Pattern, stacks: Sequence[RawStack], settings: Settings) -> Pattern:
    """Return the pattern with the brightness of these stacks, unless it knows one already."""
    if pattern.levels is not None or not stacks:
        return pattern
    return replace(pattern, levels=_levels(pattern, stacks, settings))


def with_warnings(
    pattern: Pattern, stacks: Sequence[RawStack], settings: Settings, networks: Networks
) -> Pattern:
    """Return the pattern with what speaks against these stacks: another OTF, or networks' cards."""
    misfit = why_none(pattern) if networks.any else ""
    found = [misfit] if misfit else []
    if not misfit and pattern.levels is not None:
        found += networks.warnings(_widefields(pattern, stacks, settings), pattern.levels)
    found += _of_another_otf(pattern, settings)
    new = tuple(words for words in found if words not in pattern.warnings)
    return replace(pattern, warnings=(*pattern.warnings, *new))


def _of_another_otf(pattern: Pattern, settings: Settings) -> list[str]:
    """Return what to say of a damping that is set and not the one of the pattern's modulation."""
    own, damping = pattern.otf_damping, settings.optics.damping
    if own is None or settings.optics.otf_damping == "auto" or not contradicts(own, damping):
        return []
    return [
        f"OTF damping: {damping:g} is set, but the pattern's modulation was found with {own}; "
        'calibrate again with this setting, or leave it at "auto"'
    ]


def held_against(pattern: Pattern, stacks: Sequence[RawStack], settings: Settings) -> Pattern:
    """Return a known pattern with what raw stacks to be restored with it say against it.

    Clipped counts and an offset above them, and fringes that are not as it says.

    Raises
    ------
    SettingsError
        If no count is above the offset.
    """
    if not stacks:
        return pattern
    told = Counts.of(pixels_of(stacks), settings.camera).told_of(pattern)
    return with_fringes_doubted(told, stacks, settings, known=True)


def in_this_light(
    pattern: Pattern,
    stacks: Sequence[RawStack],
    settings: Settings,
    otf_profile: OtfProfile | None = None,
) -> Pattern:
    """Return a known pattern with the defects, the brightness and the noise of these stacks.

    Defects that they show are added. Brightness and noise are kept where the light is the pattern's
    own within `SAME_LIGHT`; else they are measured again, and a warning says so. Angles, phases and
    modulation stay.
    """
    if stacks:
        stacks, defects = stacks_without_defects(stacks, settings, pattern.pixel_nm)
        pattern = with_defects(pattern, replace(defects, hits=()))
    known = pattern.levels
    if known is None or not stacks:
        return with_levels(pattern, stacks, settings)
    now = _levels(pattern, stacks, settings)
    factor = (now.high - now.low) / (known.high - known.low)
    if 1.0 / SAME_LIGHT <= factor <= SAME_LIGHT:
        return pattern
    words = (
        f"the light is {factor:.2g} times that of the pattern's own stacks (expected 1 within a "
        f"factor of {SAME_LIGHT}): its levels and noise were measured again"
    )
    noise = _noise_in(factor, pattern, stacks, settings, otf_profile)
    return replace(pattern, levels=now, noise_to_signal=noise, warnings=(*pattern.warnings, words))


def _noise_in(
    factor: float,
    pattern: Pattern,
    stacks: Sequence[RawStack],
    settings: Settings,
    otf_profile: OtfProfile | None,
) -> NoiseToSignal | None:
    """Return the noise of stacks in other light; where their frames do not tell it, by photons."""
    known = pattern.noise_to_signal
    if settings.pattern.too_few_phases:
        return known and replace(known, at_cutoff=known.at_cutoff / factor)
    found = estimated(pixels_of(stacks), held(settings, pattern), otf_profile)
    return found.noise_to_signal or known


def _levels(pattern: Pattern, stacks: Sequence[RawStack], settings: Settings) -> Levels:
    return levels_of(torch.stack(_widefields(pattern, stacks, settings)))


def _widefields(pattern: Pattern, stacks: Sequence[RawStack], settings: Settings) -> list[Tensor]:
    """Return the mean frame [y, x] of every stack in photo-electrons, defects replaced."""
    camera, mended = settings.camera, map(Mending(pattern, settings), stacks)
    means = (as_tensor(one.stack.pixels).float().mean(dim=(0, 1)) for one in mended)
    return [(mean - camera.offset) / camera.gain for mean in means]
