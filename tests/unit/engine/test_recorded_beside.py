"""What one of several engines writes beside raw stacks, and how another one goes on with it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from livesim.config.changes import steered
from livesim.config.settings import SettingsError
from livesim.engine.record.beside import BesideRecordings
from livesim.engine.seams import Resolved
from livesim.io.logs import read_pattern_log, read_settings_log
from livesim.io.pattern_file import read_pattern
from livesim.io.settings_beside import settings_logs_for
from livesim.values.frames import RawStack, StackIndex
from livesim.values.illumination import ChangeKind, Illumination, PatternChange, unturned
from livesim.wire.control import Beside
from tests.support.running_engine import OWN, PATTERN, start

STEERED = steered(OWN, {"reconstruction.wiener": 0.3})
OTHER = replace(PATTERN, attainable_resolution_nm=120.0)


def recorder(root, settings=OWN):
    recordings = BesideRecordings(root)
    folder = root / "stream-001"
    folder.mkdir(exist_ok=True)
    recordings.aim(Beside(folder=str(folder), settings=OWN))
    return recordings(start(), Resolved(settings))


def stack(at, channel=1):
    pixels = np.zeros((3, 3, 16, 12), np.uint16)
    return RawStack("s", StackIndex(time=at, channel=channel), pixels, last_received_ns=10**18 + at)


def resumed(root, at, light, settings=OWN):
    """Let another engine go on at a time."""
    one = recorder(root, settings)
    one.resume(stack(at), light, Resolved(settings))
    return one


def logged(root):
    """Return the pattern that channel 1 began with, and what changed since."""
    folder = root / "stream-001"
    first = read_pattern(folder / "pattern-channel-1.json")
    log = folder / "pattern-log-channel-1.jsonl"
    return first, read_pattern_log(log, first) if log.exists() else ()


def test_an_engine_that_goes_on_with_the_same_pattern_has_nothing_to_say(tmp_path):
    for at in (0, 7):
        resumed(tmp_path, at, unturned(PATTERN))
    assert logged(tmp_path) == (PATTERN, ())


def test_another_pattern_is_a_change_and_the_stacks_before_keep_theirs(tmp_path):
    resumed(tmp_path, 0, unturned(PATTERN))
    resumed(tmp_path, 7, unturned(OTHER))
    first, (change,) = logged(tmp_path)
    assert (first, change.stack.time, change.new) == (PATTERN, 7, unturned(OTHER))
    assert change.kind is ChangeKind.ESTIMATE


def test_the_same_pattern_is_a_change_where_it_had_turned(tmp_path):
    one = resumed(tmp_path, 0, unturned(PATTERN))
    turned = Illumination(PATTERN, (0.1, 0.2, 0.3))
    drift = PatternChange(
        stack(3).index, 10**18, ChangeKind.DRIFT, None, "", unturned(PATTERN), turned
    )
    one.log_changes([drift])
    resumed(tmp_path, 7, unturned(PATTERN))
    _, changes = logged(tmp_path)
    assert [change.stack.time for change in changes] == [3, 7]
    assert changes[-1].new == unturned(PATTERN)


def test_a_recording_that_begins_with_a_turned_pattern_says_by_how_much(tmp_path):
    resumed(tmp_path, 5, Illumination(PATTERN, (0.1, 0.2, 0.3)))
    first, (change,) = logged(tmp_path)
    assert (first, change.new.turns_rad) == (PATTERN, (0.1, 0.2, 0.3))


def test_settings_that_are_not_the_recordings_are_logged_once(tmp_path):
    resumed(tmp_path, 0, unturned(PATTERN))
    resumed(tmp_path, 7, unturned(PATTERN), STEERED)
    resumed(tmp_path, 9, unturned(PATTERN), STEERED)
    (log,) = settings_logs_for(tmp_path / "stream-001" / "raw.zarr")
    (change,) = read_settings_log(log)
    assert (change.stack.time, change.new) == (7, {"reconstruction.wiener": 0.3})
    resumed(tmp_path, 12, unturned(PATTERN), OWN)
    assert read_settings_log(log)[-1].new == {"reconstruction.wiener": "auto"}


def test_the_logs_of_all_channels_are_found(tmp_path):
    for name in ("settings-log.jsonl", "settings-log-channel-1.jsonl", "settings-log-2.jsonl"):
        (tmp_path / name).touch()
    found = settings_logs_for(tmp_path / "raw.zarr")
    assert [one.name for one in found] == ["settings-log.jsonl", "settings-log-channel-1.jsonl"]


def test_nothing_is_written_outside_the_folder_of_recordings(tmp_path):
    recordings = BesideRecordings(tmp_path / "recordings")
    for folder in (tmp_path / "stream-001", tmp_path / "recordings" / "a" / "b"):
        with pytest.raises(SettingsError, match=r"expected a recording in .*recordings, found"):
            recordings.aim(Beside(folder=str(folder), settings=OWN))
    with pytest.raises(SettingsError, match="found none"):
        recordings(start(), Resolved(OWN))
