"""Reconstruct every stack of planes of a recording in three dimensions: `restore --volumes`."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from rich.console import Console
from torch import Tensor

from livesim.commands.calibrate import show_pattern, tell_widefield_only, with_stated_pixel
from livesim.commands.progress import interrupts_held, progress_bar, words_console
from livesim.commands.restore.request import RestoreRequest
from livesim.config.settings import ASSUMED_EXCITATION, Settings, SettingsError
from livesim.io.read.axes import count
from livesim.io.read.open import open_recording
from livesim.io.read.recording import Recording
from livesim.io.read.scales import channel_names, z_step_nm
from livesim.io.read.volume_otf import read_volume_otf
from livesim.io.recipe import Recipe, identify
from livesim.io.write.output_layout import OutputLayout
from livesim.io.write.results import check_target, open_writer
from livesim.reconstruction.volume.estimate import VolumeOptics, estimate_volume_pattern
from livesim.reconstruction.volume.memory import volume_bytes
from livesim.reconstruction.volume.plan import make_volume_plan
from livesim.reconstruction.volume.reconstructor import VolumeReconstructor
from livesim.values.errors import DataError
from livesim.values.frames import StackIndex
from livesim.values.volume_otf import VolumeOtf
from livesim.values.volume_pattern import VolumePattern

FEWEST_PLANES = 5
FEWEST_PHASES = 5
_MOST_ESTIMATED = 512
"""Rows and columns that the pattern is estimated from."""
_SHARE_OF_MEMORY = 0.6


@dataclass(frozen=True, slots=True)
class _Volume:
    """One stack of planes: a position, a time and a channel."""

    position: int
    time: int
    channel: int

    def plane(self, z: int) -> StackIndex:
        return StackIndex(time=self.time, channel=self.channel, z=z, position=self.position)


def restore_volumes(asked: RestoreRequest) -> None:
    """Reconstruct every whole volume of a recording into one file, without networks.

    The pattern of each channel is found in its first whole volume.

    Raises
    ------
    SettingsError
        If the settings name fewer phases than three beams need, or no distance of the planes; or if
        another device than the processor is asked for.
    DataError
        If the recording holds no whole volume, or one that does not fit into memory.
    """
    if asked.device not in (None, "cpu"):
        raise SettingsError(
            f"device: expected 'cpu', on which volumes are reconstructed, found {asked.device!r}"
        )
    console = words_console()
    check_target(asked.out, overwrite=asked.overwrite)
    with open_recording(asked.raw, asked.settings.pattern) as recording:
        settings = with_stated_pixel(asked.settings, recording)
        known, notes = _known(recording, settings)
        volumes, torn = _whole_volumes(recording)
        notes += torn
        for note in notes:
            console.print(f"livesim: {note}")
        patterns = _patterns(asked, recording, settings, known, volumes, console)
        layout = _layout(recording, settings, volumes, known)
        recipe = _recipe(asked, settings, patterns, recording, notes)
        begin = min(volume.time for volume in volumes)
        with (
            interrupts_held() as check_interrupt,
            open_writer(asked.out, layout, recipe, overwrite=asked.overwrite) as writer,
            progress_bar("restore", len(volumes), console) as bar,
        ):
            for channel, pattern in patterns.items():
                own = settings.of_channel(channel)
                otf = _measured(own, known, settings)
                plan = make_volume_plan(pattern, own.optics, own.camera, own.reconstruction, otf)
                make = VolumeReconstructor(plan)
                for volume in bar.over([one for one in volumes if one.channel == channel]):
                    for z in range(pattern.planes):
                        check_interrupt()
                        make.add(z, _frames(recording, volume.plane(z)).float())
                    for z, image in enumerate(make.finish().numpy()):
                        place = volume.plane(z)
                        writer.write(replace(place, time=place.time - begin), image)
    console.print(f"wrote {asked.out}")


def _known(recording: Recording, settings: Settings) -> tuple[VolumeOptics, list[str]]:
    """Return what is known of the microscope, and what had to be assumed."""
    planes, phases = recording.sizes.z, recording.stack_shape[1]
    if settings.pattern.layout != "angle-phase" or phases < FEWEST_PHASES:
        raise SettingsError(
            f"pattern.phases: expected {FEWEST_PHASES} or more phases of each angle, which three "
            f"beams need, found {phases}"
        )
    if planes < FEWEST_PLANES:
        raise DataError(
            f"{recording.source}: expected volumes of at least {FEWEST_PLANES} planes, found "
            f"{count(planes, 'plane')}"
        )
    step = z_step_nm(settings, planes, recording.z_step_nm)
    if step is None:
        raise SettingsError(
            f"{recording.source}: expected the distance of two planes in the file's metadata or "
            f"as z_step_um in [acquisition], found neither"
        )
    optics = settings.optics
    if optics.pixel_nm is None:
        raise SettingsError("expected optics.pixel_nm in the settings, found none")
    excitation, notes = optics.excitation_or_assumed_nm, []
    if optics.excitation_nm is None:
        notes.append(
            f"optics.excitation_nm is not set: {excitation:.0f} nm is assumed, "
            f"{ASSUMED_EXCITATION:g} of the emission"
        )
    measured = None if optics.otf_file is None else read_volume_otf(optics)
    return VolumeOptics(optics, excitation, optics.pixel_nm, step, measured), notes


def _measured(own: Settings, known: VolumeOptics, settings: Settings) -> VolumeOtf | None:
    """Return the measured transfer functions of a channel."""
    if own.optics.otf_file == settings.optics.otf_file:
        return known.otf
    return None if own.optics.otf_file is None else read_volume_otf(own.optics)


def _whole_volumes(recording: Recording) -> tuple[list[_Volume], list[str]]:
    """Return the volumes that have all their planes, and a sentence on those that have not."""
    whole = recording.whole
    volumes = [_Volume(*(int(n) for n in place)) for place in np.argwhere(whole.all(axis=3))]
    if not volumes:
        raise DataError(
            f"{recording.source}: expected a volume with all its {whole.shape[3]} planes, found "
            f"none"
        )
    torn = int((whole.any(axis=3) & ~whole.all(axis=3)).sum())
    return volumes, [f"{count(torn, 'volume')} left out, for planes are missing"] if torn else []


def _frames(recording: Recording, index: StackIndex) -> Tensor:
    """Return the counts [angle, phase, y, x] of one plane."""
    return torch.from_numpy(recording.stack(index).pixels.astype(np.float32))


def _patterns(
    asked: RestoreRequest,
    recording: Recording,
    settings: Settings,
    known: VolumeOptics,
    volumes: Sequence[_Volume],
    console: Console,
) -> dict[int, VolumePattern]:
    """Estimate the pattern of every channel from its first volume, and show it."""
    patterns = {}
    for channel in sorted({volume.channel for volume in volumes}):
        first = next(volume for volume in volumes if volume.channel == channel)
        own = settings.of_channel(channel)
        _check_memory(recording)
        detection = replace(known, detection=own.optics, otf=_measured(own, known, settings))
        window, corner = _middle(recording.frame_shape)
        counts = torch.stack(
            [_frames(recording, first.plane(z))[..., *window] for z in range(recording.sizes.z)]
        )
        found = estimate_volume_pattern(counts, detection, own.camera)
        pattern = found.moved(corner, recording.frame_shape)
        if pattern.lateral.is_widefield_only:
            words = f", channel {channel}"
            tell_widefield_only(asked.raw, words, own, console, strict=asked.strict)
        console.print(f"{asked.raw.name}, channel {channel}:")
        show_pattern(pattern.lateral, console)
        patterns[channel] = pattern
    return patterns


def _middle(shape: tuple[int, int]) -> tuple[tuple[slice, slice], tuple[int, int]]:
    """Return the window in the middle that is estimated from, and its first (y, x)."""
    sizes = [min(n, _MOST_ESTIMATED) for n in shape]
    y, x = ((n - size) // 2 for n, size in zip(shape, sizes, strict=True))
    return (slice(y, y + sizes[0]), slice(x, x + sizes[1])), (y, x)


def _check_memory(recording: Recording) -> None:
    """Refuse volumes that the machine cannot hold."""
    needed = volume_bytes(recording.frame_shape, recording.sizes.z, recording.stack_shape[0])
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if needed > _SHARE_OF_MEMORY * there:
        y, x = recording.frame_shape
        raise DataError(
            f"{recording.source}: expected volumes that fit into {_SHARE_OF_MEMORY:.0%} of "
            f"{there / 2**30:.0f} GiB of memory, found {recording.sizes.z} planes of {y} x {x}, "
            f"which take {needed / 2**30:.0f} GiB"
        )


def _layout(
    recording: Recording, settings: Settings, volumes: Sequence[_Volume], known: VolumeOptics
) -> OutputLayout:
    times = [volume.time for volume in volumes]
    y, x = recording.frame_shape
    sizes = recording.sizes
    return OutputLayout(
        y=2 * y,
        x=2 * x,
        pixel_nm=known.pixel_nm / 2.0,
        time=max(times) + 1 - min(times),
        channel=sizes.channel,
        z=sizes.z,
        position=sizes.position,
        z_step_nm=known.z_step_nm,
        interval_s=recording.interval_s,
        channel_names=channel_names(settings, sizes.channel, recording.channel_names),
    )


def _recipe(
    asked: RestoreRequest,
    settings: Settings,
    patterns: dict[int, VolumePattern],
    recording: Recording,
    notes: Sequence[str],
) -> Recipe:
    return Recipe(
        settings=settings,
        pattern=patterns[min(patterns)].lateral,
        steps=("reconstruct",),
        sources=tuple(identify(one) for one in (asked.raw, *recording.file.others)),
        warnings=(*recording.warnings, *notes, *_said(patterns)),
    )


def _said(patterns: dict[int, VolumePattern]) -> Iterator[str]:
    """Yield what the recipe says of the volumes."""
    yield "volumes are reconstructed in three dimensions, without networks"
    for channel, pattern in patterns.items():
        phases = ", ".join(f"{psi:.2f}" for psi in pattern.axial_phases_rad)
        yield f"channel {channel}: axial phases {phases} rad"
        yield from pattern.lateral.warnings
        if channel != min(patterns):
            yield f"channel {channel} has a pattern of its own: {pattern.lateral}"
