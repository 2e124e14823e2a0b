"""Files of microscopes' makers, read through bioio: those of Zeiss and of Nikon."""

from importlib import import_module

import numpy as np
import pytest
from pylibCZIrw import czi

from livesim.config.settings import PatternSettings
from livesim.io.read import vendor
from livesim.io.read.open import open_recording
from livesim.values.errors import DataError, LostFrameError
from tests.support.nd2_file import write_nd2
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


def write_nikon(path, missing=()):
    """The same; a chunk of Nikon's file holds both channels of a time."""
    return write_nd2(path, TRUTH, 0.065, missing=[time for _, time in missing])


WRITERS = {"raw.czi": write_czi, "raw.nd2": write_nikon}


@pytest.mark.parametrize("name", WRITERS)
def test_a_makers_file_is_read(name, tmp_path):
    path = WRITERS[name](tmp_path / name)
    with open_recording(path, PatternSettings()) as recording:
        assert (recording.sizes.time, recording.sizes.channel) == (TIMES, 2)
        assert recording.pixel_nm == pytest.approx(65.0)
        assert recording.channel_names == ("green", "red")
        assert recording.warnings == ()
        assert len(recording.indices) == 6
        for index in recording.indices:
            expected = stack(index.time, TRUTH[index.channel])
            assert np.array_equal(recording.stack(index).pixels, expected)


@pytest.mark.parametrize("name", WRITERS)
def test_a_frame_that_was_never_recorded_is_refused(name, tmp_path):
    path = WRITERS[name](tmp_path / name, missing=[(1, 13)])
    with open_recording(path, PatternSettings()) as recording:
        index = next(one for one in recording.indices if (one.time, one.channel) == (1, 1))
        with pytest.raises(LostFrameError, match=rf"{name}: expected a (readable )?frame \d+, fou"):
            recording.lit_stack(index)
        assert np.array_equal(recording.lit_stack(recording.indices[0]).pixels, stack(0))


CUT = {
    "raw.czi": "expected a whole Zeiss CZI file and bioio-czi, which reads it",
    "raw.nd2": "expected a file that bioio reads, found an error: Invalid ChunkMap signature",
}


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("keep", [0.02, 0.5])
def test_a_file_that_is_cut_off_gets_one_sentence(name, keep, tmp_path):
    path = WRITERS[name](tmp_path / name)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * keep)])
    with pytest.raises(DataError, match=CUT[name]):
        open_recording(path, PatternSettings())


STARTS = {
    "bioio-nd2": b"\xda\xce\xbe\x0a" + bytes(12),
    "bioio-bioformats": b"OLYMPUSRAWFORMAT",
    "bioio-lif": b"\x70\x00\x00\x00\x10\x00\x00\x00\x2a",
    "bioio-czi": b"ZISRAWFILE",
}


@pytest.mark.parametrize("plugin", ["bioio-lif", "bioio-bioformats"])
def test_without_its_plugin_the_package_that_reads_a_file_is_named(plugin, tmp_path):
    path = tmp_path / "raw"
    path.write_bytes(STARTS[plugin] + bytes(300))
    with pytest.raises(DataError, match=f"found that one of them is missing: pip install {plugin}"):
        open_recording(path, PatternSettings())


@pytest.mark.parametrize("plugin", STARTS)
def test_without_bioio_the_line_that_installs_it_is_named(plugin, tmp_path, monkeypatch):
    def without(name):
        if name == "bioio":
            raise ModuleNotFoundError(name)
        return import_module(name)

    monkeypatch.setattr(vendor, "import_module", without)
    path = tmp_path / "raw"
    path.write_bytes(STARTS[plugin] + bytes(300))
    with pytest.raises(DataError, match=f"found it not installed: pip install bioio {plugin}"):
        open_recording(path, PatternSettings())
