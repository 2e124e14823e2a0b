"""What an export says of raw stacks that the live run skipped, and what becomes of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import tifffile
from ome_types import from_tiff

from livesim.config.settings import SettingsError
from livesim.io.pattern_file import write_pattern
from livesim.io.recipe import Recipe
from livesim.io.recording_files import PATTERN_NAME, RAW_NAME, RESULTS_NAME
from livesim.io.write.output_layout import OutputLayout, RawLayout
from livesim.io.write.recorder import RawRecorder, ResultRecorder
from livesim.io.write.results import open_writer, read_recipe
from livesim.pipeline.pipeline import ReconstructionPipeline
from livesim.values.errors import DataError
from livesim.values.frames import RawStack, StackIndex
from livesim.values.results import Result
from tests.support.recorded import (
    PIXEL_NM,
    SETTINGS,
    STEP_S,
    export,
    image,
    open_results,
    record,
    result,
    times,
)
from tests.support.scenes import PLAIN, simulate

NETWORKS = ("one", "reconstruct", "two")
SHAPE = (48, 56)


@pytest.fixture
def holes(tmp_path):
    """Ten raw stacks, of which 0, 1 and 7 were reconstructed."""
    made = [result(StackIndex(time=time)) for time in (0, 1, 7)]
    return record(tmp_path / "stream-001", times(10), made=made)


@pytest.fixture
def mixed(tmp_path):
    """Six raw stacks, all reconstructed, 2 and 5 with networks."""
    made = []
    for index in times(6):
        first = replace(result(index), provisional=True)
        made += [first]
        if index.time in (2, 5):
            made += [replace(first, image=first.image + 1000.0, plain=first.image)]
    return record(tmp_path / "stream-001", times(6), made=made, steps=NETWORKS)


def test_empty_planes_are_said(holes, tmp_path):
    said = export(holes, tmp_path / "a.ome.tif").stderr
    assert (
        "livesim: 5 of 8 images are empty: the live run skipped their raw stacks; --restore makes "
        "them first, --skip-gaps leaves them out\n"
    ) in said
    assert tifffile.imread(tmp_path / "a.ome.tif").shape[0] == 8


def test_a_part_without_gaps_says_nothing(holes, tmp_path):
    assert "--restore" not in export(holes, tmp_path / "a.ome.tif", "--time", "0:2").stderr


def test_gaps_are_left_out_where_that_is_asked_for(holes, tmp_path):
    said = export(holes, tmp_path / "a.ome.tif", "--skip-gaps").stderr
    assert "skipped their raw stacks; their time points are left out" in said
    wanted = [image(StackIndex(time=time)) for time in (0, 1, 7)]
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "a.ome.tif"), wanted)
    with pytest.raises(SettingsError, match="--skip-gaps: expected a time point without gaps"):
        export(holes, tmp_path / "b.ome.tif", "--skip-gaps", "--time", "2:5")


def test_the_interval_is_that_of_all_raw_stacks(holes, tmp_path):
    """Also where they came in bursts of three, and with a pause."""
    export(holes, tmp_path / "a.ome.tif")
    assert _interval_s(tmp_path / "a.ome.tif") == pytest.approx(STEP_S)
    folder = tmp_path / "bursts"
    folder.mkdir()
    bursts = [3 * STEP_S * (time // 3) + 0.01 * (time % 3) for time in range(30)]
    bursts = [moment + (100.0 if time > 20 else 0.0) for time, moment in enumerate(bursts)]
    received = [10**18 + round(1e9 * moment) for moment in bursts]
    with open_results(folder) as results:
        for time in (0, 1, 2):
            made = result(StackIndex(time=time))
            results.write(replace(made, last_received_ns=received[time]))
    layout = RawLayout(angles=3, phases=3, y=8, x=8, pixel_nm=PIXEL_NM)
    with RawRecorder(folder / RAW_NAME, layout, Recipe(settings=SETTINGS)) as raws:
        for time, at in enumerate(received):
            pixels = np.ones((3, 3, 8, 8), np.uint16)
            raws.write(RawStack("s", StackIndex(time=time), pixels, last_received_ns=at))
    export(folder, tmp_path / "b.ome.tif")
    assert _interval_s(tmp_path / "b.ome.tif") == pytest.approx(STEP_S, rel=0.05)


def _interval_s(path):
    return from_tiff(path).images[0].pixels.time_increment


def test_plain_images_among_those_of_networks_are_said_and_left_out(mixed, tmp_path):
    said = export(mixed, tmp_path / "a.ome.tif").stderr
    assert "4 of 6 images are plain: the networks did not come to their stacks; --restore" in said
    export(mixed, tmp_path / "b.ome.tif", "--skip-gaps")
    values = tifffile.imread(tmp_path / "b.ome.tif")
    np.testing.assert_array_equal(
        values, [image(StackIndex(time=time)) + np.float32(1000.0) for time in (2, 5)]
    )


def test_raw_frames_have_no_gaps_and_nothing_to_restore(holes, tmp_path):
    assert "--restore" not in export(holes, tmp_path / "raw.tif", "--what", "raw").stderr
    with pytest.raises(DataError, match=r"expected raw.zarr to restore images from"):
        export(holes, tmp_path / "b.tif", "--what", "widefield", "--restore")


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """A recording of five raw stacks, of which 1 and 3 were reconstructed live."""
    folder = tmp_path_factory.mktemp("real") / "stream-001"
    folder.mkdir()
    scene = simulate(3, SHAPE, times=5)
    settings = scene.described(steps=PLAIN)
    stacks = [
        RawStack("s", StackIndex(time=time), one.numpy(), last_received_ns=10**18 + time * 10**8)
        for time, one in enumerate(scene.counts)
    ]
    recipe = Recipe(settings=settings, pattern=scene.pattern, steps=("reconstruct",))
    write_pattern(folder / PATTERN_NAME, scene.pattern)
    layout = RawLayout(
        angles=3, phases=3, y=SHAPE[0], x=SHAPE[1], pixel_nm=settings.optics.pixel_nm
    )
    with RawRecorder(folder / RAW_NAME, layout, recipe) as raws:
        for stack in stacks:
            raws.write(stack)
    pipeline = ReconstructionPipeline(settings, scene.pattern)
    results: list[Result] = [pipeline(stack) for stack in stacks]
    whole = OutputLayout(y=2 * SHAPE[0], x=2 * SHAPE[1], pixel_nm=40.0)
    with ResultRecorder(folder / RESULTS_NAME, whole, recipe) as live:
        for time in (1, 3):
            live.write(results[time])
    return folder, np.stack([one.image for one in results])


@pytest.mark.parametrize("what", ["result", "plain"])
def test_what_was_skipped_is_restored_first(recorded, tmp_path, what):
    folder, images = recorded
    out = tmp_path / "a.ome.tif"
    said = export(folder, out, "--restore", "--what", what).stderr
    assert "livesim: 3 images restored first" in said
    np.testing.assert_array_equal(tifffile.imread(out), images)
    assert "3 images restored for the export, after the live run" in read_recipe(out).warnings
    assert [one.name for one in tmp_path.iterdir()] == ["a.ome.tif"], "nothing is left behind"


def test_only_what_is_exported_is_restored(recorded, tmp_path):
    folder, images = recorded
    export(folder, tmp_path / "a.ome.tif", "--restore", "--time", "2:4")
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "a.ome.tif"), images[2:4])
    said = export(folder, tmp_path / "b.ome.tif", "--restore", "--time", "1").stderr
    assert "restored first" not in said


def test_a_recording_without_results_is_restored_too(recorded, tmp_path):
    folder, images = recorded
    alone = tmp_path / "stream-001"
    alone.mkdir()
    (alone / RAW_NAME).symlink_to(folder / RAW_NAME)
    (alone / PATTERN_NAME).symlink_to(folder / PATTERN_NAME)
    with pytest.raises(DataError, match="and so does --restore"):
        export(alone, tmp_path / "a.ome.tif")
    export(alone, tmp_path / "a.ome.tif", "--restore")
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "a.ome.tif"), images)
    assert read_recipe(tmp_path / "a.ome.tif").steps == ("reconstruct",)


def test_images_that_restoring_left_out_are_counted_and_can_be_skipped(tmp_path):
    layout = OutputLayout(y=8, x=10, pixel_nm=PIXEL_NM, time=3)
    recipe = Recipe(settings=SETTINGS, pattern=simulate(0, (48, 48)).pattern)
    made = tmp_path / "restored.ome.tif"
    with open_writer(made, layout, recipe) as writer:
        for time in (0, 2):
            writer.write(StackIndex(time=time), np.full((8, 10), 1.0 + time, np.float32))
    said = export(made, tmp_path / "all.tif")
    assert said.exit_code == 0
    assert "1 of 3 images are empty: their raw stacks were not whole" in said.output
    assert "--skip-gaps leaves their time points out" in said.output
    assert len(tifffile.imread(tmp_path / "all.tif")) == 3
    said = export(made, tmp_path / "some.tif", "--skip-gaps")
    assert "their time points are left out" in said.output
    assert len(tifffile.imread(tmp_path / "some.tif")) == 2
