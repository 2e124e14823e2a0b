"""`livesim export` into files with values: what other programs read in them."""

import json
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
import tifffile
from ome_types import from_tiff
from ome_zarr.io import parse_url
from ome_zarr.reader import Reader

from livesim.commands.export.command import ExportRequest, export_recording
from livesim.commands.export.cut import Ranges, cuts
from livesim.commands.export.look import LookRequest
from livesim.commands.export.movie import MovieRequest
from livesim.config.settings import SettingsError
from livesim.images.colour_tables import colours
from livesim.io.read.raw_time_lapse import open_raw
from livesim.io.read.result_time_lapse import open_result
from livesim.io.read.tiff import open_tiff
from livesim.io.recording_files import RESULTS_NAME
from livesim.io.write import imagej as imagej_tiff
from livesim.io.write.results import read_recipe
from livesim.values.errors import DataError
from livesim.values.frames import StackIndex
from tests.support.recorded import (
    PIXEL_NM,
    STEP_S,
    X,
    Y,
    counts,
    export,
    image,
    open_results,
    record,
    result,
    times,
)


@pytest.fixture(scope="module")
def two_channels(tmp_path_factory):
    places = [place for c in (0, 1) for place in times(6, channel=c)]
    return record(tmp_path_factory.mktemp("two") / "stream-001", places)


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    places = [StackIndex(time=t, z=z) for t in range(3) for z in range(4)]
    return record(tmp_path_factory.mktemp("z") / "stream-001", places)


def wanted(times_, channels=(0,), zs=(0,)):
    return np.array(
        [[[image(StackIndex(0, t, c, z)) for z in zs] for c in channels] for t in times_]
    )


def test_an_ome_tiff_holds_the_values_and_the_scales(two_channels, tmp_path):
    export(two_channels, tmp_path / "part.ome.tif", "--time", "1:6:2")
    values = tifffile.imread(tmp_path / "part.ome.tif")
    np.testing.assert_array_equal(values, wanted((1, 3, 5), (0, 1))[:, :, 0])
    (found,) = from_tiff(tmp_path / "part.ome.tif").images
    pixels = found.pixels
    assert (pixels.physical_size_x, pixels.time_increment) == (PIXEL_NM / 2000, 2 * STEP_S)
    (warning,) = read_recipe(tmp_path / "part.ome.tif").warnings
    assert warning == "a part of results.ome.zarr: time 1 to 5 in steps of 2 of 6"


