"""What a recording of raw stacks holds while it grows, after a crash, and afterwards."""

import shutil
import signal
import subprocess
import sys
import textwrap
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
import zarr

from livesim.config.settings import (
    SHARD_LIMIT,
    PatternSettings,
    SettingsError,
    parse_settings,
)
from livesim.io.read.open import open_recording
from livesim.io.recipe import Recipe
from livesim.io.write import growing_stacks
from livesim.io.write.output_layout import RawLayout
from livesim.io.write.recorder import RawRecorder, ResultRecorder
from livesim.io.write.results import read_recipe
from livesim.values.errors import DataError
from livesim.values.frames import RawStack, StackIndex
from tests.support.recorder_values import RAW, RECIPE, RESULT, files_of, place, raw_stack, result


@pytest.mark.parametrize("shard", [1, 2, 10, 255])
def test_a_raw_recording_reads_back_with_its_gaps(tmp_path, shard):
    path = tmp_path / "run.zarr"
    # Out of order, with time 1 lost, and longer than one block of time points.
    indices = [StackIndex(time=t, channel=c) for t in (2, 0, 3, 70) for c in (1, 0)]
    with RawRecorder(path, RAW, RECIPE, shard=shard) as recorder:
        for index in indices:
            recorder.write(raw_stack(index))
    group = zarr.open_group(path, mode="r")
    assert group["raw"].shape == (1, 71, 2, 1, *RAW.shape)
    assert group["raw"].dtype == np.uint16
    assert group["raw"].metadata.dimension_names == (
        *("position", "t", "c", "z"),
        *("angle", "phase", "y", "x"),
    )
    written = group["written"][:]
    assert sorted(zip(*np.nonzero(written), strict=True)) == sorted(map(place, indices))
    for index in indices:
        stack = raw_stack(index)
        np.testing.assert_array_equal(group["raw"][place(index)], stack.pixels)
        assert group["last_received_ns"][place(index)] == stack.last_received_ns
        assert group["exposure_ms"][place(index)] == stack.exposure_ms
    assert not group["raw"][0, 1].any()


@pytest.mark.parametrize("shard", [1, 2])
def test_a_raw_recording_grows_along_every_outer_axis(tmp_path, shard):
    path = tmp_path / "run.zarr"
    indices = [StackIndex(0, 0, 0, 0), StackIndex(1, 0, 0, 2), StackIndex(0, 1, 1, 0)]
    with RawRecorder(path, RAW, RECIPE, shard=shard) as recorder:
        for index in indices:
            recorder.write(raw_stack(index))
    group = zarr.open_group(path, mode="r")
    assert group["raw"].shape == (2, 2, 2, 3, *RAW.shape)
    assert group["written"][:].sum() == 3
    for index in indices:
        np.testing.assert_array_equal(group["raw"][place(index)], raw_stack(index).pixels)


def test_a_raw_recording_carries_scales_and_recipe(tmp_path):
    path = tmp_path / "run.zarr"
    with RawRecorder(path, RAW, RECIPE.with_warning("the pattern drifted")) as recorder:
        recorder.write(raw_stack(StackIndex()))
    about = zarr.open_group(path, mode="r").attrs["livesim"]
    assert about["format"] == "livesim-recording/1"
    assert (about["pixel_nm"], about["interval_s"], about["z_step_nm"]) == (80.0, 0.1, None)
    assert read_recipe(path).warnings == ("the pattern drifted",)


@pytest.mark.parametrize(("shard", "files"), [(1, 40), (10, 4), (30, 2), (255, 1)])
def test_a_shard_is_one_file(tmp_path, shard, files):
    raw, results = tmp_path / "run.zarr", tmp_path / "run.ome.zarr"
    with (
        RawRecorder(raw, RAW, RECIPE, shard=shard) as raws,
        ResultRecorder(results, RESULT, RECIPE, shard=shard) as images,
    ):
        for time in range(40):
            raws.write(raw_stack(StackIndex(time=time)))
            images.write(result(StackIndex(time=time)))
    assert len(files_of(raw, "raw")) == len(files_of(results, "0")) == files
    assert len(files_of(raw, "written")) == 1


