"""Recordings with gaps: whole raw stacks are restored, the rest is said, kept, and NaN."""

import json

import numpy as np
import pytest
import tifffile
import zarr

from livesim.commands.calibrate import calibrate_files, spread_stacks
from livesim.commands.doctor.command import examine_files
from livesim.commands.restore.command import RestoreRequest, restore_file
from livesim.io.read.open import open_recording
from livesim.io.write.results import read_recipe
from livesim.values.errors import DataError, LostFrameError
from tests.support.reader_faults.ndtiff import ndtiff
from tests.support.scenes import PLAIN, simulate

SIZE, TIMES = (96, 96), 5


@pytest.fixture(scope="module")
def scene():
    return simulate(4, SIZE, peak=200.0, times=TIMES)


@pytest.fixture(scope="module")
def frames(scene):
    return scene.frames


@pytest.fixture(scope="module")
def settings(scene):
    return scene.described(steps=PLAIN)


@pytest.fixture(scope="module")
def pattern(frames, settings, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pattern")
    tifffile.imwrite(folder / "raw.tif", frames)
    calibrate_files([folder / "raw.tif"], settings, folder / "pattern.json", 1, overwrite=False)
    return folder / "pattern.json"


def restored(raw, settings, folder, pattern=None):
    out = folder / "out.ome.tif"
    restore_file(RestoreRequest(raw, settings, pattern, out, overwrite=True))
    return tifffile.imread(out), read_recipe(out).warnings


def test_a_missing_frame_costs_its_raw_stack_only(frames, settings, tmp_path, capsys):
    axes = [({"time": number}, frame) for number, frame in enumerate(frames)]
    raw = ndtiff(axes[:13] + axes[14:])(tmp_path)
    images, warnings = restored(raw, settings, tmp_path)
    assert images.shape == (TIMES, 2 * SIZE[0], 2 * SIZE[1])
    assert [bool(np.isnan(image).all()) for image in images] == [False, True, *[False] * 3]
    assert not np.isnan(images[[0, 2, 3, 4]]).any()
    gap = (
        f"{raw}: expected 9 frames in each of 5 raw stacks, found 8 at time 1 "
        "(without angle 1, phase 1); the 4 whole ones are used"
    )
    assert gap in warnings
    assert f"livesim: {gap}" in capsys.readouterr().err
    assert not examine_files([raw], [settings], as_json=True)
    (document,) = json.loads(capsys.readouterr().out)
    assert document["gaps"] == gap
    assert document["findings"] == []


def empty(frames, numbers, raw):
    tifffile.imwrite(raw, np.where(np.isin(range(len(frames)), numbers)[:, None, None], 0, frames))
    return raw


def test_a_frame_without_light_costs_its_raw_stack_only(
    frames, settings, pattern, tmp_path, capsys
):
    expected, _ = restored(empty(frames, [], tmp_path / "whole.tif"), settings, tmp_path, pattern)
    raw = empty(frames, [13], tmp_path / "empty.tif")
    images, warnings = restored(raw, settings, tmp_path, pattern)
    assert np.isnan(images[1]).all()
    assert np.array_equal(np.delete(images, 1, axis=0), np.delete(expected, 1, axis=0))
    assert "1 of 5 planes hold no result (NaN)" in warnings[-1]
    said = (
        f"{raw}: expected light in every frame of the stack position 0, time 1, channel 0, z 0, "
        "found nothing but zeros in angle 1, phase 1; 1 raw stack of this kind left out"
    )
    assert f"livesim: {said}" in capsys.readouterr().err


def test_a_pattern_is_not_estimated_from_frames_without_light(frames, settings, tmp_path):
    with open_recording(empty(frames, [13], tmp_path / "raw.tif"), settings.pattern) as recording:
        found = spread_stacks(recording, TIMES, channel=0)
    assert [stack.index.time for stack in found] == [0, 2, 3, 4]


def test_a_recording_without_light_in_every_stack_is_refused(frames, settings, pattern, tmp_path):
    raw = empty(frames, range(0, 9 * TIMES, 9), tmp_path / "raw.tif")
    with pytest.raises(DataError, match="expected light in every frame"):
        restored(raw, settings, tmp_path, pattern)
    assert not (tmp_path / "out.ome.tif").exists()


def test_a_stop_in_mid_stack_leaves_the_others_as_they_are(frames, settings, tmp_path):
    whole, cut = tmp_path / "whole.tif", tmp_path / "cut.tif"
    tifffile.imwrite(whole, frames[:-9], metadata=None)
    tifffile.imwrite(cut, frames[:-5], metadata=None)
    expected, _ = restored(whole, settings, tmp_path)
    found, warnings = restored(cut, settings, tmp_path)
    assert np.array_equal(found, expected)
    assert "found 4 at time 4; the 4 whole ones are used" in warnings[0]


def test_a_frame_lost_in_the_middle_is_no_stop(frames, settings, tmp_path):
    raw = tmp_path / "lost.tif"
    tifffile.imwrite(raw, np.delete(frames, 22, axis=0), metadata=None)
    with pytest.raises(DataError, match="a stop in the last one, found lost frame, very likely"):
        restored(raw, settings, tmp_path)


def test_a_chunk_that_is_damaged_costs_its_raw_stack_only(
    frames, settings, pattern, tmp_path, capsys
):
    raw = tmp_path / "raw.zarr"
    zarr.create_array(raw, data=frames, chunks=(1, *SIZE))
    expected, _ = restored(raw, settings, tmp_path, pattern)
    (raw / "c" / "13" / "0" / "0").write_bytes(b"no chunk of Zstandard")
    images, warnings = restored(raw, settings, tmp_path, pattern)
    assert np.isnan(images[1]).all()
    assert np.array_equal(np.delete(images, 1, axis=0), np.delete(expected, 1, axis=0))
    assert "1 of 5 planes hold no result (NaN)" in warnings[-1]
    assert f"livesim: {raw}: expected a readable frame 13, found" in capsys.readouterr().err
    with open_recording(raw, settings.pattern) as recording:
        lost = []
        sent = [frame.sequence for frame in recording.frames(lost.append)]
        assert sent == [number for number in range(9 * TIMES) if number != 13]
        assert "readable frame 13" in str(lost[0])
        with pytest.raises(LostFrameError, match="readable frame 13"):
            list(recording.frames())


def test_a_frame_that_is_lit_otherwise_is_said_of_every_raw_stack(
    frames, settings, pattern, tmp_path, capsys
):
    many = np.concatenate([frames] * 3)
    dark = [9 * 3 + 1, 9 * 11 + 7]  # one of a raw stack that no look at some of them sees
    offset = settings.camera.offset
    many[dark] = offset + 0.4 * (many[dark] - offset)
    tifffile.imwrite(tmp_path / "raw.tif", many)
    restored(tmp_path / "raw.tif", settings, tmp_path, pattern)
    said = capsys.readouterr().err
    assert "livesim: 2 raw stacks with a frame lit otherwise than the others of its angle" in said
    assert "time 3, time 11; in the first, frame 1 is 6" in said
    tifffile.imwrite(tmp_path / "raw.tif", np.concatenate([frames] * 3))
    restored(tmp_path / "raw.tif", settings, tmp_path, pattern)
    assert "lit otherwise" not in capsys.readouterr().err
