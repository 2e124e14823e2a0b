import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import yaozarrs
import zarr
from ome_zarr.io import parse_url
from ome_zarr.reader import Reader

from livesim.config.settings import Settings
from livesim.io.recipe import Recipe
from livesim.io.write import growing_stacks
from livesim.io.write.output_layout import OutputLayout, RawLayout
from livesim.io.write.recorder import RawRecorder, ResultRecorder
from livesim.io.write.results import read_recipe
from livesim.values.errors import DataError
from livesim.values.frames import RawStack, StackIndex
from livesim.values.results import Result

RECIPE = Recipe(
    settings=Settings.model_validate({"optics": {"numerical_aperture": 1.4, "emission_nm": 525}})
)
RAW = RawLayout(angles=2, phases=3, y=4, x=5, pixel_nm=80.0, interval_s=0.1)
RESULT = OutputLayout(y=8, x=10, pixel_nm=40.0, channel_names=("GFP",))


def raw_stack(index, seed=0):
    rng = np.random.default_rng([seed, index.position, index.time, index.channel, index.z])
    return RawStack(
        stream="test",
        index=index,
        pixels=rng.integers(0, 65536, RAW.shape, dtype=np.uint16),
        exposure_ms=5.0 + index.time,
        last_received_ns=10**18 + index.time,
    )


def result(index):
    rng = np.random.default_rng([index.position, index.time, index.channel, index.z])
    image = rng.normal(0, 10, (8, 10)).astype(np.float32)
    return Result("test", index, image, image[::2, ::2], 10**18 + index.time, 10**18 + 7)


def place(index):
    return (index.position, index.time, index.channel, index.z)


def test_a_raw_recording_reads_back_with_its_gaps(tmp_path):
    path = tmp_path / "run.zarr"
    # Out of order, with time 1 lost, and longer than one block of time points.
    indices = [StackIndex(time=t, channel=c) for t in (2, 0, 3, 70) for c in (1, 0)]
    with RawRecorder(path, RAW, RECIPE) as recorder:
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


def test_a_raw_recording_grows_along_every_outer_axis(tmp_path):
    path = tmp_path / "run.zarr"
    indices = [StackIndex(0, 0, 0, 0), StackIndex(1, 0, 0, 2), StackIndex(0, 1, 1, 0)]
    with RawRecorder(path, RAW, RECIPE) as recorder:
        for index in indices:
            recorder.write(raw_stack(index))
    group = zarr.open_group(path, mode="r")
    assert group["raw"].shape == (2, 2, 2, 3, *RAW.shape)
    assert group["written"][:].sum() == 3
    for index in indices:
        np.testing.assert_array_equal(group["raw"][place(index)], raw_stack(index).pixels)


def test_a_raw_recording_carries_scales_and_recipe(tmp_path):
    path = tmp_path / "run.zarr"
    with RawRecorder(path, RAW, RECIPE) as recorder:
        recorder.write(raw_stack(StackIndex()))
        recorder.describe(RECIPE.with_warning("the pattern drifted"))
    about = zarr.open_group(path, mode="r").attrs["livesim"]
    assert about["format"] == "livesim-recording/1"
    assert (about["pixel_nm"], about["interval_s"], about["z_step_nm"]) == (80.0, 0.1, None)
    assert read_recipe(path).warnings == ("the pattern drifted",)


def test_one_stack_is_one_chunk(tmp_path):
    path = tmp_path / "run.zarr"
    with RawRecorder(path, RAW, RECIPE) as recorder:
        for time in range(5):
            recorder.write(raw_stack(StackIndex(time=time)))
    assert len(list((path / "raw").glob("c.*"))) == 5


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


RECORD_UNTIL_KILLED = """
    import itertools, sys
    sys.path[:0] = {folders}
    from pathlib import Path
    from test_write_recorder import RAW, RECIPE, RawRecorder, StackIndex, raw_stack

    recorder = RawRecorder(Path({path!r}), RAW, RECIPE)
    for time in itertools.count():
        recorder.write(raw_stack(StackIndex(time=time, channel=time % 2)))
        print(time, flush=True)
"""