@pytest.mark.parametrize("shard", [1, 10])
def test_a_stack_recorded_again_replaces_the_first(tmp_path, shard):
    path = tmp_path / "run.zarr"
    with RawRecorder(path, RAW, RECIPE, shard=shard) as recorder:
        recorder.write(raw_stack(StackIndex(time=1), seed=1))
        recorder.write(raw_stack(StackIndex(time=0)))
        recorder.write(raw_stack(StackIndex(time=1), seed=2))
    found = zarr.open_group(path, mode="r")["raw"]
    for time, seed in ((0, 0), (1, 2)):
        expected = raw_stack(StackIndex(time=time), seed).pixels
        np.testing.assert_array_equal(found[0, time, 0, 0], expected)


def test_shards_are_the_standard_codec_for_other_readers(tmp_path):
    tensorstore = pytest.importorskip("tensorstore")
    path = tmp_path / "run.zarr"
    with RawRecorder(path, RAW, RECIPE, shard=7) as recorder:
        for time in range(10):
            recorder.write(raw_stack(StackIndex(time=time)))
    where = {"driver": "file", "path": str(path / "raw")}
    found = tensorstore.open({"driver": "zarr3", "kvstore": where}, read=True).result()
    assert found.shape == (1, 10, 1, 1, *RAW.shape)
    for time in range(10):
        expected = raw_stack(StackIndex(time=time)).pixels
        np.testing.assert_array_equal(found[0, time, 0, 0].read().result(), expected)


def test_big_endian_counts_are_recorded_as_they_are(tmp_path):
    path = tmp_path / "run.zarr"
    stack = replace(raw_stack(StackIndex()), pixels=raw_stack(StackIndex()).pixels.astype(">u2"))
    with RawRecorder(path, RAW, RECIPE, stack.pixels.dtype) as recorder:
        recorder.write(stack)
    found = zarr.open_group(path, mode="r")["raw"][0, 0, 0, 0]
    np.testing.assert_array_equal(found, stack.pixels)


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_interrupted_recording_is_kept(tmp_path, error):
    path = tmp_path / "run.zarr"

    def interrupted():
        with RawRecorder(path, RAW, RECIPE) as recorder:
            recorder.write(raw_stack(StackIndex()))
            assert [entry.name for entry in tmp_path.iterdir()] == ["run.zarr.partial"]
            raise error

    with pytest.raises(error):
        interrupted()
    assert list(tmp_path.iterdir()) == [path]
    assert zarr.open_group(path, mode="r")["written"][:].tolist() == [[[[True]]]]


def test_an_empty_recording_closes(tmp_path):
    with RawRecorder(tmp_path / "run.zarr", RAW, RECIPE):
        pass
    with ResultRecorder(tmp_path / "run.ome.zarr", RESULT, RECIPE) as recorder:
        recorder.close()
    assert zarr.open_group(tmp_path / "run.zarr", mode="r")["raw"].shape[:4] == (0, 0, 0, 0)
    assert zarr.open_group(tmp_path / "run.ome.zarr", mode="r")["0"].shape == (0, 0, 0, 8, 10)


@pytest.mark.parametrize(
    ("kind", "layout", "axes"), [(RawRecorder, RAW, 4), (ResultRecorder, RESULT, 3)]
)
def test_a_recording_that_has_just_begun_holds_nothing(tmp_path, kind, layout, axes):
    """Who reads it while it grows finds no stack that nobody has written."""
    with kind(tmp_path / "run.ome.zarr", layout, RECIPE):
        (folder,) = tmp_path.iterdir()
        arrays = zarr.open_group(folder, mode="r").arrays()
        lengths = {size for _, array in arrays for size in array.shape[:axes]}
    assert lengths == {0}


