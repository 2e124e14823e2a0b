"""Record each stream into a folder of its own: raw.zarr, pattern.json, logs, results.ome.zarr."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path

from livesim.config.changes import SettingsChange
from livesim.config.settings import Settings
from livesim.config.step_choice import RECONSTRUCT, with_steps
from livesim.engine.record.recorder import RawSink, RecorderFor, ResultSink
from livesim.engine.seams import Resolved
from livesim.io.logs import (
    append_pattern_changes,
    append_settings_change,
    append_time_label,
    append_weights_change,
)
from livesim.io.pattern_file import read_pattern, write_pattern
from livesim.io.read.scales import channel_names, z_step_nm
from livesim.io.recipe import Recipe, steps_run
from livesim.io.recording_files import (
    PATTERN_LOG_NAME,
    PATTERN_NAME,
    RAW_NAME,
    RESULTS_NAME,
    SETTINGS_LOG_NAME,
    TIME_LABELS_NAME,
    WEIGHTS_LOG_NAME,
    of_channel,
)
from livesim.io.write.output_layout import OutputLayout, RawLayout
from livesim.io.write.recorder import RawRecorder, ResultRecorder
from livesim.values.errors import DataError
from livesim.values.frames import RawStack
from livesim.values.illumination import PatternChange
from livesim.values.pattern import Pattern
from livesim.values.results import Result
from livesim.values.volume_pattern import IN_THREE_DIMENSIONS, PLAIN_IN_THREE_DIMENSIONS
from livesim.values.weights import WeightsChange
from livesim.wire.messages import StreamStart

ARBITRATED = (
    "the images are arbitrated between plain reconstruction and networks, with the weights logged "
    "beside them; those that `networks` beside them does not name are plain"
)

ARBITRATED_VOLUMES = (
    f"{IN_THREE_DIMENSIONS}; those that `networks` beside them names are arbitrated between plain "
    "volume and network by their own photons, the others are plain"
)


def record_into(folder: Path) -> RecorderFor:
    """Record each stream into the first of stream-001, stream-002, … that `folder` has not.

    Where the disk of `folder` is taken away later, streams are refused rather than recorded on
    the disk that lies below it.
    """
    disk = _disk_of(folder)

    def recorder(start: StreamStart, resolved: Resolved) -> FolderRecorder:
        if _disk_of(folder) != disk:
            raise DataError(f"{folder}: expected the disk that it was on, found another one")
        return FolderRecorder(_new_folder(folder), start, resolved)

    return recorder


class FolderRecorder:
    """Where one stream is recorded.

    With the pattern and the logs beside it, the raw recording can be restored to the pixels of the
    live run: `livesim restore FOLDER/raw.zarr`, which looks for all of them.
    """

    def __init__(self, folder: Path, start: StreamStart, resolved: Resolved) -> None:
        self.folder = folder
        self._start = start
        self.resolved, self.settings, self._models = resolved, resolved.settings, resolved.models
        self._notes = resolved.notes
        sent = start.settings
        self._source = self.settings if sent is None else Settings.model_validate(sent)
        """What the source acquires with, though the engine may have settings of its own."""
        self._patterns: dict[int, Pattern] = {}

    def open_raw(self, first: RawStack) -> RawSink:
        """Open the raw recording for stacks such as the first."""
        angles, phases, y, x = first.pixels.shape
        layout = RawLayout(
            angles=angles,
            phases=phases,
            y=y,
            x=x,
            pixel_nm=self.settings.optics.known_pixel_nm,
            z_step_nm=self._z_step_nm,
            interval_s=self._start.interval_s,
            channel_names=self._channel_names,
        )
        recipe = Recipe(settings=self.settings)
        path, how = self.folder / RAW_NAME, self.settings.recording
        dtype = first.pixels.dtype
        return RawRecorder(path, layout, recipe, dtype, shard=how.shard, sync=how.sync)

    def open_results(self, first: Result) -> ResultSink:
        """Open the recording of the results for images such as the first."""
        y, x = first.image.shape
        layout = OutputLayout(
            y=y,
            x=x,
            pixel_nm=self.settings.optics.known_pixel_nm / 2,
            channel=max(len(self._channel_names), 1),
            position=max(self._size("position"), first.index.position + 1),
            z_step_nm=self._z_step_nm,
            interval_s=self._start.interval_s,
            channel_names=self._channel_names,
        )
        # Else no network runs, whatever the settings name.
        restored = first.plain is not None or first.provisional
        dimensions = () if first.volume is None else (_of_volumes(restored=restored),)
        recipe = Recipe(
            settings=self.settings if restored else with_steps(self.settings, RECONSTRUCT),
            pattern=self._pattern_of(first.index.channel),
            steps=steps_run(self.settings.steps) if restored else ("reconstruct",),
            models=self._models if restored else {},
            warnings=(
                *self._notes,
                *((ARBITRATED,) if restored and first.volume is None else ()),
                *dimensions,
            ),
        )
        path, shard = self.folder / RESULTS_NAME, self.settings.recording.shard
        return ResultRecorder(path, layout, recipe, shard=shard)

    def _pattern_of(self, channel: int) -> Pattern | None:
        """Return the pattern that a channel began with, which another engine may have saved."""
        file = self.folder / of_channel(PATTERN_NAME, channel)
        if channel in self._patterns or not file.exists():
            return self._patterns.get(channel)
        return read_pattern(file)

    def save_pattern(self, pattern: Pattern, channel: int) -> None:
        """Write a channel's pattern beside the recording, in place of an older one."""
        self._patterns[channel] = pattern
        file = self.folder / of_channel(PATTERN_NAME, channel)
        write_pattern(file, pattern, overwrite=True)

    def log_changes(self, changes: Sequence[PatternChange]) -> None:
        """Append to the log of one channel's pattern, which the first change begins."""
        name = of_channel(PATTERN_LOG_NAME, changes[0].stack.channel)
        append_pattern_changes(self.folder / name, changes)

    def log_settings(self, change: SettingsChange) -> None:
        """Append to the log of the settings, which the first change begins."""
        append_settings_change(self.folder / SETTINGS_LOG_NAME, change)

    def log_weights(self, change: WeightsChange) -> None:
        """Append to the log of one channel's weights, which the first stack begins."""
        name = of_channel(WEIGHTS_LOG_NAME, change.stack.channel)
        append_weights_change(self.folder / name, change)

    def log_label(self, stack: RawStack) -> None:
        """Append to the labels of the times, which the first one begins."""
        append_time_label(self.folder / TIME_LABELS_NAME, stack)

    def _size(self, axis: str) -> int:
        """Return how long the source expects an axis to be; 1 where it does not know."""
        return (self._start.sizes or {}).get(axis, 1)

    @property
    def _z_step_nm(self) -> float | None:
        if self.settings.volumes is not None:
            return self.settings.volumes.z_step_nm
        planes = self._size("z")
        return z_step_nm(self._source, planes) or z_step_nm(self.settings, planes)

    @property
    def _channel_names(self) -> tuple[str, ...]:
        numbered = max(self.settings.channels, default=0) + 1
        count = max(self._size("channel"), numbered)
        return channel_names(self.settings, count, channel_names(self._source, count))


def _of_volumes(*, restored: bool) -> str:
    """Return what is said of volumes; `restored`: whether a network works on them."""
    return ARBITRATED_VOLUMES if restored else PLAIN_IN_THREE_DIMENSIONS


def _new_folder(parent: Path) -> Path:
    parent.mkdir(parents=True, exist_ok=True)
    for number in count(1):
        folder = parent / f"stream-{number:03d}"
        with suppress(FileExistsError):  # asked by making it: a link to nowhere takes a name, too
            folder.mkdir()
            return folder
    raise AssertionError("counting never ends")


def _disk_of(folder: Path) -> int:
    """Return the number of the disk that a folder lies on, or will lie on."""
    there = next(one for one in (folder, *folder.absolute().parents) if one.exists())
    return there.stat().st_dev
