"""What the engine records of a replayed recording is what `livesim restore` makes of it."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
import zarr

from livesim.io.pattern_file import read_pattern
from livesim.processes.engine import EngineProcess
from livesim.values.errors import DataError
from tests.support.processes import livesim
from tests.support.reader_faults import ndtiff
from tests.support.scenes import settings_text, simulate

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

TIMES = 3
TOML = settings_text(pattern={"order": ["phase", "angle", "time"]})


def replay_into_engine(raw, folder):
    """Replay a recording into an engine of its own; return the folder of the stream."""
    with EngineProcess("--once", "--lossless", f"--record={folder}") as engine:
        livesim("replay", raw, "--rate", "max", "--engine", engine.control())
        engine.wait()
    (stream,) = folder.iterdir()
    return stream


def live_images(stream):
    """Return the recorded results [time, y, x]."""
    return zarr.open_array(stream / "results.ome.zarr" / "0", mode="r")[:, 0, 0]


def simulated_recording(folder):
    scenes = [simulate(seed, (96, 112), peak=1000.0) for seed in range(TIMES)]
    first = scenes[0]
    again = [simulate(seed, (96, 112), peak=1000.0, pattern=first.pattern) for seed in range(TIMES)]
    counts = np.concatenate([scene.counts.numpy() for scene in again])
    raw = folder / "filaments.tif"
    tifffile.imwrite(raw, counts.reshape(-1, *counts.shape[-2:]))
    raw.with_suffix(".toml").write_text(TOML)
    return raw


def test_live_results_are_the_offline_results(tmp_path):
    raw = simulated_recording(tmp_path)
    stream = replay_into_engine(raw, tmp_path / "recorded")
    live = live_images(stream)
    pattern = stream / "pattern.json"

    offline = tmp_path / "offline.ome.tif"
    livesim("restore", raw, "--pattern", pattern, "--out", offline)
    from_recording = tmp_path / "again.ome.zarr"
    livesim("restore", stream / "raw.zarr", "--out", from_recording)

    assert live.shape == (TIMES, 192, 224)
    assert live.std() > 0
    np.testing.assert_array_equal(live, tifffile.imread(offline).reshape(live.shape))
    np.testing.assert_array_equal(live, zarr.open_array(from_recording / "0", mode="r")[:, 0, 0])
    assert not list(tmp_path.rglob("*.partial"))


def test_a_recording_with_a_hole_gives_the_same_live_and_offline(tmp_path):
    """Frame 13 is missing: live and offline the second raw stack is lost, and nothing else."""
    frames = tifffile.imread(simulated_recording(tmp_path))
    axes = [({"time": number}, frame) for number, frame in enumerate(frames) if number != 13]
    raw = ndtiff(axes)(tmp_path)
    with EngineProcess("--once", "--lossless", f"--record={tmp_path / 'recorded'}") as engine:
        livesim("replay", raw, "--rate", "max", "--engine", engine.control())
        with pytest.raises(DataError, match="status 0, found 1"):  # one raw stack was lost
            engine.wait()
    (stream,) = (tmp_path / "recorded").iterdir()
    live = live_images(stream)
    offline = tmp_path / "offline.ome.tif"
    livesim("restore", raw, "--pattern", stream / "pattern.json", "--out", offline)
    assert [bool(np.isnan(image).all()) for image in live] == [False, True, False]
    np.testing.assert_array_equal(live, tifffile.imread(offline).reshape(live.shape))


@pytest.mark.recordings
def test_live_results_of_a_real_recording(recordings, tmp_path):
    raw = recordings / "tsim_er1_timelapse_t3_3x3.tif"
    stream = replay_into_engine(raw, tmp_path / "recorded")
    offline = tmp_path / "offline.ome.tif"
    # Tracking may have turned the pattern: the recording knows when, the source file does not.
    livesim("restore", stream / "raw.zarr", "--out", offline)

    live = live_images(stream)
    assert live.shape == (3, 224, 1024)
    np.testing.assert_array_equal(live, tifffile.imread(offline))
    assert all(angle.usable for angle in read_pattern(stream / "pattern.json").angles)