RECORD_UNTIL_KILLED = """
    import itertools, sys
    sys.path[:0] = {folders}
    from pathlib import Path
    from livesim.io.write.recorder import RawRecorder
    from livesim.values.frames import StackIndex
    from tests.support.recorder_values import RAW, RECIPE, raw_stack

    recorder = RawRecorder(Path({path!r}), RAW, RECIPE, shard={shard})
    for time in itertools.count():
        recorder.write(raw_stack(StackIndex(time=time, channel=time % 2)))
        print(time, flush=True)
"""


# 64: just after the arrays were lengthened; 600: in the third shard of 255.
@pytest.mark.parametrize("shard", [1, 10, 255])
@pytest.mark.parametrize("last", [0, 64, 90, 600])
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows knows no SIGKILL")
def test_a_killed_recording_holds_everything_written_before(tmp_path, request, last, shard):
    path = tmp_path / "run.zarr"
    folders = [str(request.config.rootpath)]
    words = {"folders": folders, "path": str(path), "shard": shard}
    script = textwrap.dedent(RECORD_UNTIL_KILLED.format(**words))
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as process:
        for line in process.stdout:
            if int(line) == last:
                process.kill()
                break
    assert process.returncode == -signal.SIGKILL
    assert not path.exists()
    partial = tmp_path / "run.zarr.partial"
    written = np.argwhere(zarr.open_group(partial, mode="r")["written"][:])
    assert set(range(last + 1)) <= {int(time) for _, time, _, _ in written}
    with open_recording(partial, PatternSettings(angles=2, phases=3)) as recording:
        for at in written:
            expected = raw_stack(StackIndex(*map(int, at)))
            found = recording.stack(expected.index)
            np.testing.assert_array_equal(found.pixels, expected.pixels)


