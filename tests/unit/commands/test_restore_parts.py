"""A result that is made in parts is the one that is made at once; what is missing is named."""

import itertools
import json
from dataclasses import replace

import numpy as np
import pytest
import tifffile
import zarr
from rich.console import Console

from livesim.commands.restore.command import restore_file
from livesim.commands.restore.part import Part
from livesim.commands.restore.parts import finish_parts, restore_part
from livesim.commands.restore.parts_folder import PartsFolder
from livesim.commands.restore.request import RestoreRequest
from livesim.commands.restore.stacks import StackRestorer
from livesim.config.settings import SettingsError
from livesim.io.folder_walk import walk
from livesim.io.read import zarr_planes
from livesim.pipeline import lanes as lanes_module
from livesim.pipeline.graphs import ReplayedPath
from livesim.pipeline.lanes import Lanes
from livesim.values.errors import DataError
from tests.doubles.gpu import LateGpu
from tests.support.reader_faults.ndtiff import ndtiff
from tests.support.scenes import PLAIN, simulate

TIMES = 5


@pytest.fixture(scope="module")
def scene():
    return simulate(4, (64, 64), peak=200.0, times=TIMES)


@pytest.fixture
def asked(scene, tmp_path):
    tifffile.imwrite(tmp_path / "raw.tif", scene.frames)
    settings = scene.described(steps=PLAIN)
    return RestoreRequest(tmp_path / "raw.tif", settings, None, tmp_path / "out.ome.zarr")


def at_once(asked):
    out = asked.out.with_name("once.ome.zarr")
    restore_file(replace(asked, out=out))
    return contents(out)


def contents(out):
    group = zarr.open_group(out, mode="r")
    return np.asarray(group["0"]), group.attrs["ome"]["omero"], group.attrs["livesim"]


def restore(asked, part, step=lambda: None):
    restore_part(asked, Part.parse(part), Console(quiet=True), step)


@pytest.mark.parametrize("error", [False, True])
def test_parts_in_any_order_make_what_is_made_at_once(asked, error):
    asked = replace(asked, error=error)
    for part in ("3/3", "1/3", "2/3"):
        restore(asked, part)
    finish_parts(asked)
    images, omero, recipe = contents(asked.out)
    expected, expected_omero, expected_recipe = at_once(asked)
    np.testing.assert_array_equal(images, expected)
    assert not np.isnan(images).any()
    assert len(omero["channels"]) == 1 + error
    assert (omero, recipe) == (expected_omero, expected_recipe)
    assert {path.name for path in asked.out.parent.iterdir()} >= {"raw.tif", "out.ome.zarr"}
    assert not list(asked.out.parent.glob("*part*"))


def test_a_gpu_that_works_on_several_makes_the_same_in_the_same_order(asked, monkeypatch):
    expected = at_once(asked)
    monkeypatch.setattr(lanes_module, "_FEWEST_STACKS", 1)
    monkeypatch.setattr(lanes_module, "MOST_LANES", 4)
    under_way = []

    def path(device, *, lanes):
        assert lanes == 4
        path = Lanes(lambda: ReplayedPath(LateGpu(1)), lanes, itertools.count(0.0, 1.0).__next__)
        begin = path.begin

        def begun(*arguments, **more):
            assert not more["stages"], "nobody looks at them"
            work = begin(*arguments, **more)
            under_way.append(1)
            return work.then(lambda found: under_way.append(-1) or found)

        path.begin = begun
        return path

    monkeypatch.setattr("livesim.commands.restore.channels.path_for", path)
    out = asked.out.with_name("again.ome.zarr")
    restore_file(replace(asked, out=out))
    np.testing.assert_array_equal(contents(out)[0], expected[0])
    assert max(itertools.accumulate(under_way)) == 5, "four wait while a fifth is begun"
    restore(asked, "1/1")
    finish_parts(asked)
    np.testing.assert_array_equal(contents(asked.out)[0], expected[0])


def test_the_pattern_is_found_once(asked, monkeypatch):
    restore(asked, "1/2")

    def calibrate(*_):
        raise AssertionError("expected the pattern of the plan")

    monkeypatch.setattr("livesim.commands.restore.channels.calibrate", calibrate)
    restore(asked, "2/2")
    finish_parts(asked)


@pytest.fixture
def in_chunks(asked):
    """The same recording, a chunk a frame."""
    frames = tifffile.imread(asked.raw)
    folder = asked.raw.with_name("raw.zarr")
    zarr.create_array(folder, data=frames, chunks=(1, *frames.shape[1:]))
    return replace(asked, raw=folder)


def test_only_the_first_part_looks_for_all_chunks(asked, in_chunks, monkeypatch):
    restore(in_chunks, "1/3")
    listed = []

    def walked(folder):
        listed.append(folder)
        return walk(folder)

    monkeypatch.setattr(zarr_planes, "walk", walked)
    restore(in_chunks, "2/3")
    restore(in_chunks, "3/3")
    finish_parts(in_chunks)
    assert not listed
    np.testing.assert_array_equal(contents(asked.out)[0], at_once(asked)[0])


def test_what_the_first_part_listed_is_listed_again_where_a_power_cut_has_eaten_it(in_chunks):
    restore(in_chunks, "1/2")
    (in_chunks.out.with_name("out.ome.zarr.parts") / "recorded.npz").write_bytes(b"PK")
    restore(in_chunks, "2/2")
    finish_parts(in_chunks)
    np.testing.assert_array_equal(contents(in_chunks.out)[0], at_once(in_chunks)[0])