@pytest.mark.parametrize("name", ["out.ome.tif", "out.ome.zarr", "out.tif", "out.mp4"])
def test_results_without_any_number_are_refused(name, tmp_path):
    nothing = [
        replace(result(index), image=np.full((2 * Y, 2 * X), np.nan, np.float32))
        for index in times(3)
    ]
    recording = record(tmp_path / "stream-001", times(3), made=nothing)
    with pytest.raises(DataError, match=r"expected images to export, found 3 places without a num"):
        export(recording, tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["stream-001"]


def test_a_position_without_any_image_has_no_file_and_that_is_said(tmp_path):
    places = [StackIndex(position=p, time=t) for t in range(2) for p in range(2)]
    made = [
        result(at)
        if at.position == 0
        else replace(result(at), image=np.full_like(result(at).image, np.nan))
        for at in places
    ]
    recording = record(tmp_path / "stream-001", places, made=made)
    said = export(recording, tmp_path / "out.tif").stderr
    assert "position 1 has no image: there is no file of it" in said
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out-position-0.tif", "stream-001"]


def test_an_infinite_pixel_leaves_the_others_their_counts(tmp_path):
    values = image(StackIndex()).copy()
    values[0, 0] = np.inf
    made = [replace(result(StackIndex()), image=values)]
    recording = record(tmp_path / "stream-001", times(1), made=made)
    export(recording, tmp_path / "out.tif")
    with tifffile.TiffFile(tmp_path / "out.tif") as file:
        found, stored = file.imagej_metadata, file.asarray()
    shown = found["c0"] + found["c1"] * stored
    np.testing.assert_allclose(shown.ravel()[1:], values.ravel()[1:], atol=0.51 * found["c1"])


def test_an_ome_zarr_is_read_by_ome_zarr(two_channels, tmp_path):
    export(two_channels / "results.ome.zarr", tmp_path / "one.ome.zarr", "--channel", "1")
    (node,) = Reader(parse_url(tmp_path / "one.ome.zarr"))()
    np.testing.assert_array_equal(np.asarray(node.data[0]), wanted(range(6), (1,)))


def test_what_was_exported_can_be_exported_again(two_channels, tmp_path):
    for first in ("a.ome.tif", "a.ome.zarr"):
        export(two_channels, tmp_path / first)
        export(tmp_path / first, tmp_path / f"again-{first}.ome.tif", "--time=-2:")
        values = tifffile.imread(tmp_path / f"again-{first}.ome.tif")
        np.testing.assert_array_equal(values, wanted((4, 5), (0, 1))[:, :, 0])


def test_a_hyperstack_gives_fiji_values_scales_and_colours(two_channels, tmp_path):
    path = tmp_path / "fiji.tif"
    export(two_channels, path, "--contrast", "0:150,50:270", "--lut", "cyan,fire")
    with tifffile.TiffFile(path) as file:
        found, description = file.imagej_metadata, file.pages.first.description
        stored, per_um = file.asarray(), file.pages.first.resolution[0]
        assert file.series[0].axes == "TCYX"
    assert stored.dtype == np.uint16
    values = found["c0"] + found["c1"] * stored
    # Half a count, negative values included: nothing is clipped.
    np.testing.assert_allclose(values, wanted(range(6), (0, 1))[:, :, 0], atol=0.51 * found["c1"])
    assert values.min() < -19
    assert (found["cf"], found["vunit"]) == (0, "photo-electrons")
    assert "\ncf=0\n" in description
    assert (found["unit"], per_um) == ("um", 1000 / (PIXEL_NM / 2))
    assert (found["finterval"], found["tunit"]) == (STEP_S, "sec")
    assert (found["mode"], found["channels"], found["frames"]) == ("composite", 2, 6)
    shown = found["c0"] + found["c1"] * np.array(found["Ranges"])
    np.testing.assert_allclose(shown, (0, 150, 50, 270), atol=1e-6)
    for table, name in zip(found["LUTs"], ("cyan", "fire"), strict=True):
        np.testing.assert_array_equal(table.T, colours(name))
    assert found["Labels"][:3] == [
        "0:00:00.000 channel 0",
        "0:00:00.000 channel 1",
        "0:00:00.250 channel 0",
    ]
    assert "nothing is clipped" in found["Info"]
    recipe = json.loads(found["Info"].split("recipe: ")[1])
    assert recipe["settings"]["optics"]["pixel_nm"] == PIXEL_NM


def test_a_hyperstack_beyond_4_gib_is_one_that_imagej_reads(two_channels, tmp_path, monkeypatch):
    monkeypatch.setattr(imagej_tiff, "CLASSIC_LIMIT_BYTES", 10**5)
    export(two_channels, tmp_path / "large.tif", "--what", "raw", "--channel", "0")
    with tifffile.TiffFile(tmp_path / "large.tif") as file:
        assert len(file.pages) == 1  # as ImageJ writes it: the planes simply follow
    file = open_tiff(tmp_path / "large.tif")
    np.testing.assert_array_equal(file.read(5 * 9 + 8), counts(StackIndex(time=5))[2, 2])
    file.close()


def test_raw_frames_are_the_counts_themselves(two_channels, tmp_path):
    export(two_channels, tmp_path / "raw.tif", "--what", "raw", "--time", "2", "--channel", "0")
    with tifffile.TiffFile(tmp_path / "raw.tif") as file:
        assert "cf" not in file.imagej_metadata
        stored = file.asarray()
    np.testing.assert_array_equal(stored, counts(StackIndex(time=2)).reshape(9, Y, X))


def test_widefield_is_the_mean_in_photo_electrons(two_channels, tmp_path):
    export(two_channels, tmp_path / "wide.ome.tif", "--what", "widefield", "--channel", "1")
    expected = (counts(StackIndex(time=4, channel=1)).mean(axis=(0, 1)) - 100) / 2
    stored = tifffile.imread(tmp_path / "wide.ome.tif")[4]
    np.testing.assert_allclose(stored, expected, rtol=1e-5)
    (found,) = from_tiff(tmp_path / "wide.ome.tif").images
    assert found.pixels.physical_size_x == PIXEL_NM / 1000


def test_the_brightest_along_z(stack, tmp_path):
    export(stack, tmp_path / "max.ome.tif", "--max-projection", "--z", "1:3")
    expected = wanted(range(3), zs=(1, 2))[:, 0].max(axis=1)
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "max.ome.tif"), expected)


