"""What stands beside the pixels of a recording: the distance of planes, the labels of times."""

from __future__ import annotations

import json

import numpy as np
import pytest

from livesim.config.settings import Settings
from livesim.engine.meters import Gauges
from livesim.engine.record.folder import FolderRecorder
from livesim.engine.record.recordings import Recordings
from livesim.engine.record.time_labels import TimeLabels
from livesim.engine.seams import Resolved
from livesim.io.logs import read_weights_log
from livesim.io.read.open import open_recording
from livesim.io.recording_files import (
    RAW_NAME,
    TIME_LABELS_NAME,
    WEIGHTS_LOG_NAME,
    of_channel,
)
from livesim.values.frames import RawStack, StackIndex
from livesim.values.weights import WeightsChange
from tests.support.running_engine import SETTINGS, start

FOCUS = {"acquisition": {"z_start_um": 0.0, "z_end_um": 0.5, "z_step_um": 0.25}}
PIXELS = np.zeros((3, 3, 8, 8), np.uint16)


def recorder_in(folder, own=SETTINGS, **sent):
    return FolderRecorder(folder, start(**sent), Resolved(Settings.model_validate(own)))


@pytest.mark.parametrize(
    ("source", "engine", "step_nm"),
    [
        (FOCUS, {}, 250.0),
        ({}, FOCUS, 250.0),
        (
            FOCUS,
            {"acquisition": {**FOCUS["acquisition"], "z_end_um": 1.0, "z_step_um": 0.5}},
            250.0,
        ),
        ({}, {}, None),
    ],
)
def test_planes_are_as_far_apart_as_who_moves_the_focus_says(tmp_path, source, engine, step_nm):
    """The source does; where it says nothing, the engine's settings may."""
    sizes = {"z": 3}
    recorder = recorder_in(tmp_path, SETTINGS | engine, settings=SETTINGS | source, sizes=sizes)
    stacks = [RawStack("s", StackIndex(z=z), PIXELS, 5.0) for z in range(3)]
    raw = recorder.open_raw(stacks[0])
    for stack in stacks:
        raw.write(stack)
    raw.close()
    with open_recording(tmp_path / RAW_NAME, recorder.settings.pattern) as recording:
        assert recording.z_step_nm == step_nm


def test_the_weights_of_every_channel_have_a_log_of_their_own(tmp_path):
    recorder = recorder_in(tmp_path)
    changes = [WeightsChange(StackIndex(time=n, channel=n % 2), n, None) for n in range(4)]
    for change in changes:
        recorder.log_weights(change)
    for channel in range(2):
        log = read_weights_log(tmp_path / of_channel(WEIGHTS_LOG_NAME, channel))
        assert log == tuple(changes[channel::2])


def test_the_label_of_a_time_is_written_once_into_the_recording_that_has_its_stacks(tmp_path):
    known = Recordings(None)
    labels = TimeLabels(known, Gauges().faults)
    for name in (None, "first", "second"):
        if name is not None:
            (tmp_path / name).mkdir()
            known.switch(recorder_in(tmp_path / name))
        for time, channel in np.ndindex(2, 2):
            label = 1000 * (1 + len(name or "")) + time
            stack = RawStack("s", StackIndex(time=time, channel=channel), PIXELS, 5.0, label=label)
            known.see(stack)
            labels.see(stack)
    for name in ("first", "second"):
        lines = (tmp_path / name / TIME_LABELS_NAME).read_text(encoding="utf-8").splitlines()
        told = [json.loads(line) for line in lines]
        found = [(one["time"], one["label"]) for one in told if "label" in one]
        assert found == [(time, 1000 * (1 + len(name)) + time) for time in range(2)]
