"""The real pymmcore-plus in one process, the engine in another: every frame, where it belongs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from livesim.config.settings import load_settings
from livesim.io.read.open import open_recording
from livesim.processes.engine import EngineProcess
from livesim_acquisition.microscope.microscope import SimulatedMicroscope
from tests.support.scenes import settings_text

pytestmark = pytest.mark.slow

LIMIT_S = 200
SIMULATED = Path(__file__).with_name("mda_simulated.py")
TOML = settings_text(
    networks=False,
    simulation={"size": [96, 112], "time_points": 8, "peak_photons": 1000.0, "exposure_ms": 2.0},
    watchdog={"follow": False, "estimate": False},
)


def stacks(folder, settings):
    """Return the raw stacks of a recording, [angle, phase, y, x], by (time, z)."""
    with open_recording(folder / "raw.zarr", settings.pattern) as recording:
        return {(index.time, index.z): recording.stack(index).pixels for index in recording.indices}


def test_what_arrives_is_what_the_camera_gave(tmp_path):
    config, recordings, kept = tmp_path / "a.toml", tmp_path / "recordings", tmp_path / "kept.npz"
    config.write_text(TOML)
    settings = load_settings(config)
    with EngineProcess(f"--config={config}", f"--record={recordings}") as engine:
        command = [sys.executable, str(SIMULATED), str(config), engine.control(), str(kept)]
        said = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    assert said.returncode == 0, said.stderr
    whole, cut = said.stdout.splitlines()
    assert "offered=36, " in whole
    assert "unsent=0, unusable=0, received=13, streams=1" in cut
    assert cut.endswith("triggered 85"), "expected the camera to run by itself"
    with np.load(kept) as given:
        pixels, indices = given["pixels"], given["indices"]
    microscope = SimulatedMicroscope(settings)
    true = np.stack([microscope.stack(number).counts for number in range(8)])
    np.testing.assert_array_equal(pixels[:72], true.reshape(72, 96, 112))

    for number, first, last in ((1, 0, 36), (2, 36, 72), (3, 72, 81)):
        live = stacks(recordings / f"stream-{number:03d}", settings)
        assert len(live) == (last - first) // 9
        for image, (t, z, angle, phase) in zip(
            pixels[first:last], indices[first:last], strict=True
        ):
            np.testing.assert_array_equal(live[t, z][angle, phase], image)
    assert not (recordings / "stream-004").exists()
