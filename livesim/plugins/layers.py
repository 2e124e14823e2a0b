"""Say what a viewer shows of a path: the raw frames of a recording, or images that were made."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from livesim.api.recording import LazyRecording
from livesim.api.recording import open as open_recording
from livesim.commands.export.source import recording_files
from livesim.config.settings import Settings
from livesim.io.read.result_time_lapse import open_result
from livesim.io.read.time_lapse import TimeLapse
from livesim.io.recording_files import RAW_NAME, bare_name
from livesim.io.settings_beside import (
    own_pattern_files,
    pattern_for,
    settings_for,
    settings_named_after,
)
from livesim.io.write.results import read_recipe
from livesim.plugins.images import Frames, OnDisk, Results, WholeStacks
from livesim.plugins.raw import Raw
from livesim.values.errors import DataError


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """One image in as many axes as it has, with its place in the sample."""

    name: str
    data: OnDisk
    scale: tuple[float, ...]
    """Of each axis: µm along z, y and x, where they are known, else 1."""
    raw: Raw | None = None
    """What can be restored of it; None = it is a result."""


def is_known(path: Path) -> bool:
    """Whether livesim can say what a path is: one of its own, or with settings beside it.

    It looks at names and the heads of files.
    """
    own = _is_stream(path) or path.name == RAW_NAME or settings_named_after(path) is not None
    return path.exists() and (own or _is_result(path) or _is_recording(path))


def layers_of(path: Path) -> list[Layer]:
    """Open a recording or a result; nothing but its description is read.

    Raises
    ------
    DataError, SettingsError
        If it cannot be used, or nothing says what microscope it is of.
    """
    if _is_stream(path):
        files = recording_files(path)
        own = (files.raw, files.result)
        return [layer for one in own if one is not None for layer in layers_of(one)]
    return list(_results(path) if _is_result(path) else _frames(path))


def _is_stream(path: Path) -> bool:
    """Whether it is the folder that an engine has recorded a stream into."""
    if not path.is_dir() or (path / "zarr.json").is_file():
        return False
    try:
        recording_files(path)
    except DataError:
        return False
    return True


def _is_result(path: Path) -> bool:
    """Whether livesim made these images: a recording holds a recipe too, but of no step."""
    try:
        return bool(read_recipe(path).steps)
    except ValueError:  # another file: no recipe, or none of these formats
        return False


def _is_recording(path: Path) -> bool:
    """Whether the settings that lie in its folder, under any name, fit what it holds."""
    try:
        open_recording(path, settings_for(path, None)).close()
    except ValueError:  # no settings, or another file
        return False
    return True


def _results(path: Path) -> Iterator[Layer]:
    results = open_result(path)
    layout = results.layout
    scale = (1.0, _um(layout.z_step_nm), _um(layout.pixel_nm), _um(layout.pixel_nm))
    for warning in results.recipe.warnings:
        warnings.warn(f"{path}: {warning}", stacklevel=2)
    for position in range(layout.position):
        for channel in range(layout.channel):
            name = _name(path, results, position, channel)
            yield Layer(name, Results(results, position, channel), scale)


def _name(path: Path, results: TimeLapse, position: int, channel: int) -> str:
    layout = results.layout
    channels = layout.channel_names or [f"channel {at}" for at in range(layout.channel)]
    return _named(
        bare_name(path), layout.position, position, channels[channel] if layout.channel > 1 else ""
    )


def _frames(path: Path) -> Iterator[Layer]:
    settings = settings_for(path, None)
    recording = open_recording(path, settings)
    for warning in recording.warnings:
        warnings.warn(warning, stacklevel=2)
    for position in range(recording.positions):
        here = recording if position == 0 else open_recording(path, settings, position)
        yield from _channels(path, here, position)


def _channels(path: Path, recording: LazyRecording, position: int) -> Iterator[Layer]:
    pixel = _um(recording.settings.optics.pixel_nm)
    scale = (1.0, 1.0, 1.0, _um(recording.z_step_nm), pixel, pixel)
    count = recording.sizes["c"]
    names = recording.channel_names or [f"channel {at}" for at in range(count)]
    for channel in range(count):
        own = names[channel] if count > 1 else ""
        name = _named(f"{bare_name(path)} raw", recording.positions, position, own)
        raw = _raw(path, recording, channel)
        yield Layer(name, Frames(recording, channel), scale, raw)


def _raw(path: Path, recording: LazyRecording, channel: int) -> Raw:
    stacks, sizes = WholeStacks(recording, channel), recording.sizes
    kept = pattern_for(path)
    pattern = None if kept is None else own_pattern_files(path, kept, channel)[0]
    settings: Settings = recording.settings.of_channel(channel)
    return Raw(stacks, settings, pattern, (sizes["t"], sizes["z"]), stacks.places, channel)


def _named(name: str, positions: int, position: int, channel: str) -> str:
    at = f"position {position}" if positions > 1 else ""
    return ", ".join(part for part in (name, at, channel) if part)


def _um(nm: Any) -> float:
    return 1.0 if nm is None else float(nm) / 1000.0
