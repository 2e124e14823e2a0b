"""Pixel size, z step and channels' names: who is believed, and that they are exported."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import tifffile
import zarr
from ndstorage import NDTiffDataset
from ome_types import from_tiff
from typer.testing import CliRunner

from livesim.cli import app
from livesim.config.settings import PatternSettings, Settings, SettingsError
from livesim.engine.record.folder import FolderRecorder
from livesim.engine.seams import Resolved
from livesim.io.read.open import open_recording
from livesim.io.read.raw_time_lapse import open_raw, open_widefield
from livesim.io.read.result_time_lapse import open_result
from livesim.io.read.scales import channel_names, choose_pixel_nm, z_step_nm
from livesim.io.recording_files import RAW_NAME, RESULTS_NAME
from livesim.values.frames import RawStack, StackIndex
from livesim.wire.messages import StreamStart
from tests.support.recorded import counts, result

OPTICS = {"numerical_aperture": 1.4, "emission_nm": 525, "pixel_nm": 80.0}
PRESETS = {"channels": ["488", "561"], "z_start_um": 0.0, "z_end_um": 0.5, "z_step_um": 0.25}
Y, X = 12, 16
SOURCE = Path("raw.tif")


def settings(**tables):
    return Settings.model_validate({"optics": OPTICS, **tables})


@pytest.mark.parametrize(
    ("tables", "planes", "stated", "step"),
    [
        ({}, 3, None, None),
        ({}, 3, 300.0, 300.0),
        ({}, 1, 300.0, None),
        ({"acquisition": PRESETS}, 3, None, 250.0),
        ({"acquisition": PRESETS}, 3, 300.0, 300.0),
        ({"acquisition": PRESETS}, 4, None, None),
    ],
)
def test_the_file_is_believed_before_the_settings(tables, planes, stated, step):
    assert z_step_nm(settings(**tables), planes, stated) == step


@pytest.mark.parametrize(
    ("tables", "count", "stated", "names"),
    [
        ({}, 2, (), ()),
        ({}, 2, ("a", "b"), ("a", "b")),
        ({}, 1, ("a", "b"), ()),
        ({"acquisition": PRESETS}, 2, (), ("488", "561")),
        ({"acquisition": PRESETS}, 2, ("a", "b"), ("a", "b")),
        ({"acquisition": PRESETS}, 3, (), ()),
        ({"channels": {"1": {"name": "actin"}}}, 2, (), ("channel 0", "actin")),
        ({"channels": {"1": {"name": "actin"}}}, 2, ("a", "b"), ("a", "actin")),
        ({"channels": {"1": {"name": "actin"}}}, 1, (), ()),
    ],
)
def test_a_name_in_the_settings_is_believed_before_the_file(tables, count, stated, names):
    assert channel_names(settings(**tables), count, stated) == names


def test_a_name_changes_nothing_else_of_its_channel():
    named = settings(channels={"1": {"name": "actin", "optics": {"emission_nm": 610.0}}})
    assert named.of_channel(1) == settings(optics=OPTICS | {"emission_nm": 610.0})


def ome_tiff(folder):
    pixels = np.ones((9, 2, 2, Y, X), np.uint16)
    stated = {"PhysicalSizeZ": 0.25, "Channel": {"Name": ["488", "561"]}}
    tifffile.imwrite(folder / "raw.ome.tif", pixels, metadata={"axes": "TCZYX", **stated})
    return folder / "raw.ome.tif"


def imagej_tiff(folder):
    pixels = np.ones((9, 2, 2, Y, X), np.uint16)
    stated = {"axes": "TZCYX", "spacing": 250.0, "unit": "nm"}
    tifffile.imwrite(
        folder / "raw.tif", pixels, imagej=True, metadata=stated, resolution=(1 / 80, 1 / 80)
    )
    return folder / "raw.tif"


def ndtiff(folder):
    data = NDTiffDataset(str(folder), name="raw", writable=True)
    data.initialize({"PixelSize_um": 0.08, "z-step_um": 0.25})
    for z, angle, phase in np.ndindex(2, 3, 3):
        for channel in ("561", "488"):
            axes = {"time": 0, "z": z, "channel": channel, "angle": angle, "phase": phase}
            data.put_image(axes, np.ones((Y, X), np.uint16), {})
    reader = data.current_writer.reader
    data.finish()
    data.close()
    reader.close()
    return next(folder.glob("raw_*"))


@pytest.mark.parametrize(
    ("write", "names"),
    [(ome_tiff, ("488", "561")), (imagej_tiff, ()), (ndtiff, ("561", "488"))],
)
def test_files_tell(tmp_path, write, names):
    with open_recording(write(tmp_path), PatternSettings()) as recording:
        assert (recording.sizes.z, recording.sizes.channel) == (2, 2)
        assert recording.z_step_nm == pytest.approx(250.0)
        assert recording.channel_names == names


@pytest.fixture(params=["engine", "source"])
def recorded(tmp_path, request):
    """A recording of two channels and three planes, acquired as one of the two's settings say."""
    named = {"channels": {"1": {"name": "actin"}}}
    own = settings(acquisition=PRESETS if request.param == "engine" else None, **named)
    sent = settings(acquisition=PRESETS).model_dump(mode="json")
    sizes = {"time": 1, "channel": 2, "z": 3, "position": 1}
    start = StreamStart(
        stream="s", sizes=sizes, settings=sent if request.param == "source" else None
    )
    recorder = FolderRecorder(tmp_path, start, Resolved(own))
    places = [StackIndex(channel=c, z=z) for c, z in np.ndindex(2, 3)]
    stacks = [RawStack("s", at, counts(at)) for at in places]
    results = [result(at) for at in places]
    raw_sink, result_sink = recorder.open_raw(stacks[0]), recorder.open_results(results[0])
    for stack, one in zip(stacks, results, strict=True):
        raw_sink.write(stack)
        result_sink.write(one)
    raw_sink.close()
    result_sink.close()
    return tmp_path