@contextmanager
def files_no_longer_than(size):
    """Let the system refuse longer files, as a full disk does in the middle of one."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize(("shard", "room"), [(1, 2500), (100, 5000)])
def test_a_stack_that_could_not_be_written_is_a_gap(tmp_path, shard, room):
    path = tmp_path / "run.zarr"
    layout = RawLayout(angles=2, phases=3, y=16, x=16, pixel_nm=80.0)
    pixels = np.random.default_rng(0).integers(0, 65536, (3, *layout.shape), np.uint16)
    with RawRecorder(path, layout, RECIPE, shard=shard) as recorder:
        stacks = [RawStack("test", StackIndex(time=time), pixels[time]) for time in range(3)]
        recorder.write(stacks[0])
        with files_no_longer_than(room), pytest.raises(OSError, match="File too large"):
            recorder.write(stacks[1])
        recorder.write(stacks[2])
    group = zarr.open_group(path, mode="r")
    assert group["written"][:].ravel().tolist() == [True, False, True]
    for time in (0, 2):
        np.testing.assert_array_equal(group["raw"][0, time, 0, 0], pixels[time])
    assert not group["raw"][0, 1].any()
    assert len(files_of(path, "raw")) == (2 if shard == 1 else 1)


@pytest.mark.parametrize("taken", ["run.zarr", "run.zarr.partial"])
def test_an_earlier_recording_is_never_touched(tmp_path, taken):
    (tmp_path / taken).mkdir()
    with pytest.raises(DataError, match=r"run\.zarr: expected a new name, found"):
        RawRecorder(tmp_path / "run.zarr", RAW, RECIPE)
    assert [entry.name for entry in tmp_path.iterdir()] == [taken]


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(DataError, match="expected an existing folder"):
        RawRecorder(tmp_path / "nowhere" / "run.zarr", RAW, RECIPE)


@pytest.mark.parametrize("pixels", [np.zeros((2, 3, 5, 4), np.uint16), np.zeros((2, 3, 4, 5))])
def test_another_kind_of_stack_is_refused(tmp_path, pixels):
    with RawRecorder(tmp_path / "run.zarr", RAW, RECIPE) as recorder:
        with pytest.raises(ValueError, match=r"expected uint16 \(2, 3, 4, 5\), found"):
            recorder.write(RawStack("test", StackIndex(), pixels))
        recorder.write(raw_stack(StackIndex()))
    assert zarr.open_group(tmp_path / "run.zarr", mode="r")["written"][:].sum() == 1


def test_a_closed_recording_takes_no_more(tmp_path):
    raw = RawRecorder(tmp_path / "run.zarr", RAW, RECIPE)
    results = ResultRecorder(tmp_path / "run.ome.zarr", RESULT, RECIPE)
    for recorder, value in ((raw, raw_stack(StackIndex())), (results, result(StackIndex()))):
        recorder.close()
        with pytest.raises(ValueError, match="expected an open recording"):
            recorder.write(value)
    assert {entry.name for entry in tmp_path.iterdir()} == {"run.zarr", "run.ome.zarr"}


def test_the_log_is_right_across_chunks_and_lengthenings(tmp_path, monkeypatch):
    monkeypatch.setattr(growing_stacks, "TIME_BLOCK", 3)
    monkeypatch.setattr(growing_stacks, "LOG_CHUNK", 4)
    path = tmp_path / "run.zarr"
    indices = [StackIndex(time=t, channel=t % 2) for t in (5, 0, 11, 1, 3, 6, 10)]
    with RawRecorder(path, RAW, RECIPE) as recorder:
        for index in indices:
            recorder.write(raw_stack(index))
        growing = next(tmp_path.iterdir())  # under the name that says so
        assert zarr.open_group(growing, mode="r")["raw"].shape[:4] == (1, 12, 2, 1)
        recorder.write(raw_stack(StackIndex(time=12)))
        assert zarr.open_group(growing, mode="r")["raw"].shape[:4] == (1, 15, 2, 1)
        indices.append(StackIndex(time=12))
    received = zarr.open_group(path, mode="r")["last_received_ns"][:]
    expected = np.zeros((1, 13, 2, 1), np.int64)
    for index in indices:
        expected[place(index)] = 10**18 + index.time
    np.testing.assert_array_equal(received, expected)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"shard": 0}, "recording.shard: expected greater than or equal to 1, found 0"),
        ({"shard": 256}, "recording.shard: expected less than or equal to 255, found 256"),
        ({"shard": "many"}, "recording.shard: .*, found 'many'"),
        ({"shards": 2}, "unknown key 'recording.shards'; the nearest known key is 'shard'"),
    ],
)
def test_wrong_settings_of_a_recording_are_named(values, words):
    optics = {"numerical_aperture": 1.4, "emission_nm": 525}
    with pytest.raises(SettingsError, match=words):
        parse_settings({"optics": optics, "recording": values}, "test")


def test_the_index_of_the_largest_shard_fits_into_one_page():
    assert SHARD_LIMIT * 16 + 4 <= 4096 < (SHARD_LIMIT + 1) * 16 + 4


def test_a_recipe_from_before_shards_is_read():
    values = RECIPE.to_json()
    del values["settings"]["recording"]
    assert Recipe.from_json(values, "old").settings.recording.shard == 1


def test_the_folder_is_looked_for_after_every_write(tmp_path, monkeypatch):
    """Not only before: it may go while the stack is being written."""
    recorder = RawRecorder(tmp_path / "run.zarr", RAW, RECIPE)
    recorder.write(raw_stack(StackIndex()))
    real = recorder._stacks.put

    def put(*values):
        real(*values)
        shutil.rmtree(tmp_path / "run.zarr.partial")

    monkeypatch.setattr(recorder._stacks, "put", put)
    with pytest.raises(OSError, match="found it gone"):
        recorder.write(raw_stack(StackIndex(time=1)))
