"""What a recording of results holds while it grows, and afterwards."""

from dataclasses import replace

import numpy as np
import pytest
import yaozarrs
import zarr
from ome_zarr.io import parse_url
from ome_zarr.reader import Reader

from livesim.io.read.result_time_lapse import open_result
from livesim.io.read.zarr_planes import read_region
from livesim.io.write.output_layout import OutputLayout
from livesim.io.write.recorder import ResultRecorder
from livesim.io.write.results import read_recipe
from livesim.values.frames import StackIndex
from livesim.values.results import Result
from tests.support.recorder_values import RECIPE, RESULT, files_of, place, result


def test_a_result_of_another_size_is_refused(tmp_path):
    path = tmp_path / "run.ome.zarr"
    image = np.zeros((10, 8), np.float32)
    with ResultRecorder(path, RESULT, RECIPE) as recorder:
        with pytest.raises(ValueError, match=r"expected an image of \(8, 10\), found \(10, 8\)"):
            recorder.write(Result("test", StackIndex(time=3), image, image))
        recorder.write(result(StackIndex()))
    assert zarr.open_group(path, mode="r")["0"].shape == (1, 1, 1, 8, 10)


@pytest.mark.parametrize("shard", [1, 2, 100])
def test_results_are_an_ome_zarr_with_gaps(tmp_path, shard):
    path = tmp_path / "run.ome.zarr"
    indices = [StackIndex(time=0), StackIndex(time=2), StackIndex(time=2, channel=1)]
    recipe = RECIPE.with_warning("the pattern drifted")
    with ResultRecorder(path, RESULT, recipe, shard=shard) as recorder:
        for index in indices:
            recorder.write(result(index))
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


def written_images(path):
    """Return place and image of every result that is there."""
    with open_result(path) as lapse:
        places = [tuple(map(int, at)) for at in np.argwhere(lapse.written)]
        return {(p, t, c, z): lapse.read(StackIndex(p, t, c, z)) for p, t, c, z in places}


@pytest.mark.parametrize(("announced", "positions", "shard"), [
    (2, [0, 1], 1), (1, [0, 3, 1], 1), (1, [0, 1], 4), (1, [2], 1), (1024, [1000, 0], 4),
])  # fmt: skip
def test_results_of_several_positions_are_several_images(tmp_path, announced, positions, shard):
    """Whether they were announced or not: those that come are there, and no others."""
    path = tmp_path / "run.ome.zarr"
    layout = OutputLayout(y=8, x=10, pixel_nm=40.0, position=announced)
    indices = [StackIndex(position, 70 * time) for time in range(2) for position in positions]
    with ResultRecorder(path, layout, RECIPE, shard=shard) as recorder:
        for index in indices:
            recorder.write(result(index))
            partial = written_images(tmp_path / "run.ome.zarr.partial")
            assert place(index) in partial, "what is written can be read at once"
    yaozarrs.validate_zarr_store(path)
    found = written_images(path)
    assert set(found) == {place(index) for index in indices}
    for index in indices:
        np.testing.assert_array_equal(found[place(index)], result(index).image)
    group = zarr.open_group(path, mode="r")
    names = sorted(name for name in group.group_keys() if name != "OME")
    assert set(map(int, names)) - set(positions) <= {0}, "no more images than there are positions"
    for position in positions:
        assert group[str(position)].attrs["ome"]["omero"]["channels"], "its channels are described"


def test_a_result_that_is_read_finds_its_image_moved_by_a_second_position(tmp_path):
    partial = tmp_path / "run.ome.zarr.partial"
    with ResultRecorder(tmp_path / "run.ome.zarr", RESULT, RECIPE) as recorder:
        recorder.write(result(StackIndex()))
        with open_result(partial) as lapse:
            recorder.write(result(StackIndex(position=5)))
            np.testing.assert_array_equal(lapse.read(StackIndex()), result(StackIndex()).image)


