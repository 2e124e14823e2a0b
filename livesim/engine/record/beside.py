"""Write what belongs beside raw stacks that another process records: patterns and logs.

One of several engines has some channels of a stream, and these files are each of one channel: so no
two engines ever write the same one, and a recording of several reads like that of one.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Generic, TypeVar

from livesim.config.changes import NetworkFile, SettingsChange, difference, steered
from livesim.config.settings import SettingsError
from livesim.engine.record.recorder import RawSink, ResultSink
from livesim.engine.seams import Resolved
from livesim.io.logs import (
    append_pattern_changes,
    append_settings_change,
    append_weights_change,
    read_settings_log,
)
from livesim.io.pattern_file import read_pattern, write_pattern
from livesim.io.recording_files import (
    PATTERN_LOG_NAME,
    PATTERN_NAME,
    SETTINGS_LOG_NAME,
    WEIGHTS_LOG_NAME,
    of_channel,
)
from livesim.values.frames import RawStack
from livesim.values.illumination import ChangeKind, Illumination, PatternChange, unturned
from livesim.values.pattern import Pattern
from livesim.values.results import Result
from livesim.values.weights import WeightsChange
from livesim.wire.control import Beside
from livesim.wire.messages import StreamStart


class BesideRecordings:
    """Makes the recorders of one of several engines, which is told where each recording is.

    Parameters
    ----------
    root
        The folder of all recordings; nothing is written outside it.
    """

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()
        self._beside: Beside | None = None

    def aim(self, beside: Beside | None) -> None:
        """Say which recording comes next; None = none does.

        Raises
        ------
        SettingsError
            If it lies somewhere else.
        """
        if beside is not None and Path(beside.folder).resolve().parent != self._root:
            raise SettingsError(f"expected a recording in {self._root}, found {beside.folder}")
        self._beside = beside

    def __call__(self, start: StreamStart, resolved: Resolved) -> BesideRecorder:
        """Return what writes beside the recording that was told last.

        Raises
        ------
        SettingsError
            If none was.
        """
        if self._beside is None:
            raise SettingsError("expected to be told of a recording, found none")
        return BesideRecorder(self._beside, resolved)


Value = TypeVar("Value", RawStack, Result)


class _Nothing(Generic[Value]):
    """A file that is not written."""

    def write(self, value: Value) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


class BesideRecorder:
    """Writes the logs of a recording; raw stacks and results are written by another process.

    Parameters
    ----------
    beside
        Where it is, and what is written into its raw stacks.
    resolved
        What this engine uses.
    """

    def __init__(self, beside: Beside, resolved: Resolved) -> None:
        self.folder, self._settings = Path(beside.folder), beside.settings
        self.resolved = resolved

    def open_raw(self, first: RawStack) -> RawSink:
        """Return what writes nothing."""
        return _Nothing[RawStack]()

    def open_results(self, first: Result) -> ResultSink:
        """Return what writes nothing."""
        return _Nothing[Result]()

    def resume(self, stack: RawStack, light: Illumination, now: Resolved) -> None:
        """Write what holds from a channel's first stack on, where the logs say something else."""
        self._resume_pattern(stack, light)
        channel = stack.index.channel
        log, last = self._file(SETTINGS_LOG_NAME, channel), self._settings
        for change in read_settings_log(log) if log.exists() else ():
            last = steered(last, change.new)
        old, new = difference(last, now.settings)
        if new:
            files = {name: NetworkFile(sha, now.cards[name]) for name, sha in now.models.items()}
            change = SettingsChange(stack.index, stack.last_received_ns, old, new, files)
            self.log_settings(change)

    def _resume_pattern(self, stack: RawStack, light: Illumination) -> None:
        channel = stack.index.channel
        file, known = self._file(PATTERN_NAME, channel), light.pattern
        fresh = not file.exists()
        if fresh:
            write_pattern(file, known)
        else:
            known = read_pattern(file)
        if known == light.pattern and not any(light.turns_rad) and not self._is_logged(channel):
            return
        change = PatternChange(
            stack.index,
            stack.last_received_ns,
            ChangeKind.DRIFT if fresh else ChangeKind.ESTIMATE,
            None,
            "the recording begins" if fresh else "another engine goes on",
            unturned(known),
            light,
        )
        self.log_changes([change])

    def _is_logged(self, channel: int) -> bool:
        return self._file(PATTERN_LOG_NAME, channel).exists()

    def save_pattern(self, pattern: Pattern, channel: int) -> None:
        """Do nothing: `resume` has written the pattern that the channel begins with."""

    def log_changes(self, changes: Sequence[PatternChange]) -> None:
        """Append to the log of one channel's pattern."""
        append_pattern_changes(self._file(PATTERN_LOG_NAME, changes[0].stack.channel), changes)

    def log_settings(self, change: SettingsChange) -> None:
        """Append to the log of one channel's settings."""
        append_settings_change(self._file(SETTINGS_LOG_NAME, change.stack.channel), change)

    def log_weights(self, change: WeightsChange) -> None:
        """Append to the log of one channel's weights."""
        append_weights_change(self._file(WEIGHTS_LOG_NAME, change.stack.channel), change)

    def log_label(self, stack: RawStack) -> None:
        """Do nothing: who records the raw stacks writes what their times are called."""

    def _file(self, name: str, channel: int) -> Path:
        return self.folder / of_channel(name, channel)