def test_a_recording_keeps_them(recorded):
    raw = zarr.open_group(recorded / RAW_NAME, mode="r").attrs["livesim"]
    assert (raw["z_step_nm"], raw["channel_names"]) == (250.0, ["488", "actin"])
    shown = zarr.open_group(recorded / RESULTS_NAME, mode="r").attrs["ome"]["omero"]["channels"]
    assert [channel["label"] for channel in shown] == ["488", "actin"]
    opened = [open_result(recorded / RESULTS_NAME), open_widefield(recorded / RAW_NAME)]
    for one in opened:
        assert one.layout.z_step_nm == 250.0
        assert one.layout.channel_names == ("488", "actin")
    assert open_raw(recorded / RAW_NAME).layout.z_step_nm is None, "frames lie along its z"


@pytest.mark.parametrize("what", ["result", "widefield"])
def test_an_export_tells_them(recorded, tmp_path, what):
    out = tmp_path / "out.ome.tif"
    words = ["export", str(recorded), "--what", what, "--out", str(out)]
    assert CliRunner().invoke(app, words).exit_code == 0
    pixels = from_tiff(out).images[0].pixels
    assert pixels.physical_size_z == pytest.approx(0.25)
    assert [channel.name for channel in pixels.channels] == ["488", "actin"]
    again = open_result(out)
    assert (again.layout.z_step_nm, again.layout.channel_names) == (250.0, ("488", "actin"))
    again.close()


@pytest.mark.parametrize(
    ("settings_nm", "recorded_nm", "chosen_nm", "warns"),
    [
        (None, 86.7, 86.7, False),
        (86.7, None, 86.7, False),
        (86.7, 86.7, 86.7, False),
        (86.7, 87.5, 86.7, False),
        (86.7, 88.0, 86.7, True),
        (86.7, 43.35, 86.7, True),
    ],
)
def test_the_settings_win_and_a_disagreement_is_reported(
    settings_nm, recorded_nm, chosen_nm, warns
):
    size = choose_pixel_nm(settings_nm, recorded_nm, SOURCE)
    assert size.nm == chosen_nm
    assert len(size.warnings) == warns
    if warns:
        expected = f"raw.tif: expected pixels of {settings_nm} nm .*, found {recorded_nm:g} nm"
        assert re.match(expected, size.warnings[0])


def test_neither_is_an_error_of_the_settings():
    with pytest.raises(SettingsError, match=r"raw\.tif: expected pixel_nm .*, found neither"):
        choose_pixel_nm(None, None, SOURCE)