@pytest.mark.parametrize("shard", [1, 4])
def test_unfinished_results_are_readable(tmp_path, shard):
    recorder = ResultRecorder(tmp_path / "run.ome.zarr", RESULT, RECIPE, shard=shard)
    recorder.write(result(StackIndex(time=1)))
    partial = tmp_path / "run.ome.zarr.partial"
    yaozarrs.validate_zarr_store(partial)
    assert read_recipe(partial).to_json() == RECIPE.to_json()
    image = zarr.open_array(partial / "0", mode="r")
    np.testing.assert_array_equal(image[1, 0, 0], result(StackIndex(time=1)).image)
    assert np.isnan(image[0]).all()
    recorder.write(result(StackIndex(time=0)))
    np.testing.assert_array_equal(image[0, 0, 0], result(StackIndex(time=0)).image)
    recorder.close()


@pytest.mark.parametrize("shard", [1, 4])
def test_results_are_read_while_they_grow_and_after_they_are_renamed(tmp_path, shard):
    recorder = ResultRecorder(tmp_path / "run.ome.zarr", RESULT, RECIPE, shard=shard)
    for time in range(6):
        recorder.write(result(StackIndex(time=time)))
    growing = open_result(tmp_path / "run.ome.zarr.partial")
    recorder.write(result(StackIndex(time=6)))
    np.testing.assert_array_equal(growing.image(StackIndex(time=5)), result_image(5))
    assert growing.image(StackIndex(time=6)) is None  # not there when it was opened
    recorder.close()
    np.testing.assert_array_equal(growing.image(StackIndex(time=2)), result_image(2))


def result_image(time):
    return result(StackIndex(time=time)).image


def test_an_index_that_is_being_written_over_is_read_again(tmp_path):
    path = tmp_path / "run.ome.zarr"
    with ResultRecorder(path, RESULT, RECIPE, shard=4) as recorder:
        recorder.write(result(StackIndex()))
    array = zarr.open_array(path / "0", mode="r")
    (shard,) = files_of(path, "0")
    whole = shard.read_bytes()
    shard.write_bytes(bytes([whole[0] ^ 1]) + whole[1:])
    with pytest.raises(ValueError, match="checksum"):
        read_region(array, (0, 0, 0))

    class Healing:
        """What is read a second time is whole."""

        shards = array.shards
        reads = 0

        def __getitem__(self, region):
            self.reads += 1
            if self.reads == 2:
                shard.write_bytes(whole)
            return array[region]

    healing = Healing()
    np.testing.assert_array_equal(read_region(healing, (0, 0, 0)), result_image(0))
    assert healing.reads == 2


@pytest.mark.parametrize("shard", [1, 4])
def test_the_fuller_result_of_a_stack_replaces_its_first_one(tmp_path, shard):
    """Also while those after it are written, and in a file that several share."""
    recipe = RECIPE.model_copy(update={"steps": ("one", "reconstruct", "two")})
    path = tmp_path / "results.ome.zarr"
    with ResultRecorder(path, RESULT, recipe, shard=shard) as recorder:
        for time in range(6):
            made = result(StackIndex(time=time))
            recorder.write(replace(made, provisional=True))
            if time in (2, 5):
                before = result(StackIndex(time=time - 1))
                recorder.write(replace(before, image=before.image + 1000.0, plain=before.image))
    group = zarr.open_group(path, mode="r")
    assert group["written"][:, 0, 0].tolist() == [True] * 6
    assert group["networks"][:, 0, 0].tolist() == [False, True, False, False, True, False]
    for time in range(6):
        more = np.float32(1000.0 if time in (1, 4) else 0.0)
        expected = result(StackIndex(time=time)).image + more
        np.testing.assert_array_equal(group["0"][time, 0, 0], expected)
    with open_result(path) as whole:
        assert whole.networked[0, :, 0, 0].tolist() == [False, True, False, False, True, False]
