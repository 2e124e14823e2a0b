"""Run `livesim calibrate`: estimate the illumination pattern, show it and write it."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from livesim.commands.doctor.command import examine_file
from livesim.commands.progress import words_console
from livesim.config.settings import ASSUMED_DAMPING, Settings, SettingsError
from livesim.io.otf import otf_profile
from livesim.io.pattern_file import check_pattern_target, write_pattern
from livesim.io.read.open import open_recording
from livesim.io.read.recording import Recording
from livesim.io.read.scales import choose_pixel_nm, unknown_channels
from livesim.io.write.placement import check_apart
from livesim.pipeline.calibration import calibrate, estimation_stacks
from livesim.pipeline.counts import with_noise_said
from livesim.reconstruction.few_frames import of_frames
from livesim.values.errors import DataError, LostFrameError
from livesim.values.finding import Fault
from livesim.values.frames import SMALLEST, RawStack
from livesim.values.pattern import WIDEFIELD_ONLY, Pattern, PatternAngle

NO_STOP = (Fault.LOST_FRAME, Fault.REPEATED_FRAME, Fault.WRONG_COUNT)
"""Faults that leave a raw stack unfinished at the end of a file as a stop does."""

ONE_CHANNEL = (
    "the pattern of channel 0 alone: every channel has its own, which `livesim restore` finds by "
    "itself"
)


def calibrate_files(
    raws: Sequence[Path],
    settings: Settings,
    out: Path,
    most: int | None,
    overwrite: bool,
    *,
    strict: bool = False,
    keep: str | None = None,
) -> None:
    """Estimate one pattern from all recordings, write it and show it.

    With `keep`, such as "0,4,8", it is that of faster raw stacks of these frames alone.

    Raises
    ------
    SettingsError
        If `keep` names frames that make no raw stack.
    DataError
        If a recording cannot be read, the recordings differ in size, or, if `strict`, no angle
        shows fringes.
    """
    check_apart(out, raws)
    check_pattern_target(out, overwrite=overwrite)
    stacks: list[RawStack] = []
    others = 0
    for raw in raws:
        with open_recording(raw, settings.pattern) as recording:
            settings = with_pixel(settings, recording)
            stacks += spread_stacks(recording, most, channel=0)
            others = max(others, recording.sizes.channel - 1)
    settings = settings.of_channel(0)
    shapes = {stack.pixels.shape for stack in stacks}
    if len(shapes) > 1:
        raise DataError(f"{raws[0]}: expected frames of one size, found {sorted(shapes)}")
    pattern = calibrate(stacks, settings, otf_profile(settings))
    told = with_noise_said(pattern, stacks[0], settings).warnings[len(pattern.warnings) :]
    pattern = pattern if keep is None else _of_frames(pattern, keep)
    console = words_console()
    if pattern.is_widefield_only:
        tell_widefield_only(raws[0], None, settings, console, strict=strict)
    show_pattern(pattern, console)
    if others:
        told = (*told, ONE_CHANNEL)
    for words in told:  # of camera and recording, so it is no part of the pattern
        console.print(f"livesim: {words}")
    write_pattern(out, pattern, overwrite=overwrite)


def _of_frames(pattern: Pattern, words: str) -> Pattern:
    """Return the pattern of raw stacks of the frames that an option names.

    Raises
    ------
    SettingsError
        If they make no raw stack.
    """
    parts = [word.strip() for word in words.split(",")]
    if not all(word.isdecimal() for word in parts):
        raise SettingsError(f"--keep: expected numbers of frames such as 0,4,8, found {words!r}")
    try:
        return of_frames(pattern, list(map(int, parts)))
    except ValueError as error:
        raise SettingsError(f"--keep {words}: {error}") from error


def tell_widefield_only(
    raw: Path, channel: int | None, settings: Settings, console: Console, *, strict: bool
) -> None:
    """Say that there are no fringes in a channel, None = the only one, and what may be why.

    Raises
    ------
    DataError
        If `strict`: nothing is to be made of such a recording.
    """
    seen = examine_file(raw, settings, channel or 0, quiet=True).seen
    why = f"; doctor: {seen.summary}" if seen.summary else ""
    named = "" if channel is None else f", channel {channel}"
    if strict:
        raise DataError(f"{raw}{named}: expected fringes in at least one angle, found none{why}")
    words = f"{raw.name}{named}: {WIDEFIELD_ONLY}{why}"
    console.print(words)


def spread_stacks(
    recording: Recording, most: int | None, channel: int, *, last: bool = False
) -> list[RawStack]:
    """Read at most so many raw stacks of one channel, evenly spread over the recording.

    Without `most`, as many as an estimate of the pattern needs; with `last`, the last one too.
    Those with a frame that cannot be read or holds nothing but zeros are left out.

    Raises
    ------
    LostFrameError
        If every one of them has such a frame.
    """
    indices = [index for index in recording.indices if index.channel == channel]
    count = min(most or estimation_stacks(recording.frame_shape), len(indices))
    end = len(indices) - 1 if last else len(indices)
    intervals = max(count - 1, 1) if last else count
    found: list[RawStack] = []
    refusal: LostFrameError | None = None
    for number in range(count):
        try:
            found.append(recording.lit_stack(indices[number * end // intervals]))
        except LostFrameError as error:
            refusal = error
    if refusal is not None and not found:
        raise refusal
    return found


def with_pixel(settings: Settings, recording: Recording) -> Settings:
    """Return `settings` with the pixel size settled; warn where file and settings disagree.

    Raises
    ------
    DataError
        If its frames are too small for fringes, or if it ends in mid-stack, and not because it was
        stopped.
    """
    settings = with_stated_pixel(settings, recording)
    if recording.is_taken_for_stopped:
        _check_stopped(recording.source, settings)
    return settings


def with_stated_pixel(settings: Settings, recording: Recording) -> Settings:
    """Return `settings` with the pixel size settled, whatever the end of the recording.

    Raises
    ------
    DataError
        If its frames are too small for fringes.
    """
    y, x = recording.frame_shape
    if min(y, x) < SMALLEST:
        raise DataError(
            f"{recording.source}: expected frames of at least {SMALLEST} x {SMALLEST} pixels, "
            f"found {y} x {x}"
        )
    size = choose_pixel_nm(settings.optics.pixel_nm, recording.pixel_nm, recording.source)
    unknown = unknown_channels(settings, recording.sizes.channel, recording.source)
    for warning in (*recording.warnings, *size.warnings, *unknown):
        print(f"livesim: {warning}", file=sys.stderr)
    optics = settings.optics.model_copy(update={"pixel_nm": size.nm})
    return settings.model_copy(update={"optics": optics})


def _check_stopped(raw: Path, settings: Settings) -> None:
    """Refuse a recording that ends in mid-stack because a frame was lost before its end.

    Frames of too few phases do not tell that.
    """
    if settings.pattern.too_few_phases:
        return
    seen = examine_file(raw, settings, quiet=True).seen
    other = [finding for finding in seen.findings if finding.fault in NO_STOP]
    if other:
        raise DataError(
            f"{raw}: expected whole raw stacks up to a stop in the last one, found "
            f"{other[0].sentence}"
        )


def show_pattern(pattern: Pattern, console: Console) -> None:
    """Print one line an angle, the attainable resolution and every warning."""
    lines = [
        "angle  direction     period  peak/noise   MCNR  modulation  phases",
        *(f"{number:5d}  {_line(angle)}" for number, angle in enumerate(pattern.angles)),
        f"attainable resolution {_attainable(pattern)}",
        *_damping_lines(pattern),
        *(f"livesim: {warning}" for warning in pattern.warnings),
    ]
    console.print("\n".join(lines))


def _damping_lines(pattern: Pattern) -> list[str]:
    """Say what was found of the OTF; what is assumed or contradicted is among the warnings."""
    found = pattern.otf_damping
    if found is None:
        return []
    return [
        f"OTF damping {found.value:.2f} ± {found.error:.2f}, found in the frames "
        f"({ASSUMED_DAMPING:g} is assumed where they do not tell it)"
    ]


def _attainable(pattern: Pattern) -> str:
    """Say which resolution can be attained, and what limits it."""
    if pattern.is_widefield_only:
        return "that of the widefield: no fringes were found"
    nm, pixel = pattern.attainable_resolution_nm, pattern.pixel_nm
    if math.isnan(nm):
        return "unknown: the pattern was not estimated"
    if nm <= pixel:
        return f"{nm:.0f} nm, limited by the sampling: raw pixels of {pixel:g} nm are too coarse"
    periods = (angle.period_nm / len(angle.modulation) for angle in pattern.angles if angle.usable)
    return f"{nm:.0f} nm, limited by the aperture and the line spacing of {min(periods):.0f} nm"


def _line(angle: PatternAngle) -> str:
    kx, ky = angle.k_cycles_per_um
    direction = math.degrees(math.atan2(ky, kx))
    strength = " ".join(f"{value:.2f}" for value in angle.modulation)
    steps = (math.degrees(phase - angle.phases_rad[0]) % 360.0 for phase in angle.phases_rad)
    phases = " ".join(f"{step:.0f}°" for step in steps) if angle.usable else "not usable"
    return (
        f"{direction:8.2f}°  {angle.period_nm:6.1f} nm  {_measured(angle.peak_to_noise):>10}  "
        f"{_measured(angle.mcnr):>5}  {strength:>10}  {phases}"
    )


def _measured(value: float) -> str:
    return f"{value:.1f}" if math.isfinite(value) else "–"
