"""Files of microscopes' makers, read through bioio: one of Zeiss, written by Zeiss' library."""

from importlib import import_module

import numpy as np
import pytest
from pylibCZIrw import czi

from livesim.config.settings import PatternSettings
from livesim.io.read import vendor
from livesim.io.read.open import open_recording
from livesim.values.errors import DataError
from tests.support.reader_faults.case import TIMES, TRUTH, stack


def write_czi(path, missing=()):
    """Two channels of three raw stacks, the frames along time."""
    with czi.create_czi(str(path)) as file:
        for channel, frames in enumerate(TRUTH):
            for time, frame in enumerate(frames):
                if (channel, time) not in missing:
                    file.write(frame[..., None], plane={"T": time, "C": channel, "Z": 0})
        file.write_metadata(
            "cells", channel_names={0: "green", 1: "red"}, scale_x=65e-9, scale_y=65e-9
        )
    return path


def test_a_file_of_zeiss_is_read(tmp_path):
    with open_recording(write_czi(tmp_path / "raw.czi"), PatternSettings()) as recording:
        assert (recording.sizes.time, recording.sizes.channel) == (TIMES, 2)
        assert recording.pixel_nm == pytest.approx(65.0)
        assert recording.channel_names == ("green", "red")
        assert recording.warnings == ()
        assert len(recording.indices) == 6
        for index in recording.indices:
            expected = stack(index.time, TRUTH[index.channel])
            assert np.array_equal(recording.stack(index).pixels, expected)


def test_a_frame_that_was_never_recorded_is_refused(tmp_path):
    path = write_czi(tmp_path / "raw.czi", missing=[(1, 13)])
    with open_recording(path, PatternSettings()) as recording:
        index = recording.indices[3]
        assert (index.time, index.channel) == (1, 1)
        with pytest.raises(DataError, match=r"raw.czi: expected a readable frame \d+, found"):
            recording.stack(index)


@pytest.mark.parametrize("keep", [0.02, 0.5])
def test_a_file_that_is_cut_off_gets_one_sentence(keep, tmp_path):
    path = write_czi(tmp_path / "raw.czi")
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * keep)])
    with pytest.raises(DataError, match="expected a whole file and a plugin of bioio for it"):
        open_recording(path, PatternSettings())


@pytest.mark.parametrize(
    "start",
    [
        b"\xda\xce\xbe\x0a" + bytes(12),
        b"OLYMPUSRAWFORMAT",
        b"\x70\x00\x00\x00\x10\x00\x00\x00\x2a",
        b"ZISRAWFILE",
    ],
)
def test_without_bioio_the_line_that_installs_it_is_named(start, tmp_path, monkeypatch):
    def without(name):
        if name == "bioio":
            raise ModuleNotFoundError(name)
        return import_module(name)

    monkeypatch.setattr(vendor, "import_module", without)
    path = tmp_path / "raw"
    path.write_bytes(start + bytes(300))
    with pytest.raises(DataError, match=r'found it not installed: pip install "livesim\[vendor\]"'):
        open_recording(path, PatternSettings())