# 64: just after the arrays were lengthened.
@pytest.mark.parametrize("last", [0, 64, 90])
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows knows no SIGKILL")
def test_a_killed_recording_holds_everything_written_before(tmp_path, request, last):
    path = tmp_path / "run.zarr"
    folders = [str(request.path.parent)]
    script = textwrap.dedent(RECORD_UNTIL_KILLED.format(folders=folders, path=str(path)))
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as process:
        for line in process.stdout:
            if int(line) == last:
                process.kill()
                break
    assert process.returncode == -signal.SIGKILL
    assert not path.exists()
    group = zarr.open_group(tmp_path / "run.zarr.partial", mode="r")
    written = np.argwhere(group["written"][:])
    assert len(written) >= last + 1
    for at in written:
        stack = raw_stack(StackIndex(*map(int, at)))
        np.testing.assert_array_equal(group["raw"][tuple(at)], stack.pixels)


def test_a_stack_that_could_not_be_written_is_a_gap(tmp_path, monkeypatch):
    path = tmp_path / "run.zarr"
    write_pixels = zarr.Array.__setitem__

    def full_disk(array, place, values):
        if array.ndim == 8:
            raise OSError("no space left on device")
        write_pixels(array, place, values)

    with RawRecorder(path, RAW, RECIPE) as recorder:
        with monkeypatch.context() as patched:
            patched.setattr(zarr.Array, "__setitem__", full_disk)
            with pytest.raises(OSError, match="no space"):
                recorder.write(raw_stack(StackIndex(time=0)))
        recorder.write(raw_stack(StackIndex(time=1)))
    assert zarr.open_group(path, mode="r")["written"][:].ravel().tolist() == [False, True]


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
    received = zarr.open_group(path, mode="r")["last_received_ns"][:]
    expected = np.zeros((1, 12, 2, 1), np.int64)
    for index in indices:
        expected[place(index)] = 10**18 + index.time
    np.testing.assert_array_equal(received, expected)


def test_results_are_an_ome_zarr_with_gaps(tmp_path):
    path = tmp_path / "run.ome.zarr"
    indices = [StackIndex(time=0), StackIndex(time=2), StackIndex(time=2, channel=1)]
    with ResultRecorder(path, RESULT, RECIPE) as recorder:
        for index in indices:
            recorder.write(result(index))
        recorder.describe(RECIPE.with_warning("the pattern drifted"))
    yaozarrs.validate_zarr_store(path)
    (node,) = Reader(parse_url(path))()
    image = np.asarray(node.data[0])
    assert image.shape == (3, 2, 1, 8, 10)
    assert image.dtype == np.float32
    for index in indices:
        np.testing.assert_array_equal(image[place(index)[1:]], result(index).image)
    assert np.isnan(image[1]).all()
    assert node.metadata["channel_names"] == ["GFP", "channel 1"]
    (transform,) = node.metadata["coordinateTransformations"][0]
    assert transform["scale"] == [1.0, 1.0, 1.0, 0.04, 0.04]
    group = zarr.open_group(path, mode="r")
    assert group["written"][:, :, 0].tolist() == [[True, False], [False, False], [True, True]]
    assert group["last_received_ns"][2, 0, 0] == 10**18 + 2
    assert group["published_ns"][2, 0, 0] == 10**18 + 7
    assert read_recipe(path).warnings == ("the pattern drifted",)


def test_results_of_several_positions_are_several_images(tmp_path):
    path = tmp_path / "run.ome.zarr"
    layout = OutputLayout(y=8, x=10, pixel_nm=40.0, position=2)
    with ResultRecorder(path, layout, RECIPE) as recorder:
        recorder.write(result(StackIndex(position=0)))
        recorder.write(result(StackIndex(position=1, time=1)))
        with pytest.raises(ValueError, match="expected position < 2, found 2"):
            recorder.write(result(StackIndex(position=2)))
    yaozarrs.validate_zarr_store(path)
    group = zarr.open_group(path, mode="r")
    assert (group["0/0"].shape[0], group["1/0"].shape[0]) == (1, 2)
    np.testing.assert_array_equal(
        group["1/0"][1, 0, 0], result(StackIndex(position=1, time=1)).image
    )


def test_unfinished_results_are_readable(tmp_path):
    recorder = ResultRecorder(tmp_path / "run.ome.zarr", RESULT, RECIPE)
    recorder.write(result(StackIndex(time=1)))
    partial = tmp_path / "run.ome.zarr.partial"
    yaozarrs.validate_zarr_store(partial)
    assert read_recipe(partial).to_json() == RECIPE.to_json()
    image = zarr.open_array(partial / "0", mode="r")[1, 0, 0]
    np.testing.assert_array_equal(image, result(StackIndex(time=1)).image)
    recorder.close()
