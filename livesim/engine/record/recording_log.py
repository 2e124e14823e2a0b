"""Write beside each recording which pattern, settings and weights were in use, and changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from livesim.config.changes import NetworkFile, SettingsChange, difference
from livesim.engine.descriptors import patiently
from livesim.engine.meters import Faults
from livesim.engine.record.recorder import Recorder, Resuming
from livesim.engine.record.recordings import Recordings
from livesim.engine.seams import Arbitrated, Pipeline, Resolved, Tracked
from livesim.values.errors import DataError
from livesim.values.frames import RawStack
from livesim.values.illumination import ChangeKind, PatternChange, unturned
from livesim.values.weights import BandWeights, WeightsChange


class RecordingLog:
    """Writes what `livesim restore` needs beside the raw stacks; all in the processor's thread.

    A recording may begin in the middle of a stream, so each begins with what is in use then.
    Channels may be processed in another order than they came in, so each has a log of its own.
    """

    def __init__(self, recordings: Recordings, faults: Faults) -> None:
        self._recordings, self._faults = recordings, faults
        self._logged: dict[tuple[Path, int], Resolved] = {}
        self._weights: dict[tuple[Path, int], BandWeights | None] = {}

    def see(self, stack: RawStack, pipeline: Pipeline, now: Resolved) -> None:
        """Log what a stack is going to be reconstructed with, where that has changed."""
        recorder = self._recordings.of(stack.index)
        if recorder is None:
            return
        key = (recorder.folder, stack.index.channel)
        if key not in self._logged:
            if isinstance(recorder, Resuming):
                self._logged[key] = now
                self._write("the pattern", lambda: _resumed(recorder, stack, pipeline, now))
                return
            self._write("the pattern", lambda: _first_pattern(recorder, stack, pipeline))
        before = self._logged.get(key, recorder.resolved)
        self._logged[key] = now
        if before is not now:
            self._write("the settings' log", lambda: _settings(recorder, stack, before, now))

    def began(self, stack: RawStack, pipeline: Pipeline) -> None:
        """Log the weights that a stack is reconstructed with, where the last one had others."""
        recorder = self._recordings.of(stack.index)
        if recorder is None or not isinstance(pipeline, Arbitrated):
            return
        key, now = (recorder.folder, stack.index.channel), pipeline.weights
        if key in self._weights and self._weights[key] is now:
            return
        self._weights[key] = now
        change = WeightsChange(stack.index, stack.last_received_ns, now)
        self._write("the weights' log", lambda: recorder.log_weights(change))

    def pattern_changed(self, changes: Sequence[PatternChange]) -> None:
        """Log changes of a channel's pattern, all of one stack."""
        recorder = self._recordings.of(changes[0].stack)
        if recorder is not None:
            self._write("the pattern's log", lambda: recorder.log_changes(changes))

    def _write(self, what: str, write: Callable[[], None]) -> None:
        try:
            patiently(write)
        except (OSError, DataError) as error:
            self._faults.say(f"{what} could not be written: {error}")


def _resumed(recorder: Resuming, stack: RawStack, pipeline: Pipeline, now: Resolved) -> None:
    light = pipeline.illumination if isinstance(pipeline, Tracked) else unturned(pipeline.pattern)
    recorder.resume(stack, light, now)


def _first_pattern(recorder: Recorder, stack: RawStack, pipeline: Pipeline) -> None:
    recorder.save_pattern(pipeline.pattern, stack.index.channel)
    if not isinstance(pipeline, Tracked) or not any(pipeline.illumination.turns_rad):
        return
    light = pipeline.illumination
    # As a turn, not as a pattern that has turned: those differ in the last bit.
    change = PatternChange(
        stack.index,
        stack.last_received_ns,
        ChangeKind.DRIFT,
        None,
        "the recording begins",
        unturned(light.pattern),
        light,
    )
    recorder.log_changes([change])


def _settings(recorder: Recorder, stack: RawStack, before: Resolved, now: Resolved) -> None:
    old, new = difference(before.settings, now.settings)
    if new:
        networks = {} if before.models == now.models else _networks(before) | _networks(now)
        at = stack.last_received_ns
        recorder.log_settings(SettingsChange(stack.index, at, old, new, networks))


def _networks(used: Resolved) -> dict[str, NetworkFile]:
    return {name: NetworkFile(sha, used.cards[name]) for name, sha in used.models.items()}
