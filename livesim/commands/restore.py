"""`livesim restore`: recordings in, super-resolved time-lapses out."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from livesim.build import ReconstructionPipeline, calibrate, refuse_networks
from livesim.commands.calibrate import otf_profile, show_pattern, spread_stacks, with_pixel
from livesim.commands.interrupts import interrupts_held
from livesim.config import Settings, SettingsError
from livesim.frames import DataError, Pattern, RawStack
from livesim.io.open import open_recording
from livesim.io.output_layout import OutputLayout
from livesim.io.pattern_file import read_pattern
from livesim.io.recipe import Recipe, identify
from livesim.io.recording import Recording
from livesim.io.results import check_target, open_writer

_SUFFIX = ".restored.ome.tif"


def targets(raws: Sequence[Path], out: Path | None) -> list[Path]:
    """Return where each result goes: `out`, files in the folder `out`, or files beside the user.

    Raises
    ------
    SettingsError
        If several recordings would go into one file.
    """
    if out is not None and len(raws) == 1 and not out.is_dir():
        return [out]
    if out is not None and not out.is_dir():
        raise SettingsError(
            f"--out {out}: expected a folder for {len(raws)} recordings, found no such folder"
        )
    folder = out or Path()
    return [folder / f"{raw.name.split('.')[0]}{_SUFFIX}" for raw in raws]


def restore_file(
    raw: Path, settings: Settings, pattern_file: Path | None, out: Path, overwrite: bool
) -> None:
    """Reconstruct every raw stack of a recording into one file.

    Raises
    ------
    DataError
        If the recording or the pattern file cannot be used, or `out` exists already.
    """
    console = Console(stderr=True)
    refuse_networks(settings)
    check_target(out, overwrite=overwrite)
    with open_recording(raw, settings.pattern) as recording:
        settings = with_pixel(settings, recording)
        patterns = _patterns(recording, settings, pattern_file)
        for channel, pattern in patterns.items():
            console.print(f"{raw.name}, channel {channel}:")
            show_pattern(pattern, console)
        profile = otf_profile(settings)
        pipelines = {
            channel: ReconstructionPipeline(settings, pattern, profile)
            for channel, pattern in patterns.items()
        }
        recipe = _recipe(raw, settings, patterns, recording)
        layout = _layout(recording, settings)
        with (
            interrupts_held() as check_interrupt,
            open_writer(out, layout, recipe, overwrite=overwrite) as writer,
        ):
            for stack in _shown(recording, console):
                check_interrupt()
                result = pipelines[stack.index.channel](stack)
                writer.write(stack.index, result.image)
    console.print(f"wrote {out}")


def _patterns(
    recording: Recording, settings: Settings, pattern_file: Path | None
) -> dict[int, Pattern]:
    """Return the pattern of every channel: that of the file, or estimated from the channel."""
    channels = sorted({index.channel for index in recording.indices})
    if pattern_file is None:
        profile = otf_profile(settings)
        return {
            channel: calibrate(spread_stacks(recording, None, channel), settings, profile)
            for channel in channels
        }
    print(f"livesim: pattern from {pattern_file}", file=sys.stderr)
    pattern = read_pattern(pattern_file)
    if pattern.shape != recording.frame_shape:
        raise DataError(
            f"{pattern_file}: expected a pattern for frames of (y, x) = {recording.frame_shape}, "
            f"found one for {pattern.shape}"
        )
    return dict.fromkeys(channels, pattern)


def _recipe(
    raw: Path, settings: Settings, patterns: dict[int, Pattern], recording: Recording
) -> Recipe:
    first = patterns[min(patterns)]
    notes = [
        f"channel {channel} has a pattern of its own: {pattern}"
        for channel, pattern in patterns.items()
        if pattern != first
    ]
    return Recipe(
        settings=settings,
        pattern=first,
        steps=("reconstruct",),
        sources=(identify(raw),),
        warnings=(*recording.warnings, *first.warnings, *notes),
    )


def _layout(recording: Recording, settings: Settings) -> OutputLayout:
    y, x = recording.frame_shape
    sizes = recording.sizes
    if settings.optics.pixel_nm is None:
        raise SettingsError("expected optics.pixel_nm in the settings, found none")
    return OutputLayout(
        y=2 * y,
        x=2 * x,
        pixel_nm=settings.optics.pixel_nm / 2.0,
        time=sizes.time,
        channel=sizes.channel,
        z=sizes.z,
        position=sizes.position,
        interval_s=recording.interval_s,
    )


def _shown(recording: Recording, console: Console) -> Iterator[RawStack]:
    """Read every raw stack, with a progress bar where there is a terminal."""
    columns = (TextColumn("restore"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        for index in bar.track(recording.indices):
            yield recording.stack(index)


def refuse_steps(steps: str) -> None:
    """Refuse steps that this version has no networks for.

    Raises
    ------
    SettingsError
        Unless `steps` is "reconstruct".
    """
    known = ("reconstruct", "one,reconstruct", "one,reconstruct,two")
    if steps not in known:
        raise SettingsError(f"--steps: expected one of {', '.join(known)}, found {steps!r}")
    if steps != "reconstruct":
        raise SettingsError(
            f"--steps: expected reconstruct, found {steps!r}; no network ships with this version"
        )


def warn_of_steps(settings: Settings) -> Settings:
    """Return `settings` without networks; say so where they ask for one."""
    steps = settings.steps
    if (steps.one, steps.two) == ("none", "none"):
        return settings
    print("livesim: --steps reconstruct: the networks of [steps] are left out", file=sys.stderr)
    return settings.model_copy(update={"steps": type(steps)()})
