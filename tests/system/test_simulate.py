"""`livesim simulate` as a user runs it: into a folder, into an engine, and interrupted."""

from __future__ import annotations

import re
import signal
import subprocess

import numpy as np
import pytest
import zarr

from livesim.config.settings import load_settings
from livesim.io.read.open import open_recording
from livesim.processes.engine import EngineProcess
from livesim.values.errors import DataError
from livesim_acquisition.microscope.live_source import at_rate
from livesim_acquisition.microscope.microscope import SimulatedMicroscope
from tests.support.processes import LIMIT_S, LIVESIM, livesim
from tests.support.simulations import settings_file
from tests.support.waiting import wait_for

pytestmark = pytest.mark.slow


def test_what_was_simulated_is_found_again(tmp_path):
    path = settings_file(tmp_path, size=[128, 128], peak_photons=1000.0)
    livesim("simulate", "--config", path, "--out", tmp_path / "run")
    raw = tmp_path / "run" / "raw.ome.tif"
    said = livesim("restore", raw, "--out", tmp_path / "restored.ome.tif").stderr
    true = SimulatedMicroscope(load_settings(path)).instrument.pattern(0).angles
    periods = [float(found) for found in re.findall(r"([\d.]+) nm +[\d.]+ ", said)]
    np.testing.assert_allclose(periods, [angle.period_nm for angle in true], rtol=0.005)


def test_a_live_stream_arrives_as_it_was_made(tmp_path):
    faults = {"dropped_frames": [13], "late_frames": [30], "repeated_frames": [40]}
    path = settings_file(tmp_path, size=[96, 96], time_points=8, sequence=faults)
    with EngineProcess("--once", "--lossless", f"--record={tmp_path / 'rec'}") as engine:
        said = livesim("simulate", "-c", path, "--to", engine.control(), "--rate", "150").stderr
        with pytest.raises(DataError, match="found 1"):  # it says that a stack is incomplete
            engine.wait()
    assert "72 frames sent" in said  # one lost, one twice
    assert "72 received, 0 given up" in said
    recorded = zarr.open_group(tmp_path / "rec" / "stream-001" / "raw.zarr", mode="r")
    written = recorded["written"][0, :, 0, 0]
    assert written.tolist() == [True, False, True, True, True, True, True, True]
    own = load_settings(path)
    scope = SimulatedMicroscope(at_rate(own, 150.0))
    with open_recording(tmp_path / "rec" / "stream-001" / "raw.zarr", own.pattern) as recording:
        for index in recording.indices:
            taken = scope.stack(index.time).counts.reshape(3, 3, 96, 96)
            np.testing.assert_array_equal(recording.stack(index).pixels, taken)


def test_an_interrupt_leaves_nothing(tmp_path):
    path = settings_file(tmp_path, time_points=100_000)
    with subprocess.Popen(
        [*LIVESIM, "simulate", "-c", path, "--out", tmp_path / "run"],
        stderr=subprocess.PIPE,
        text=True,
    ) as started:
        chunks = "truth.zarr.*.partial/object/c/*"
        wait_for(lambda: list((tmp_path / "run").glob(chunks)), during=started)
        started.send_signal(signal.SIGINT)
        _, said = started.communicate(timeout=LIMIT_S)
    assert started.returncode == 130
    assert "Traceback" not in said
    assert not (tmp_path / "run").exists()
