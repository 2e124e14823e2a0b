"""Reconstruct every raw stack of recordings into a super-resolved time-lapse."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from livesim.commands.calibrate import show_pattern, with_pixel
from livesim.commands.progress import interrupts_held, progress_bar
from livesim.commands.restore.channels import (
    Channels,
    lights,
    read_steering,
    restored_channels,
    steered_settings,
)
from livesim.commands.restore.trust import Reviews
from livesim.config.settings import Settings, SettingsError
from livesim.engine.seams import Reconstructed
from livesim.io.read.open import open_recording
from livesim.io.read.recording import Recording
from livesim.io.read.scales import channel_names, z_step_nm
from livesim.io.recipe import Recipe, identify, steps_run
from livesim.io.recording_files import bare_name
from livesim.io.write.output_layout import OutputLayout
from livesim.io.write.results import check_target, open_writer
from livesim.pipeline.networks import resolved
from livesim.pipeline.pipeline import ReconstructionPipeline
from livesim.values.frames import StackIndex
from livesim.values.pattern import Pattern

KEPT_PATTERNS = 4
"""Of each channel, prepared at once."""
Make = Callable[[StackIndex], Reconstructed]
"""Reconstructs a raw stack."""
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
    return [folder / f"{bare_name(raw)}{_SUFFIX}" for raw in raws]


def restore_file(
    raw: Path,
    settings: Settings,
    pattern_file: Path | None,
    out: Path,
    overwrite: bool,
    settings_log: Path | None = None,
) -> None:
    """Reconstruct every raw stack of a recording into one file.

    Parameters
    ----------
    settings_log
        What the live run changed of the settings, if that is to be followed.

    Raises
    ------
    DataError
        If the recording or the pattern file cannot be used, or `out` exists already.
    """
    console = Console(stderr=True)
    check_target(out, overwrite=overwrite)
    with open_recording(raw, settings.pattern) as recording:
        settings = resolved(with_pixel(settings, recording)).settings
        channels = restored_channels(raw, recording, settings, pattern_file)
        _show_patterns(raw, channels, console)
        changes = () if settings_log is None else read_steering(settings_log)
        make = _maker(recording, channels, steered_settings(recording, settings, changes))
        reviews = _reviews(recording, channels, make, console)
        recipe = _recipe(raw, settings, channels, recording, reviews, len(changes))
        times = [index.time for index in recording.indices]
        begin = min(times)
        layout = _layout(recording, settings, max(times) + 1 - begin)
        with (
            interrupts_held() as check_interrupt,
            open_writer(out, layout, recipe, overwrite=overwrite) as writer,
            progress_bar("restore", len(recording.indices), console) as bar,
        ):
            for index in bar.over(recording.indices):
                check_interrupt()
                result = reviews.take(index) or make(index).result
                writer.write(replace(index, time=index.time - begin), result.image)
    reviews.show(console)
    console.print(f"wrote {out}")


def _show_patterns(raw: Path, channels: Channels, console: Console) -> None:
    for number, channel in channels.items():
        console.print(f"{raw.name}, channel {number}:")
        show_pattern(channel.pattern, console)


def _maker(
    recording: Recording, channels: Channels, settings: Mapping[StackIndex, Settings]
) -> Make:
    """Return what reconstructs a raw stack with the light and the settings that held for it."""
    pipelines = {number: Pipelines(one.prepared) for number, one in channels.items()}
    light_of = lights(recording, channels)

    def make(index: StackIndex) -> Reconstructed:
        light = light_of[index]
        pipeline = pipelines[index.channel].of(light.pattern, settings[index])
        return pipeline.reconstruct(recording.stack(index), light.turns_rad)

    return make


def _reviews(recording: Recording, channels: Channels, make: Make, console: Console) -> Reviews:
    """Look at what the networks make of some raw stacks; without networks, at none."""
    indices = [index for index in recording.indices if channels[index.channel].networks.any]
    with console.status("looking at what the networks make of some raw stacks"):
        return Reviews(indices, make)


def _recipe(
    raw: Path,
    settings: Settings,
    channels: Channels,
    recording: Recording,
    reviews: Reviews,
    steered: int,
) -> Recipe:
    """Return how the result was made; `steered` says how often the live run changed settings."""
    first = channels[min(channels)].pattern
    notes = [
        f"channel {number} has a pattern of its own: {channel.pattern}"
        for number, channel in channels.items()
        if channel.pattern != first
    ]
    changes = sum({channel.log: len(channel.changes) for channel in channels.values()}.values())
    if changes:
        notes.append(f"the pattern was followed: {changes} changes as logged in the live run")
    if steered:
        notes.append(f"the settings were steered: {steered} changes as logged in the live run")
    return Recipe(
        settings=settings,
        pattern=first,
        steps=steps_run(settings.steps),
        models={k: v for one in channels.values() for k, v in one.networks.models.items()},
        sources=tuple(identify(one) for one in (raw, *recording.file.others)),
        warnings=(*recording.warnings, *first.warnings, *notes),
        trust=reviews.lines,
    )


def _layout(recording: Recording, settings: Settings, times: int) -> OutputLayout:
    """Return the layout of the result, from the first to the last time of a whole raw stack."""
    y, x = recording.frame_shape
    sizes = recording.sizes
    if settings.optics.pixel_nm is None:
        raise SettingsError("expected optics.pixel_nm in the settings, found none")
    return OutputLayout(
        y=2 * y,
        x=2 * x,
        pixel_nm=settings.optics.pixel_nm / 2.0,
        time=times,
        channel=sizes.channel,
        z=sizes.z,
        position=sizes.position,
        z_step_nm=z_step_nm(settings, sizes.z, recording.z_step_nm),
        interval_s=recording.interval_s,
        channel_names=channel_names(settings, sizes.channel, recording.channel_names),
    )


class Pipelines:
    """A channel's reconstructions with its last patterns and settings, prepared when needed."""

    def __init__(self, prepare: Callable[[Pattern, Settings], ReconstructionPipeline]) -> None:
        self._prepare = prepare
        self._ready: deque[tuple[Settings, ReconstructionPipeline]] = deque(maxlen=KEPT_PATTERNS)

    def of(self, pattern: Pattern, settings: Settings) -> ReconstructionPipeline:
        """Return the reconstruction with this pattern and these settings."""
        for own, pipeline in self._ready:
            if pipeline.pattern is pattern and own == settings:
                return pipeline
        self._ready.append((settings, self._prepare(pattern, settings)))
        return self._ready[-1][1]
