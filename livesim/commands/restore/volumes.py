"""Reconstruct every stack of planes of a recording in three dimensions."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from torch import Tensor

from livesim.commands.calibrate import show_pattern, tell_widefield_only
from livesim.commands.progress import interrupts_held, progress_bar, words_console
from livesim.commands.recorded_volumes import check_memory, first_planes, settled, whole_volumes
from livesim.commands.restore.request import RestoreRequest
from livesim.config.settings import Settings, SettingsError
from livesim.io.pattern_file import read_pattern_for
from livesim.io.read.axes import count
from livesim.io.read.open import open_recording
from livesim.io.read.recording import Recording
from livesim.io.read.scales import channel_names
from livesim.io.recipe import Recipe, identify
from livesim.io.settings_beside import own_pattern_files, pattern_for
from livesim.io.write.output_layout import OutputLayout
from livesim.io.write.results import check_target, open_writer
from livesim.pipeline.defects import Mending
from livesim.pipeline.volume.build import calibrate_volume, volume_plan
from livesim.pipeline.work import as_tensor
from livesim.reconstruction.volume.plan import VolumePlan
from livesim.reconstruction.volume.reconstructor import VolumeReconstructor
from livesim.values.errors import LostFrameError
from livesim.values.frames import StackIndex
from livesim.values.pattern import Pattern
from livesim.values.volume_pattern import IN_THREE_DIMENSIONS, VolumePattern


def restore_volumes(asked: RestoreRequest) -> None:
    """Reconstruct every whole volume of a recording into one file, without networks.

    The pattern of each channel is that of the live run, that of a file, or that found in its first
    whole volume.

    Raises
    ------
    SettingsError
        If the settings are none of volumes, or another device than the processor is asked for.
    DataError
        If the recording holds no whole volume, or one that does not fit into memory; or if the
        pattern is none of volumes.
    """
    if asked.device not in (None, "cpu"):
        raise SettingsError(
            f"device: expected 'cpu', on which volumes are reconstructed, found {asked.device!r}"
        )
    console = words_console()
    check_target(asked.out, overwrite=asked.overwrite)
    with open_recording(asked.raw, asked.settings.pattern) as recording:
        settings, notes = settled(asked.settings, recording)
        check_memory(recording)
        volumes, torn = whole_volumes(recording)
        notes += torn
        whole = f"{count(len(volumes), 'volume')} of {count(recording.sizes.z, 'plane')}"
        for note in (f"{whole}, reconstructed in three dimensions", *notes):
            console.print(f"livesim: {note}")
        patterns = _patterns(asked, recording, settings, volumes, console)
        plans = {n: volume_plan(one, settings.of_channel(n)) for n, one in patterns.items()}
        layout = _layout(recording, settings, volumes)
        recipe = _recipe(asked, settings, patterns, recording, notes)
        begin = min(volume.time for volume in volumes)
        left_out: list[LostFrameError] = []
        with (
            interrupts_held() as check_interrupt,
            open_writer(asked.out, layout, recipe, overwrite=asked.overwrite) as writer,
            progress_bar("restore", len(volumes), console) as bar,
        ):
            for channel, plan in plans.items():
                own = settings.of_channel(channel)
                read = _Reader(recording, own, patterns[channel], asked.live, check_interrupt)
                make = _Maker(plan, read)
                for volume in bar.over([one for one in volumes if one.channel == channel]):
                    try:
                        made = make(volume)
                    except LostFrameError as error:
                        left_out.append(error)
                        continue
                    for z, image in enumerate(made):
                        writer.write(replace(volume, time=volume.time - begin, z=z), image)
            if len(left_out) == len(volumes):
                raise left_out[0]
    if left_out:
        console.print(f"livesim: {left_out[0]}; {count(len(left_out), 'volume')} left out")
    console.print(f"wrote {asked.out}")


class _Reader:
    """Reads planes of one channel, without the defects that its pattern names.

    Parameters
    ----------
    live
        Whether to read them as the live run took them, without looking for lost frames.
    check_interrupt
        Called before every plane.
    """

    def __init__(
        self,
        recording: Recording,
        settings: Settings,
        pattern: Pattern,
        live: bool,
        check_interrupt: Callable[[], None],
    ) -> None:
        self._read = recording.stack if live else recording.lit_stack
        self._mend = Mending(pattern, settings)
        self._check_interrupt = check_interrupt

    def __call__(self, index: StackIndex) -> Tensor:
        """Return the counts [angle, phase, y, x] of a plane."""
        self._check_interrupt()
        return as_tensor(self._mend(self._read(index)).stack.pixels).float()


class _Maker:
    """Makes the volumes of one channel, one after the other in the same memory."""

    def __init__(self, plan: VolumePlan, read: Callable[[StackIndex], Tensor]) -> None:
        self._make, self._read = VolumeReconstructor(plan), read
        self._bands = self._make.begin()

    def __call__(self, volume: StackIndex) -> NDArray[np.float32]:
        """Return the image [z, 2 y, 2 x] of a volume.

        Raises
        ------
        LostFrameError
            If one of its frames cannot be read.
        """
        self._bands.restart()
        for z in range(self._make.plan.planes):
            self._make.add(self._bands, z, self._read(replace(volume, z=z)))
        return self._make.finish(self._bands).numpy()


def _patterns(
    asked: RestoreRequest,
    recording: Recording,
    settings: Settings,
    volumes: Sequence[StackIndex],
    console: Console,
) -> dict[int, Pattern]:
    """Read or estimate the pattern of every channel, and show it."""
    patterns = {}
    for channel in sorted({volume.channel for volume in volumes}):
        own = settings.of_channel(channel)
        those = [volume for volume in volumes if volume.channel == channel]
        pattern = _known(asked, recording, channel) or calibrate_volume(
            first_planes(recording, those), own
        )
        if pattern.is_widefield_only:
            words = f", channel {channel}"
            tell_widefield_only(asked.raw, words, own, console, strict=asked.strict)
        console.print(f"{asked.raw.name}, channel {channel}:")
        show_pattern(pattern, console)
        patterns[channel] = pattern
    return patterns


def _known(asked: RestoreRequest, recording: Recording, channel: int) -> Pattern | None:
    """Return the pattern of the live run or of a file, if there is one of volumes.

    A live run that restored single planes has none, and the volumes tell it.
    """
    if asked.pattern_file is None:
        return None
    file, _ = own_pattern_files(asked.raw, asked.pattern_file, channel)
    pattern = read_pattern_for(file, recording.frame_shape, asked.settings)
    if pattern.axial is None and _is_own(asked.raw, asked.pattern_file):
        return None
    print(f"livesim: pattern from {file}", file=sys.stderr)
    return pattern


def _is_own(raw: Path, pattern_file: Path) -> bool:
    return pattern_file == pattern_for(raw)


def _layout(
    recording: Recording, settings: Settings, volumes: Sequence[StackIndex]
) -> OutputLayout:
    times = [volume.time for volume in volumes]
    y, x = recording.frame_shape
    sizes, pixel_nm = recording.sizes, settings.optics.pixel_nm
    assert pixel_nm is not None
    assert settings.volumes is not None
    return OutputLayout(
        y=2 * y,
        x=2 * x,
        pixel_nm=pixel_nm / 2.0,
        time=max(times) + 1 - min(times),
        channel=sizes.channel,
        z=sizes.z,
        position=sizes.position,
        z_step_nm=settings.volumes.z_step_nm,
        interval_s=recording.interval_s,
        channel_names=channel_names(settings, sizes.channel, recording.channel_names),
    )


def _recipe(
    asked: RestoreRequest,
    settings: Settings,
    patterns: Mapping[int, Pattern],
    recording: Recording,
    notes: Sequence[str],
) -> Recipe:
    return Recipe(
        settings=settings,
        pattern=patterns[min(patterns)],
        steps=("reconstruct",),
        sources=tuple(identify(one) for one in (asked.raw, *recording.file.others)),
        warnings=(*recording.warnings, *notes, *_said(patterns)),
    )


def _said(patterns: Mapping[int, Pattern]) -> Iterator[str]:
    """Yield what the recipe says of the volumes."""
    yield IN_THREE_DIMENSIONS
    for channel, pattern in patterns.items():
        psi = VolumePattern.of(pattern).axial_phases_rad
        yield f"channel {channel}: axial phases {', '.join(f'{one:.2f}' for one in psi)} rad"
        yield from pattern.warnings
        if channel != min(patterns):
            yield f"channel {channel} has a pattern of its own: {pattern}"
