"""The examples of docs/use/microscope.md run as they stand there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import mm_test_adapters
import numpy as np
import pytest

from livesim.config.settings import load_settings
from livesim.engine.options import EngineOptions
from livesim.engine.process import Engine
from livesim.engine.record.folder import record_into
from livesim.io.read.open import open_recording
from livesim.wire.endpoints import FREE_ADDRESS
from tests.support.running_engine import at_work, averaging

PAGE = Path(__file__).parents[2] / "docs" / "use" / "microscope.md"
RUN = Path(__file__).with_name("microscope_page.py")
LIMIT_S = 200
OPTICS = "[optics]\nnumerical_aperture = 1.2\nemission_nm = 525.0\npixel_nm = 80.0\n"
SHORT = {
    'channels = ["488", "561"]': 'channels = ["DAPI", "FITC"]',
    "time_points = 200": "time_points = 2",
    "z_end_um = 102.0": "z_end_um = 100.25",
}
"""What the demonstration configuration does not have, or takes too long."""


def blocks(page, language):
    pattern = rf"^```{language}\n(.*?)^```$"
    return re.findall(pattern, page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


@pytest.fixture
def folder(tmp_path):
    """A folder with the page's settings for the demonstration configuration."""
    (tables,) = blocks(PAGE, "toml")
    for there, here in SHORT.items():
        assert there in tables
        tables = tables.replace(there, here)
    adapters = Path(mm_test_adapters.device_adapter_path())
    own = f'backend = "python"\nadapters = "{adapters}"\n'
    own += f'system_file = "{adapters / "MMConfig_demo.cfg"}"\n'
    (tmp_path / "microscope.toml").write_text(OPTICS + tables + own)
    return tmp_path


def run_examples(folder, which):
    """Run the page's examples beside an engine; return what they print, and the recordings."""
    options = EngineOptions(FREE_ADDRESS, FREE_ADDRESS, FREE_ADDRESS)
    settings, recorder = load_settings(folder / "microscope.toml"), record_into(folder / "recorded")
    with (
        Engine(options, averaging(), settings, recorder) as engine,
        at_work(engine),
    ):
        words = [sys.executable, RUN, PAGE, engine.endpoints.control, which]
        said = subprocess.run(
            words, cwd=folder, capture_output=True, text=True, timeout=LIMIT_S, check=False
        )
    assert said.returncode == 0, said.stdout + said.stderr
    return said.stdout, sorted((folder / "recorded").iterdir())


def frames(path, folder):
    """Return all frames of a recording by their places."""
    pattern = load_settings(folder / "microscope.toml").pattern
    with open_recording(path, pattern) as recording:
        return {
            (index.time, index.channel, index.z): recording.stack(index).pixels
            for index in recording.indices
        }


def assert_same_frames(one, other):
    assert one.keys() == other.keys()
    for place, pixels in one.items():
        np.testing.assert_array_equal(pixels, other[place])


@pytest.mark.slow
def test_the_examples_run_as_they_stand(folder):
    said, (two_lines, saved, live) = run_examples(folder, "core")
    assert said.count("example") == 4
    assert "offered=18, sent=18, unsent=0, unusable=0, received=18, streams=1" in said
    for recording, name in ((two_lines, "cells_1"), (saved, "fast_1")):
        streamed = frames(recording / "raw.zarr", folder)
        assert len(streamed) == 2
        assert_same_frames(streamed, frames(folder / "acquired" / name, folder))
    assert len(frames(live / "raw.zarr", folder)) >= 2
    assert said.rstrip().endswith("streams=1) 0"), "expected no image missed"


@pytest.mark.slow
def test_acquisition_from_a_script_with_a_generator_of_its_own(folder):
    """The Python backend from the settings to the engine and the disk: channels, planes, time."""
    said, (recording,) = run_examples(folder, "acquire")
    assert said.count("9 pulses") == 8, "expected one camera sequence for each raw stack"
    assert "offered=72, sent=72, unsent=0, unusable=0, received=72, streams=1" in said
    streamed = frames(recording / "raw.zarr", folder)
    assert sorted(streamed) == [(t, c, z) for t in range(2) for c in range(2) for z in range(2)]
    assert_same_frames(streamed, frames(folder / "acquired" / "sim_1", folder))


@pytest.mark.slow
def test_the_examples_with_pymmcore_plus_run_as_they_stand(folder):
    said, (streamed, own) = run_examples(folder, "mda")
    assert "offered=72, sent=72, unsent=0, unusable=0, received=72, streams=1" in said
    assert "72 frames, each with a place" in said
    first, second = (frames(one / "raw.zarr", folder) for one in (streamed, own))
    assert sorted(first) == [(t, c, 0) for t in range(4) for c in range(2)]
    assert len(second) == 1
