"""The real pycromanager in one process, the engine in another: every frame, where it belongs."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import tifffile
import zarr

from livesim.config.settings import load_settings
from livesim.io.read.open import open_recording
from livesim.processes.engine import EngineProcess
from livesim.wire.control_client import ControlClient
from livesim_acquisition.microscope.microscope import SimulatedMicroscope
from tests.support.scenes import settings_text
from tests.support.waiting import wait_for

pytestmark = pytest.mark.slow

LIMIT_S = 120
TWO_LINES = "livesim_acquisition.examples.two_lines"
SIMULATED = Path(__file__).with_name("acquire_simulated.py")
DOUBLE = Path(__file__).parents[1] / "doubles" / "java.py"
NOBODY = "tcp://127.0.0.1:9"
TOML = settings_text(
    networks=False,
    acquisition={
        "backend": "simulated",
        "time_points": 8,
        "interval_s": 0.05,
        "exposure_ms": 2.0,
    },
    simulation={
        "size": [96, 112],
        "time_points": 8,
        "peak_photons": 1000.0,
        "exposure_ms": 2.0,
    },
    tracking={"follow": False, "estimate": False},
)


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "microscope.toml"
    path.write_text(TOML)
    return path


def python(*words):
    """Run Python in a process of its own: one process can start Micro-Manager once."""
    command = [sys.executable, *map(str, words)]
    return subprocess.run(command, check=True, timeout=LIMIT_S, capture_output=True, text=True)


def all_frames(path, config):
    """Return all frames of a recording, [position, time, channel, z, angle, phase, y, x]."""
    with open_recording(path, load_settings(config).pattern) as recording:
        pixels = np.stack([recording.stack(index).pixels for index in recording.indices])
        places = np.array([(i.position, i.time, i.channel, i.z) for i in recording.indices])
        order = np.lexsort(places.T[::-1])
        sizes = recording.sizes
        shape = (sizes.position, sizes.time, sizes.channel, sizes.z)
        return pixels[order].reshape(*shape, *pixels.shape[1:])


def test_two_lines_in_a_script_with_the_demonstration_camera(tmp_path, config):
    recordings = tmp_path / "recordings"
    with EngineProcess(f"--config={config}", f"--record={recordings}") as engine:
        said = python("-m", TWO_LINES, tmp_path / "acquired", engine.control())
    assert "offered=45, sent=45, unsent=0, unusable=0, received=45, streams=1" in said.stdout
    live = all_frames(recordings / "stream-001" / "raw.zarr", config)
    saved = all_frames(tmp_path / "acquired" / "demo_1", config)
    assert live.shape == (1, 5, 1, 1, 3, 3, 512, 512)
    np.testing.assert_array_equal(live, saved)
    flat = live.reshape(45, -1)
    assert len(np.unique(flat, axis=0)) > 5, "expected frames that differ"


def test_an_acquisition_without_an_engine_is_unharmed(tmp_path, config):
    said = python("-m", TWO_LINES, tmp_path / "acquired", NOBODY)
    assert "offered=45, sent=0, unsent=45" in said.stdout
    assert "expected an engine at tcp://127.0.0.1:9, found none" in said.stderr
    assert all_frames(tmp_path / "acquired" / "demo_1", config).shape[1] == 5


def acquire(config, folder, engine):
    return python("-m", "livesim", "acquire", "-c", config, "-o", folder, "--engine", engine)


def saved_hook(config, folder, engine):
    return python(SIMULATED, config, folder, engine, "saved")


@pytest.mark.parametrize(
    ("run", "name", "words"),
    [
        (acquire, "sim_1", "72 of 72 frames in {}; 72 sent, 72 received by the engine, 0 given up"),
        (saved_hook, "raw_1", "offered 72 received 72 unsent 0"),
    ],
)
def test_live_results_of_simulated_frames_are_the_offline_ones(tmp_path, config, run, name, words):
    recordings, saved = tmp_path / "recordings", tmp_path / "acquired" / name
    with EngineProcess("--once", "--lossless", f"--record={recordings}") as engine:
        said = run(config, saved.parent, engine.control())
        engine.wait()
    assert words.format(saved) in said.stdout + said.stderr
    stream = recordings / "stream-001"
    microscope = SimulatedMicroscope(load_settings(config))
    true = np.stack([microscope.stack(number).counts for number in range(8)])
    np.testing.assert_array_equal(
        all_frames(stream / "raw.zarr", config)[0, :, 0, 0], true.reshape(8, 3, 3, 96, 112)
    )

    offline = tmp_path / "offline.ome.tif"
    flags = ["--config", config, "--pattern", stream / "pattern.json", "--out", offline]
    python("-m", "livesim", "restore", saved, *flags)
    live = zarr.open_array(stream / "results.ome.zarr" / "0", mode="r")[:, 0, 0]
    assert live.shape == (8, 192, 224)
    assert live.std() > 0
    np.testing.assert_array_equal(live, tifffile.imread(offline).reshape(live.shape))


def test_channels_and_planes_are_sorted_by_their_axes(tmp_path, config):
    recordings = tmp_path / "recordings"
    with EngineProcess(f"--config={config}", f"--record={recordings}") as engine:
        python(SIMULATED, config, tmp_path / "acquired", engine.control(), "counted")
    microscope = SimulatedMicroscope(load_settings(config))
    true = np.stack([microscope.stack(number).counts for number in range(8)])
    live = all_frames(recordings / "stream-001" / "raw.zarr", config)
    # [position, time, channel, z, angle, phase, y, x], taken with z fastest, then channel, time.
    np.testing.assert_array_equal(live, true.reshape(1, 2, 2, 2, 3, 3, 96, 112))


@contextmanager
def watching(config, engine, *flags):
    """`livesim acquire --live`, and what it says as soon as it has been told to end."""
    command = ["acquire", "--live", "-c", config, "--engine", engine.control(), *flags]
    words = [sys.executable, "-m", "livesim", *map(str, command)]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as watch:
        try:
            yield watch
        finally:
            watch.kill()


def ended(watch):
    """End it as a user does; return what it said, and the numbers in its last line."""
    watch.send_signal(signal.SIGINT)
    _, said = watch.communicate(timeout=LIMIT_S)
    assert watch.returncode == 0, said
    assert "Traceback" not in said
    return said, [
        int(word) for word in re.findall(r"(\d+) (?:images|missed|before|sent|rec)", said)
    ]


def received(engine):
    with ControlClient(engine.control()) as client:
        return client.status(LIMIT_S).stages[0].done


def test_live_mode_is_followed_and_its_start_found(tmp_path, config):
    """The simulated camera's image n shows frame n mod 9 of the pattern."""
    recordings = tmp_path / "recordings"
    with (
        EngineProcess(f"--config={config}", f"--record={recordings}") as engine,
        watching(config, engine, "--set", "acquisition.exposure_ms=10") as watch,
    ):
        wait_for(lambda: watch.poll() is not None or received(engine) >= 30)
        said, (offered, missed, first, sent, arrived) = ended(watch)
    assert "finding where raw stacks begin" in said
    assert offered == sent == arrived
    assert missed == 0
    assert first % 3 == 0, "expected stacks that begin with the first phase of an angle"
    microscope = SimulatedMicroscope(load_settings(config))
    true = np.stack([microscope.stack(number).counts for number in range(8)]).reshape(72, 96, 112)
    live = all_frames(recordings / "stream-001" / "raw.zarr", config)[0, :, 0, 0]
    assert len(live) == offered // 9
    numbers = (first + np.arange(9 * len(live))) % 72  # the camera shows its frames again and again
    np.testing.assert_array_equal(live.reshape(-1, 96, 112), true[numbers])