def test_planes_that_are_left_out_change_the_distance(stack):
    with open_result(stack / RESULTS_NAME) as whole:
        scaled = replace(whole, layout=replace(whole.layout, z_step_nm=125.0))
        steps = {
            z: cuts(scaled, Ranges(z=z))[0].layout.z_step_nm for z in ("", "::2", "0,1,3", "2")
        }
        brightest = cuts(scaled, Ranges(), projected=True)[0].layout.z_step_nm
    assert steps == {"": 125.0, "::2": 250.0, "0,1,3": None, "2": None}
    assert brightest is None


def test_every_position_has_a_file(tmp_path):
    places = [place for p in (0, 1, 2) for place in times(2, position=p)]
    folder = record(tmp_path / "stream", places, positions=3)
    out = tmp_path / "out"
    out.mkdir()
    export(folder, out / "cells.ome.tif", "--position", "0,2")
    assert sorted(one.name for one in out.iterdir()) == [
        "cells-position-0.ome.tif",
        "cells-position-2.ome.tif",
    ]
    last = tifffile.imread(out / "cells-position-2.ome.tif")[1]
    np.testing.assert_array_equal(last, image(StackIndex(position=2, time=1)))


def test_what_grows_is_exported_as_far_as_it_is_there(tmp_path):
    recorder = open_results(tmp_path)
    for index in times(3):
        recorder.write(result(index))
    export(tmp_path, tmp_path / "so-far.ome.tif")
    recorder.write(result(StackIndex(time=3)))
    with open_result(tmp_path / "results.ome.zarr.partial") as whole:
        recorder.close()  # the folder gets its name while it is read
        found = whole.image(StackIndex(time=3))
    np.testing.assert_array_equal(found, image(StackIndex(time=3)))
    expected = wanted(range(3))[:, 0, 0]
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "so-far.ome.tif"), expected)


def test_a_raw_recording_may_end_while_it_is_read(tmp_path):
    folder = record(tmp_path / "stream", times(2))
    grown = (folder / "raw.zarr").rename(folder / "raw.zarr.partial")
    with open_raw(grown) as whole:
        grown.rename(folder / "raw.zarr")
        found = whole.image(StackIndex(time=1, z=4))
    np.testing.assert_array_equal(found, counts(StackIndex(time=1))[1, 1])


def test_lost_results_are_gaps(tmp_path):
    folder = record(tmp_path / "stream", [StackIndex(time=t) for t in (0, 3)])
    export(folder, tmp_path / "gap.ome.tif")
    values = tifffile.imread(tmp_path / "gap.ome.tif")
    assert np.isnan(values[1:3]).all()
    np.testing.assert_array_equal(values[3], image(StackIndex(time=3)))


def test_a_given_interval_wins(two_channels, tmp_path):
    export(two_channels, tmp_path / "slow.tif", "--interval", "60", "--channel", "0")
    with tifffile.TiffFile(tmp_path / "slow.tif") as file:
        found = file.imagej_metadata
    assert (found["finterval"], found["Labels"][2]) == (60, "0:02:00.000")


def test_memory_does_not_grow_with_the_recording(tmp_path):
    with open_results(tmp_path) as recorder:
        for index in times(35):
            recorder.write(result(index))
    export(tmp_path, tmp_path / "warm.ome.tif", "--time", "0")
    peaks = []
    for last in (5, 35):
        tracemalloc.start()
        export(tmp_path, tmp_path / f"{last}.ome.tif", "--time", f":{last}")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    image_bytes = 4 * (2 * Y) * (2 * X)
    assert peaks[1] - peaks[0] < 8 * image_bytes


