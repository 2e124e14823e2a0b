"""Reconstruct every stack of planes of a recording in three dimensions."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from livesim.commands.calibrate import show_pattern, tell_widefield_only
from livesim.commands.progress import interrupts_held, progress_bar, words_console
from livesim.commands.recorded_volumes import check_memory, first_planes, settled, whole_volumes
from livesim.commands.restore.plan import result_layout
from livesim.commands.restore.request import RestoreRequest
from livesim.commands.restore.volume_channel import VolumeMaker, VolumeReader
from livesim.commands.restore.volume_trust import VolumeReviews
from livesim.config.settings import Settings
from livesim.io.pattern_file import read_pattern_for
from livesim.io.read.open import open_recording
from livesim.io.read.recording import Recording
from livesim.io.recipe import Recipe, StepName, identify
from livesim.io.settings_beside import own_pattern_files, pattern_for
from livesim.io.write.results import check_target, open_writer
from livesim.pipeline.devices import device_named
from livesim.pipeline.volume.build import calibrate_volume
from livesim.pipeline.volume.channel import VolumeChannel
from livesim.pipeline.volume.networks import VolumeNetworks, wants_networks
from livesim.values.errors import LostFrameError
from livesim.values.frames import StackIndex
from livesim.values.pattern import Pattern
from livesim.values.volume_pattern import (
    IN_THREE_DIMENSIONS,
    PLAIN_IN_THREE_DIMENSIONS,
    VolumePattern,
)
from livesim.values.wording import count


def restore_volumes(asked: RestoreRequest) -> None:
    """Reconstruct every whole volume of a recording into one file.

    Networks, where the settings ask for some, are shown as far as the photons of a volume support
    them. The pattern of each channel is that of the live run, that of a file, or that found in its
    first whole volume.

    Raises
    ------
    SettingsError
        If the settings are none of volumes, there is no such device, or they ask for a
        network that is none of volumes.
    DataError
        If the recording holds no whole volume, or one that does not fit into memory; or if the
        pattern is none of volumes.
    """
    device, console = device_named(asked.device), words_console()
    check_target(asked.out, overwrite=asked.overwrite)
    with open_recording(asked.raw, asked.settings.pattern) as recording:
        settings, notes = settled(asked.settings, recording)
        check_memory(recording, network=wants_networks(settings))
        volumes, torn = whole_volumes(recording)
        notes += torn
        whole = f"{count(len(volumes), 'volume')} of {count(recording.sizes.z, 'plane')}"
        _tell((f"{whole}, reconstructed in three dimensions", *notes), console)
        patterns = _patterns(asked, recording, settings, volumes, console)
        channels = {
            n: VolumeChannel.of(one, settings.of_channel(n), device) for n, one in patterns.items()
        }
        refusals = dict.fromkeys(one.refusal for one in channels.values() if one.refusal)
        _tell(refusals, console)
        notes += refusals
        times = [volume.time for volume in volumes]
        layout = result_layout(recording, settings, times)
        recipe = _recipe(asked, settings, channels, recording, notes)
        begin = min(times)
        left_out: list[LostFrameError] = []
        reviews = VolumeReviews(volumes)
        with (
            interrupts_held() as check_interrupt,
            open_writer(
                asked.out, layout, recipe, overwrite=asked.overwrite, amend=reviews.amend
            ) as writer,
            progress_bar("restore", len(volumes), console) as bar,
        ):
            for number, channel in channels.items():
                own = settings.of_channel(number)
                read = VolumeReader(recording, own, channel.pattern, asked.live, check_interrupt)
                make = VolumeMaker(channel, read, reviews.hear)
                for volume in bar.over([one for one in volumes if one.channel == number]):
                    try:
                        made = make(volume)
                    except LostFrameError as error:
                        left_out.append(error)
                        continue
                    for z, image in enumerate(made):
                        writer.write(replace(volume, time=volume.time - begin, z=z), image)
            if len(left_out) == len(volumes):
                raise left_out[0]
    _tell((f"{one}; {count(len(left_out), 'volume')} left out" for one in left_out[:1]), console)
    reviews.show(console)
    console.print(f"wrote {asked.out}")


def _tell(notes: Iterable[str], console: Console) -> None:
    for note in notes:
        console.print(f"livesim: {note}")


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
            tell_widefield_only(asked.raw, channel, own, console, strict=asked.strict)
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


def _recipe(
    asked: RestoreRequest,
    settings: Settings,
    channels: Mapping[int, VolumeChannel],
    recording: Recording,
    notes: Sequence[str],
) -> Recipe:
    patterns = {number: channel.pattern for number, channel in channels.items()}
    networks = [one.networks for one in channels.values() if one.networks is not None]
    return Recipe(
        settings=settings,
        pattern=patterns[min(patterns)],
        steps=_steps(networks),
        models={name: sha for one in networks for name, sha in one.models.items()},
        sources=tuple(identify(one) for one in (asked.raw, *recording.file.others)),
        warnings=(*recording.warnings, *notes, *_said(patterns, networks)),
    )


def _steps(networks: Sequence[VolumeNetworks]) -> tuple[StepName, ...]:
    """Return what is done to the volumes of any channel."""
    done: dict[StepName, bool] = {
        "one": any(own.one for own in networks),
        "reconstruct": True,
        "two": any(own.two for own in networks),
    }
    return tuple(step for step, wanted in done.items() if wanted)


def _said(patterns: Mapping[int, Pattern], networks: Sequence[VolumeNetworks]) -> Iterator[str]:
    """Yield what the recipe says of the volumes."""
    yield IN_THREE_DIMENSIONS if networks else PLAIN_IN_THREE_DIMENSIONS
    for channel, pattern in patterns.items():
        psi = VolumePattern.of(pattern).axial_phases_rad
        yield f"channel {channel}: axial phases {', '.join(f'{one:.2f}' for one in psi)} rad"
        yield from pattern.warnings
        if channel != min(patterns):
            yield f"channel {channel} has a pattern of its own: {pattern}"