def test_an_interrupted_acquisition_is_whole_up_to_there(tmp_path, config):
    recordings, saved = tmp_path / "recordings", tmp_path / "acquired" / "sim_1"
    many = ["--set", "acquisition.time_points=10000"]
    with EngineProcess(f"--config={config}", f"--record={recordings}") as engine:
        command = ["acquire", "-c", config, "-o", saved.parent, "--engine", engine.control(), *many]
        words = [sys.executable, "-m", "livesim", *map(str, command)]
        with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as acquiring:
            wait_for(lambda: index_bytes(saved) > 4000)
            acquiring.send_signal(signal.SIGINT)
            _, said = acquiring.communicate(timeout=LIMIT_S)
    assert acquiring.returncode == 130, said
    assert "Traceback" not in said
    counts = [int(word) for word in re.findall(r"(\d+) (?:of 90000|sent|received|given)", said)]
    taken, sent, received, unsent = counts
    assert 0 < taken < 90000
    assert (sent, received, unsent) == (taken, taken, 0)
    live = all_frames(recordings / "stream-001" / "raw.zarr", config)
    assert live.shape[1] == taken // 9
    with open_recording(saved, load_settings(config).pattern) as recording:
        for index in recording.indices[: taken // 9]:
            np.testing.assert_array_equal(live[0, index.time, 0, 0], recording.stack(index).pixels)


def index_bytes(folder):
    index = folder / "NDTiff.index"
    return index.stat().st_size if index.exists() else 0


@pytest.fixture
def java():
    """The port of a double of the Java side."""
    command = [sys.executable, str(DOUBLE), "96", "112"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as double:
        yield double.stdout.readline().strip()
        double.kill()


@pytest.mark.parametrize("stream_from", ["camera", "disk"])
def test_frames_cross_the_java_bridge(tmp_path, config, java, stream_from):
    changes = ['backend="java"', f"port={java}", f'stream_from="{stream_from}"', "interval_s=0"]
    changes += ['channels=["488", "561"]', "time_points=4"]
    flags = [word for change in changes for word in ("--set", f"acquisition.{change}")]
    recordings, saved = tmp_path / "recordings", tmp_path / "acquired"
    with EngineProcess(f"--config={config}", f"--record={recordings}") as engine:
        words = ["-c", config, "-o", saved, "--engine", engine.control(), *flags]
        said = python("-m", "livesim", "acquire", *words)
    assert "72 of 72 frames" in said.stderr
    assert "72 sent, 72 received by the engine, 0 given up" in said.stderr
    live = all_frames(recordings / "stream-001" / "raw.zarr", config)
    assert live.shape == (1, 4, 2, 1, 3, 3, 96, 112)
    numbers = np.arange(72).reshape(1, 4, 2, 1, 3, 3, 1, 1)
    np.testing.assert_array_equal(live, np.broadcast_to(numbers, live.shape))
    np.testing.assert_array_equal(live, all_frames(saved / "sim_1", config))
    for path in (recordings / "stream-001" / "raw.zarr", saved / "sim_1"):
        with open_recording(path, load_settings(config).pattern) as recording:
            assert recording.channel_names == ("488", "561")


def test_java_live_mode_is_looked_at_over_the_bridge(tmp_path, config, java):
    """Image n of the double's live mode, which has long been on, is n in every pixel."""
    recordings = tmp_path / "recordings"
    flags = ["--set", 'acquisition.backend="java"', "--set", f"acquisition.port={java}"]
    with (
        EngineProcess(f"--config={config}", f"--record={recordings}") as engine,
        watching(config, engine, "--first", 4, *flags) as watch,
    ):
        wait_for(lambda: watch.poll() is not None or received(engine) >= 40)
        _, (offered, missed, _, sent, arrived) = ended(watch)
    assert offered == sent == arrived
    live = all_frames(recordings / "stream-001" / "raw.zarr", config)[0, :, 0, 0]
    assert len(live) >= 3
    assert (live == live[..., :1, :1]).all()
    numbers = live[..., 0, 0].reshape(-1).astype(int)
    assert numbers[0] >= 40, "expected to begin with what is new, not with what lies in the buffer"
    assert (numbers - 4 - np.arange(len(numbers)) % 9 == (numbers - 4) // 9 * 9).all()
    assert (np.diff(numbers) == 1).all() or missed


def test_a_micromanager_that_is_not_there_is_told_in_a_sentence(tmp_path, config):
    flags = ["--set", 'acquisition.backend="java"', "--set", "acquisition.port=9"]
    command = ["-m", "livesim", "acquire", "-c", config, "-o", tmp_path / "a", *flags]
    words = [sys.executable, *map(str, command)]
    said = subprocess.run(words, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    assert said.returncode == 1
    assert said.stderr.startswith("livesim: expected a running Micro-Manager whose server is on")
    assert said.stderr.count("\n") == 1
