"""`livesim demo` as a user runs it: a process, its engine, and the files they leave."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager

import numpy as np
import pytest
import tifffile
from PIL import Image

from livesim.commands.demo.files import PICTURE_NAME, TIFF_NAME
from livesim.io.read.open import open_recording
from livesim.io.read.recorded_results import RecordedResults
from livesim.io.write.results import read_recipe
from livesim.wire.control_client import ControlClient
from livesim.wire.header import WireError
from livesim_acquisition.microscope.demo import PIXEL_NM, SETTINGS, demo_settings
from livesim_acquisition.microscope.instrument import Instrument
from tests.support.waiting import wait_for

pytestmark = pytest.mark.slow

LIMIT_S = 120.0
STOP_S = 60.0
SIZE = 128
DEMO = [sys.executable, "-m", "livesim", "demo", "--size", str(SIZE)]


@contextmanager
def demo(out, *flags, **environment):
    command = [*DEMO, "--out", str(out), *flags]
    shown = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    headless = {key: value for key, value in os.environ.items() if key not in shown}
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=headless | environment,
    ) as started:
        try:
            yield started
        finally:
            if started.poll() is None:
                started.kill()


def engines_recording_into(out):
    """Return the process ids of engines started for this folder, from the system's own list."""
    listed = subprocess.run(["ps", "-wweo", "pid,args"], capture_output=True, text=True, check=True)
    return [line.split()[0] for line in listed.stdout.splitlines() if f"--record {out}" in line]


def test_it_runs_headless_and_leaves_files_that_open(tmp_path):
    out = tmp_path / "out"
    with demo(out, "--stacks", "12", "--fps", "max") as started:
        text, _ = started.communicate(timeout=LIMIT_S)
        assert started.returncode == 0, text
    lines = text.splitlines()
    assert lines[0] == "livesim demo: no display found, running headless"
    assert "12 restored images: " in text
    folder = out / "stream-001"
    for name in (TIFF_NAME, PICTURE_NAME, "raw.zarr"):
        assert str(folder / name) in text
    assert not list(out.rglob("*.partial"))
    with tifffile.TiffFile(folder / TIFF_NAME) as tiff:
        assert tiff.is_ome
        series = tiff.series[0]
        assert (series.shape, series.dtype) == ((12, 2 * SIZE, 2 * SIZE), np.float32)
        restored = series.asarray()
    recorded = RecordedResults(folder / "results.ome.zarr")
    for index, image in recorded:
        np.testing.assert_array_equal(restored[index.time], image)
    with Image.open(folder / PICTURE_NAME) as picture:
        assert picture.width > 2 * 2 * SIZE
    assert read_recipe(folder / TIFF_NAME).settings.optics.pixel_nm == PIXEL_NM


def test_the_engine_finds_the_pattern_that_was_simulated(tmp_path):
    with demo(tmp_path, "--stacks", "4", "--fps", "max") as started:
        assert started.wait(LIMIT_S) == 0
    found = json.loads((tmp_path / "stream-001" / "pattern.json").read_text())["angles"]
    true_angles = Instrument(demo_settings(SIZE, 300.0, 4)).pattern(0).angles
    for angle, true in zip(found, true_angles, strict=True):
        assert angle["usable"]
        np.testing.assert_allclose(angle["k_cycles_per_um"], true.k_cycles_per_um, rtol=0.005)


def test_a_display_that_cannot_be_opened_does_not_stop_it(tmp_path):
    with demo(tmp_path, "--stacks", "2", "--fps", "max", DISPLAY=":987") as started:
        text, _ = started.communicate(timeout=LIMIT_S)
        assert started.returncode == 0, text
    words = "no window could be opened (could not connect to display :987), running headless"
    assert text.startswith(f"livesim demo: {words}\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_everything_with_whole_files(tmp_path, number):
    out = tmp_path / "out"
    with demo(out, "--stacks", "80", "--fps", "50") as started:
        wait_for(lambda: list(out.glob("stream-001/results.ome.zarr.partial/0/c/1")))
        assert engines_recording_into(out)
        started.send_signal(number)
        text, _ = started.communicate(timeout=STOP_S)
    assert started.returncode == 130
    assert f"what was recorded lies in {out / 'stream-001'}" in text
    assert "Traceback" not in text
    assert not engines_recording_into(out)
    assert not list(out.rglob("*.partial"))
    with open_recording(out / "stream-001" / "raw.zarr", SETTINGS.pattern) as raw:
        assert 1 <= raw.sizes.time < 80
    assert RecordedResults(out / "stream-001" / "results.ome.zarr").indices


def test_a_signal_before_the_engine_listens_leaves_nothing(tmp_path):
    out = tmp_path / "out"
    with demo(out, "--stacks", "40") as started:
        wait_for(lambda: engines_recording_into(out))
        started.send_signal(signal.SIGINT)
        text, _ = started.communicate(timeout=STOP_S)
    assert started.returncode == 130
    assert "Traceback" not in text
    assert not engines_recording_into(out)
    assert not list(out.iterdir())


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--fps", "real"], "expected max or raw frames per second"),
        (["--fps", "-3"], "expected a rate of"),
        (["--stacks", "100000"], "choose a smaller --size or fewer --stacks"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(tmp_path, flags, words):
    with demo(tmp_path / "out", *flags) as started:
        text, _ = started.communicate(timeout=LIMIT_S)
    assert started.returncode == 2
    assert words in text
    assert text.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_an_engine_ends_with_the_process_that_started_it(tmp_path):
    starter = (
        "import os, signal\n"
        "from livesim.processes.engine import EngineProcess\n"
        f"engine = EngineProcess('--record={tmp_path}')\n"
        "print(engine.control(), flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    # No capture: the engine inherits stderr, and reading that to its end would wait for the engine.
    with subprocess.Popen(
        [sys.executable, "-c", starter], stdout=subprocess.PIPE, text=True
    ) as done:
        control = done.stdout.readline().strip()
    assert control.startswith("tcp://")
    wait_for(lambda: not _answers(control))  # the engine stops when its starter was killed


def _answers(control):
    try:
        with ControlClient(control) as client:
            client.status(1.0)
    except WireError:
        return False
    return True