def test_programs_are_told_the_progress(two_channels, tmp_path):
    said = export(two_channels, tmp_path / "a.ome.tif", "--channel", "0", "--json").stdout
    lines = [json.loads(line) for line in said.splitlines()]
    assert lines[:-1] == [{"done": n + 1, "total": 6} for n in range(6)]
    assert lines[-1] == {"wrote": [str(tmp_path / "a.ome.tif")], "notes": []}


@pytest.mark.parametrize(
    ("name", "flags", "error", "words"),
    [
        ("a.avi", (), SettingsError, r"a\.avi: expected a name that ends in one of \.ome\.tif"),
        ("a.tif", ("--time", "6:"), SettingsError, "--time 6:: expected places of 0 to 5"),
        ("a.tif", ("--time", "x"), SettingsError, "--time x: expected places such as"),
        ("a.tif", ("--channel", "2"), SettingsError, "--channel 2: expected places of 0 to 1"),
        ("a.tif", ("--what", "best"), SettingsError, "--what: expected one of result"),
        ("a.tif", ("--contrast", "5"), SettingsError, "expected black and white such as 0:500"),
        ("a.tif", ("--contrast", "5:2"), SettingsError, "expected white above black"),
        ("a.tif", ("--lut", "a,b,c"), SettingsError, "--lut a,b,c: expected 1 or 2 of them"),
        ("a.tif", ("--lut", "blue-ish"), SettingsError, "expected a colour table of grey"),
        ("a.tif", ("--beside", "widefield"), SettingsError, r"--beside: expected a movie"),
        ("a.ome.tif", ("--what", "raw"), SettingsError, r"--what raw: expected --out NAME\.tif"),
        ("no/a.tif", (), DataError, "expected an existing folder to write to"),
        ("there.tif", (), DataError, "expected a new name, found that it exists already"),
    ],
)
def test_what_cannot_be_is_refused_in_words(two_channels, tmp_path, name, flags, error, words):
    (tmp_path / "there.tif").write_bytes(b"mine")
    with pytest.raises(error, match=words):
        export(two_channels, tmp_path / name, *flags)
    assert [one.name for one in tmp_path.iterdir()] == ["there.tif"]
    assert (tmp_path / "there.tif").read_bytes() == b"mine"


def test_what_is_not_there_is_said_with_what_makes_it(two_channels, tmp_path):
    restored = record(tmp_path / "stream-001", times(1), steps=("one", "reconstruct"))
    with pytest.raises(DataError, match=r"livesim restore .*raw\.zarr --steps reconstruct"):
        export(restored, tmp_path / "a.tif", "--what", "plain")
    with pytest.raises(DataError, match=r"found a folder of 1: give one of them, such as"):
        export(tmp_path, tmp_path / "a.tif")
    with pytest.raises(DataError, match="expected a recording, found nothing there"):
        export(tmp_path / "none", tmp_path / "a.tif")
    tifffile.imwrite(tmp_path / "foreign.tif", np.zeros((4, 4), np.float32))
    with pytest.raises(DataError, match="expected a livesim recipe"):
        export(tmp_path / "foreign.tif", tmp_path / "a.tif")


@pytest.mark.parametrize("name", ["a.tif", "a.ome.tif", "a.ome.zarr", "a.mp4"])
def test_an_interrupt_leaves_nothing(two_channels, tmp_path, name, monkeypatch):
    def interrupt(**values):
        if values["done"] == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr("livesim.commands.progress.print_json", interrupt)
    assert export(two_channels, tmp_path / name, "--json").exit_code == 130
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", [RESULTS_NAME, f"{RESULTS_NAME}/part.ome.tif"])
def test_what_is_exported_is_not_written_over(two_channels, name):
    before = sorted(path.name for path in two_channels.rglob("*"))
    with pytest.raises(SettingsError, match="expected another name than the recording's own"):
        export_recording(
            ExportRequest(
                two_channels, two_channels / name, MovieRequest(LookRequest()), overwrite=True
            )
        )
    assert sorted(path.name for path in two_channels.rglob("*")) == before