def test_what_was_listed_for_a_result_that_is_there_is_listed_again_for_the_next(
    in_chunks, monkeypatch
):
    chunk = in_chunks.raw / "c/40/0/0"
    later = chunk.rename(in_chunks.out.with_name("later"))
    restore(in_chunks, "1/1")
    with monkeypatch.context() as patch:  # killed, so that its folder is left
        patch.setattr(PartsFolder, "_remove", lambda _: None)
        finish_parts(in_chunks)
    later.rename(chunk)
    in_chunks = replace(in_chunks, overwrite=True)
    restore(in_chunks, "1/1")
    finish_parts(in_chunks)
    np.testing.assert_array_equal(contents(in_chunks.out)[0], at_once(in_chunks)[0])


def test_a_chunk_that_has_gone_since_the_first_part_looked_is_noticed(in_chunks):
    restore(in_chunks, "1/2")
    (in_chunks.raw / "c/40/0/0").unlink()
    restore(in_chunks, "2/2")
    with pytest.raises(DataError, match="expected the recording as it was when its parts were"):
        finish_parts(in_chunks)
    assert not in_chunks.out.exists()


def test_parts_of_a_recording_that_has_grown_are_not_mixed_in(in_chunks):
    restore(in_chunks, "1/2")
    zarr.open_array(in_chunks.raw, mode="r+").append(np.ones((9, 64, 64), np.uint16))
    with pytest.raises(
        DataError, match=r"those of something else; remove .*\.parts to begin again"
    ):
        restore(in_chunks, "2/2")


def test_a_part_that_is_missing_is_named_and_nothing_is_lost(asked):
    for part in ("1/3", "3/3"):
        restore(asked, part)
    with pytest.raises(DataError, match=r"all 3 parts done, found 2; missing: --part 2/3$"):
        finish_parts(asked)
    assert not asked.out.exists()
    restore(asked, "2/3")
    finish_parts(asked)
    np.testing.assert_array_equal(contents(asked.out)[0], at_once(asked)[0])


def test_nothing_is_finished_before_it_has_begun(asked):
    with pytest.raises(DataError, match=r"plan.json: expected the plan of all parts"):
        finish_parts(asked)


def test_an_interrupted_part_goes_on_where_it_was(asked, monkeypatch):
    steps = iter([None, None])

    def step():
        if next(steps, "stop") == "stop":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        restore(asked, "1/1", step)
    with pytest.raises(DataError, match="found none"):
        finish_parts(asked)
    made = []
    begin = StackRestorer.begin

    def counted(self, index, *, examined):
        made.append(index.time)
        return begin(self, index, examined=examined)

    monkeypatch.setattr(StackRestorer, "begin", counted)
    restore(asked, "1/1")
    assert made == [3, 4]
    finish_parts(asked)
    monkeypatch.undo()
    images, omero, _ = contents(asked.out)
    expected, expected_omero, _ = at_once(asked)
    np.testing.assert_array_equal(images, expected)
    assert omero == expected_omero


def test_an_image_that_has_gone_since_is_noticed(asked):
    restore(asked, "1/1")
    (asked.out.with_name("out.ome.zarr.parts") / "result.ome.zarr/0/c/2/0/0/0/0").unlink()
    with pytest.raises(DataError, match="found 1 image gone; restore the parts again"):
        finish_parts(asked)
    restore(asked, "1/1")
    finish_parts(asked)


def test_parts_of_other_settings_are_not_mixed_in(asked):
    restore(asked, "1/2")
    optics = asked.settings.optics.model_copy(update={"emission_nm": 600.0})
    other = replace(asked, settings=asked.settings.model_copy(update={"optics": optics}))
    with pytest.raises(
        DataError, match=r"found those of something else; remove .*\.parts to begin again"
    ):
        restore(other, "2/2")


def test_a_lost_frame_is_left_out_and_told(asked, scene, tmp_path):
    frames = scene.frames
    frames[13] = 0
    axes = [({"time": number}, frame) for number, frame in enumerate(frames)]
    asked = replace(asked, raw=ndtiff(axes)(tmp_path))
    for part in ("1/2", "2/2"):
        restore(asked, part)
    told = finish_parts(asked)
    assert [(index.time, "nothing but zeros" in words) for index, words in told.left_out] == [
        (1, True)
    ]
    images, _, recipe = contents(asked.out)
    assert [bool(np.isnan(image).all()) for image in images] == [False, True, False, False, False]
    assert "1 of 5 planes hold no result (NaN), first: position 0, time 1" in json.dumps(recipe)


def test_only_a_zarr_takes_planes_from_several(asked):
    with pytest.raises(SettingsError, match=r"takes planes from several processes, found out.tif"):
        restore(replace(asked, out=asked.out.with_name("out.tif")), "1/2")


@pytest.mark.parametrize("words", ["0/4", "5/4", "2", "a/b", "1/0", "", "-1/2"])
def test_what_is_no_part_is_refused(words):
    with pytest.raises(SettingsError, match="expected a part such as 2/4, found"):
        Part.parse(words)


@pytest.mark.parametrize(("stacks", "parts"), [(5, 2), (7, 7), (3, 8), (0, 2)])
def test_parts_share_all_stacks_once(stacks, parts):
    shared = [Part(number, parts).of_all(range(stacks)) for number in range(1, parts + 1)]
    assert [one for part in shared for one in part] == list(range(stacks))
    assert max(map(len, shared)) - min(map(len, shared)) <= 1
