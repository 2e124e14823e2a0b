"""`livesim restore`: recordings in, super-resolved time-lapses out."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from livesim.build import (
    ReconstructionPipeline,
    calibrate,
    with_levels,
    with_warnings,
)
from livesim.build_networks import Networks, load_networks, preferred_device, resolved
from livesim.commands.calibrate import otf_profile, show_pattern, spread_stacks, with_pixel
from livesim.commands.config_beside import pattern_log_for
from livesim.commands.interrupts import interrupts_held
from livesim.commands.restore_trust import Reviews
from livesim.config import Settings, SettingsError
from livesim.drift import Illumination, PatternChange, illuminations, still
from livesim.frames import DataError, Pattern, Result, StackIndex
from livesim.io.open import open_recording
from livesim.io.output_layout import OutputLayout
from livesim.io.pattern_file import read_pattern
from livesim.io.pattern_log import read_pattern_log
from livesim.io.recipe import Recipe, identify, steps_run
from livesim.io.recording import Recording
from livesim.io.results import check_target, open_writer

KEPT_PATTERNS = 4
"""Prepared at once, where there are not more channels."""
STEPS = ("reconstruct", "one,reconstruct", "reconstruct,two", "one,reconstruct,two")
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
    check_target(out, overwrite=overwrite)
    with open_recording(raw, settings.pattern) as recording:
        settings = resolved(with_pixel(settings, recording)).settings
        networks = load_networks(settings, preferred_device())
        patterns = _patterns(recording, settings, pattern_file, networks)
        for channel, pattern in patterns.items():
            console.print(f"{raw.name}, channel {channel}:")
            show_pattern(pattern, console)
        profile = otf_profile(settings)
        prepare = partial(ReconstructionPipeline, settings, otf_profile=profile, networks=networks)
        pipelines = Pipelines(prepare, max(KEPT_PATTERNS, len(patterns)))
        changes = _changes(raw, pattern_file, patterns)
        lights = dict(_lights(recording, patterns, changes))

        def make(index: StackIndex) -> Result:
            light = lights[index]
            return pipelines.of(light.pattern)(recording.stack(index), light.turns_rad)

        reviews = _reviews(recording, networks, make, console)
        recipe = _recipe(raw, settings, patterns, recording, changes, networks, reviews)
        layout = _layout(recording, settings)
        with (
            interrupts_held() as check_interrupt,
            open_writer(out, layout, recipe, overwrite=overwrite) as writer,
        ):
            for index in _shown(recording, console):
                check_interrupt()
                result = reviews.taken(index) or make(index)
                writer.write(index, result.image)
    reviews.show(console)
    console.print(f"wrote {out}")


def _reviews(
    recording: Recording,
    networks: Networks,
    make: Callable[[StackIndex], Result],
    console: Console,
) -> Reviews:
    """Look at what the networks make of some raw stacks; without networks, at none."""
    with console.status("looking at what the networks make of some raw stacks"):
        return Reviews(recording.indices if networks.any else (), make)


def _patterns(
    recording: Recording, settings: Settings, pattern_file: Path | None, networks: Networks
) -> dict[int, Pattern]:
    """Return the pattern of every channel: that of the file, or estimated from the channel."""
    known = None if pattern_file is None else _read_pattern(pattern_file, recording)
    channels = sorted({index.channel for index in recording.indices})
    found = {}
    for channel in channels:
        stacks = spread_stacks(recording, None if known is None else 1, channel)
        if known is None:
            pattern = calibrate(stacks, settings, otf_profile(settings))
        else:
            pattern = with_levels(known, stacks, settings)
        found[channel] = with_warnings(pattern, stacks, settings, networks)
    return found


def _read_pattern(path: Path, recording: Recording) -> Pattern:
    print(f"livesim: pattern from {path}", file=sys.stderr)
    pattern = read_pattern(path)
    if pattern.shape != recording.frame_shape:
        raise DataError(
            f"{path}: expected a pattern for frames of (y, x) = {recording.frame_shape}, "
            f"found one for {pattern.shape}"
        )
    return pattern


def _changes(
    raw: Path, pattern_file: Path | None, patterns: dict[int, Pattern]
) -> tuple[PatternChange, ...]:
    """Return what the live run changed of the pattern, for a recording of livesim's own."""
    log = pattern_log_for(raw, pattern_file)
    if log is None:
        return ()
    changes = read_pattern_log(log, patterns[min(patterns)])
    print(f"livesim: {len(changes)} changes of the pattern from {log}", file=sys.stderr)
    return changes


def _recipe(
    raw: Path,
    settings: Settings,
    patterns: dict[int, Pattern],
    recording: Recording,
    changes: Sequence[PatternChange],
    networks: Networks,
    reviews: Reviews,
) -> Recipe:
    first = patterns[min(patterns)]
    notes = [
        f"channel {channel} has a pattern of its own: {pattern}"
        for channel, pattern in patterns.items()
        if pattern != first
    ]
    if changes:
        notes.append(f"the pattern was followed: {len(changes)} changes as logged in the live run")
    return Recipe(
        settings=settings,
        pattern=first,
        steps=steps_run(settings.steps),
        models=networks.models,
        sources=(identify(raw),),
        warnings=(*recording.warnings, *first.warnings, *notes),
        trust=reviews.lines,
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


def _lights(
    recording: Recording, patterns: dict[int, Pattern], changes: Sequence[PatternChange]
) -> Iterator[tuple[StackIndex, Illumination]]:
    """Return every raw stack's illumination."""
    if changes:  # one pattern for all channels, as in the live run
        yield from illuminations(recording.indices, patterns[min(patterns)], changes)
        return
    for index in recording.indices:
        yield index, still(patterns[index.channel])


def _shown(recording: Recording, console: Console) -> Iterator[StackIndex]:
    """Return every raw stack, with a progress bar where there is a terminal."""
    columns = (TextColumn("restore"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        yield from bar.track(recording.indices)


class Pipelines:
    """The reconstructions of the last few patterns, each prepared when first needed."""

    def __init__(self, prepare: Callable[[Pattern], ReconstructionPipeline], kept: int) -> None:
        self._prepare = prepare
        self._ready: deque[ReconstructionPipeline] = deque(maxlen=kept)

    def of(self, pattern: Pattern) -> ReconstructionPipeline:
        """Return the reconstruction with this pattern."""
        for pipeline in self._ready:
            if pipeline.pattern is pattern:
                return pipeline
        self._ready.append(self._prepare(pattern))
        return self._ready[-1]


def with_steps(settings: Settings, steps: str) -> Settings:
    """Return the settings with the networks that `steps` leaves out set to "none".

    Raises
    ------
    SettingsError
        If `steps` is none of those known.
    """
    if steps not in STEPS:
        raise SettingsError(f"--steps: expected one of {' | '.join(STEPS)}, found {steps!r}")
    asked = steps.split(",")
    left_out = {step: "none" for step in ("one", "two") if step not in asked}
    return settings.model_copy(update={"steps": settings.steps.model_copy(update=left_out)})
