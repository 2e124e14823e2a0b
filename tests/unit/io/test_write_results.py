import math
from pathlib import Path

import numpy as np
import ome_types
import pytest
import tifffile
import yaozarrs
import zarr
from ome_zarr.io import parse_url
from ome_zarr.reader import Reader

from livesim.config.settings import Settings, SettingsError
from livesim.io.recipe import Recipe
from livesim.io.write import ome_tiff
from livesim.io.write.ome_zarr import OmeZarr
from livesim.io.write.output_layout import OutputLayout
from livesim.io.write.results import check_target, open_writer, read_recipe
from livesim.values.errors import DataError
from livesim.values.frames import StackIndex
from livesim.values.pattern import Pattern, PatternAngle

RECIPE = Recipe(
    settings=Settings.model_validate({"optics": {"numerical_aperture": 1.4, "emission_nm": 525}}),
    pattern=Pattern(80.0, (3, 4), (PatternAngle((3.0, 4.0), (0.0, 2.0, 4.0), (0.8,)),)),
    steps=("reconstruct",),
    warnings=('braces {0} and <tags> & "quotes" µ',),
)
LAYOUT = OutputLayout(
    y=6,
    x=8,
    pixel_nm=40.0,
    time=3,
    channel=2,
    z=4,
    z_step_nm=125.0,
    interval_s=0.5,
    channel_names=("GFP", "mCherry <µ>"),
)
ONE = OutputLayout(y=6, x=8, pixel_nm=40.0)
POSITIONS = OutputLayout(y=6, x=8, pixel_nm=40.0, time=2, z=3, position=2)
BOTH = pytest.mark.parametrize("suffix", [".ome.tif", ".ome.zarr"])


def image_of(place):
    """Every pixel of every plane differs from every other."""
    plane = np.dot(place, (1000, 100, 10, 1))
    return (np.arange(48, dtype=np.float32).reshape(6, 8) / 64 + plane - 5).astype(np.float32)


def write_all(path, layout, *, places=None, **options):
    with open_writer(path, layout, RECIPE, **options) as writer:
        for place in list(np.ndindex(layout.sizes)) if places is None else places:
            writer.write(StackIndex(*place), image_of(place))


def expected(layout):
    stack = np.stack([image_of(place) for place in np.ndindex(layout.sizes)])
    return stack.reshape(layout.position, *layout.image_shape)


def read(path, layout):
    """Return [position, t, c, z, y, x] as an independent reader sees it."""
    if path.suffix == ".zarr":
        root = zarr.open_group(path, mode="r")
        names = ["0"] if layout.position == 1 else [f"{p}/0" for p in range(layout.position)]
        return np.stack([np.asarray(root[name][:]) for name in names])
    with tifffile.TiffFile(path) as file:
        assert len(file.series) == layout.position
        images = np.stack([series.asarray() for series in file.series])
    return images.reshape(layout.position, *layout.image_shape)


@BOTH
@pytest.mark.parametrize("layout", [LAYOUT, ONE, POSITIONS], ids=["TCZ", "one plane", "positions"])
def test_pixels_come_back_in_their_places(tmp_path, suffix, layout):
    path = tmp_path / f"result{suffix}"
    write_all(path, layout)
    found = read(path, layout)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, expected(layout))
    assert list(tmp_path.iterdir()) == [path]


@BOTH
def test_the_order_of_writes_is_free(tmp_path, suffix):
    path = tmp_path / f"result{suffix}"
    write_all(path, LAYOUT, places=list(np.ndindex(LAYOUT.sizes))[::-1])
    np.testing.assert_array_equal(read(path, LAYOUT), expected(LAYOUT))


@BOTH
@pytest.mark.parametrize("layout", [LAYOUT, POSITIONS], ids=["one", "positions"])
def test_the_recipe_is_inside(tmp_path, suffix, layout):
    path = tmp_path / f"result{suffix}"
    write_all(path, layout)
    assert read_recipe(path).to_json() == RECIPE.to_json()


@pytest.mark.parametrize("layout", [LAYOUT, ONE, POSITIONS], ids=["TCZ", "one plane", "positions"])
def test_the_ome_xml_is_valid(tmp_path, layout):
    path = tmp_path / "result.ome.tif"
    write_all(path, layout)
    xml = tifffile.tiffcomment(path)
    ome_types.validate_xml(xml)
    ome = ome_types.from_tiff(path)
    assert len(ome.images) == layout.position
    for position, image in enumerate(ome.images):
        pixels = image.pixels
        sizes = (pixels.size_t, pixels.size_c, pixels.size_z, pixels.size_y, pixels.size_x)
        assert sizes == layout.image_shape
        assert pixels.dimension_order.value == "XYZCT"
        assert pixels.type.value == "float"
        assert pixels.tiff_data_blocks[0].ifd == position * math.prod(layout.sizes[1:])
        assert (pixels.physical_size_x, pixels.physical_size_y) == (0.04, 0.04)
        assert pixels.physical_size_x_unit.value == "µm"


def test_scales_and_names_are_in_the_ome_xml(tmp_path):
    path = tmp_path / "result.ome.tif"
    write_all(path, LAYOUT)
    pixels = ome_types.from_tiff(path).images[0].pixels
    assert (pixels.physical_size_z, pixels.physical_size_z_unit.value) == (0.125, "µm")
    assert (pixels.time_increment, pixels.time_increment_unit.value) == (0.5, "s")
    assert tuple(channel.name for channel in pixels.channels) == LAYOUT.channel_names


def test_an_unknown_scale_is_not_made_up(tmp_path):
    path = tmp_path / "result.ome.tif"
    write_all(path, ONE)
    pixels = ome_types.from_tiff(path).images[0].pixels
    assert pixels.physical_size_z is None
    assert pixels.time_increment is None


def test_a_small_file_is_one_that_every_program_reads(tmp_path):
    path = tmp_path / "result.ome.tif"
    write_all(path, ONE)
    with tifffile.TiffFile(path) as file:
        assert not file.is_bigtiff


def test_a_large_file_is_a_bigtiff(tmp_path, monkeypatch):
    monkeypatch.setattr(ome_tiff, "CLASSIC_LIMIT_BYTES", 1000)
    path = tmp_path / "result.ome.tif"
    write_all(path, POSITIONS)
    with tifffile.TiffFile(path) as file:
        assert file.is_bigtiff
    np.testing.assert_array_equal(read(path, POSITIONS), expected(POSITIONS))


def test_a_result_beyond_four_gigabytes_comes_back(tmp_path):
    """Laid out whole, the file is sparse: only its last plane takes room on the disk."""
    layout = OutputLayout(y=2048, x=2048, pixel_nm=40.0, time=257)
    last = np.arange(2048 * 2048, dtype=np.float32).reshape(2048, 2048)
    path = tmp_path / "result.ome.tif"
    file = ome_tiff.OmeTiff(path, layout, RECIPE, path.name)
    file.put(StackIndex(time=256), last)
    file.close()
    assert path.stat().st_size > 2**32
    np.testing.assert_array_equal(tifffile.imread(path, key=256), last)


def test_ome_zarr_reads_axes_scales_and_channels(tmp_path):
    path = tmp_path / "result.ome.zarr"
    write_all(path, LAYOUT)
    (node,) = Reader(parse_url(path))()
    np.testing.assert_array_equal(np.asarray(node.data[0]), expected(LAYOUT)[0])
    axes = node.metadata["axes"]
    assert [axis["name"] for axis in axes] == ["t", "c", "z", "y", "x"]
    assert [axis.get("unit") for axis in axes] == ["second", None, *["micrometer"] * 3]
    (transform,) = node.metadata["coordinateTransformations"][0]
    assert transform == {"type": "scale", "scale": [0.5, 1.0, 0.125, 0.04, 0.04]}
    assert node.metadata["channel_names"] == list(LAYOUT.channel_names)
    for low, high in node.metadata["contrast_limits"]:
        assert expected(LAYOUT).min() <= low < high <= expected(LAYOUT).max()


def test_one_channel_is_grey_and_several_have_colours(tmp_path):
    colours = []
    for layout in (ONE, LAYOUT):
        path = tmp_path / f"{layout.channel}.ome.zarr"
        write_all(path, layout)
        channels = zarr.open_group(path, mode="r").attrs["ome"]["omero"]["channels"]
        assert all(channel["active"] for channel in channels)
        colours.append([channel["color"] for channel in channels])
    assert colours == [["FFFFFF"], ["00FF00", "FF00FF"]]  # green and magenta: seen by all eyes


@pytest.mark.parametrize("layout", [LAYOUT, ONE, POSITIONS], ids=["TCZ", "one plane", "positions"])
def test_the_zarr_is_valid(tmp_path, layout):
    path = tmp_path / "result.ome.zarr"
    write_all(path, layout)
    yaozarrs.validate_zarr_store(path)
    image = zarr.open_array(path / ("0" if layout.position == 1 else "1/0"), mode="r")
    assert image.metadata.zarr_format == 3
    assert image.metadata.dimension_names == ("t", "c", "z", "y", "x")


def test_the_window_of_a_channel_spares_lone_pixels_and_shows_small_things(tmp_path):
    """A hot and a cold pixel do not darken all others; a hundredth of the picture counts."""
    image = np.zeros((400, 400), np.float32)
    image[:8, :200], image[8:16, :200] = -50.0, 70.0  # a hundredth of it each
    image[200, 200], image[208, 200] = -1e6, 1e6
    layout = OutputLayout(y=400, x=400, pixel_nm=40.0)
    path = tmp_path / "result.ome.zarr"
    with open_writer(path, layout, RECIPE) as writer:
        writer.write(StackIndex(), image)
    (channel,) = zarr.open_group(path, mode="r").attrs["ome"]["omero"]["channels"]
    window = channel["window"]
    assert (window["start"], window["end"]) == pytest.approx((-50.0, 70.0))


@BOTH
def test_planes_never_written_are_nan_and_named(tmp_path, suffix):
    path = tmp_path / f"result{suffix}"
    places = list(np.ndindex(POSITIONS.sizes))
    write_all(path, POSITIONS, places=places[:7] + places[8:])
    found = read(path, POSITIONS)
    missing = np.isnan(found)
    assert missing[places[7]].all()
    assert missing.sum() == 48
    np.testing.assert_array_equal(found[~missing], expected(POSITIONS)[~missing])
    warning = "1 of 12 planes hold no result (NaN), first: position 1, time 0, channel 0, z 1"
    assert read_recipe(path).warnings == (*RECIPE.warnings, warning)
    if suffix == ".ome.tif":
        ome_types.validate_xml(tifffile.tiffcomment(path))


@BOTH
@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, DataError])
def test_an_interrupted_write_leaves_nothing(tmp_path, suffix, error):
    def interrupted():
        with open_writer(tmp_path / f"result{suffix}", LAYOUT, RECIPE) as writer:
            writer.write(StackIndex(), image_of((0, 0, 0, 0)))
            (partial,) = tmp_path.iterdir()
            assert partial.name.endswith(".partial")
            raise error

    with pytest.raises(error):
        interrupted()
    assert list(tmp_path.iterdir()) == []


@BOTH
def test_a_failed_start_leaves_nothing(tmp_path, suffix, monkeypatch):
    def fail(*_, **__):
        raise OSError("no space left on device")

    monkeypatch.setattr(tifffile.TiffWriter, "write", fail)
    monkeypatch.setattr(zarr.Group, "create_array", fail)
    with pytest.raises(DataError, match="expected that it can be written, found no space"):
        open_writer(tmp_path / f"result{suffix}", LAYOUT, RECIPE)
    assert list(tmp_path.iterdir()) == []


@BOTH
def test_an_existing_result_is_kept(tmp_path, suffix):
    path = tmp_path / f"result{suffix}"
    write_all(path, ONE)
    for refuses in (check_target, lambda path: open_writer(path, LAYOUT, RECIPE)):
        with pytest.raises(DataError, match="exists already"):
            refuses(path)
    with pytest.raises(RuntimeError), open_writer(path, LAYOUT, RECIPE, overwrite=True):
        raise RuntimeError
    np.testing.assert_array_equal(read(path, ONE), expected(ONE))


@BOTH
def test_overwriting_replaces_the_whole(tmp_path, suffix):
    path = tmp_path / f"result{suffix}"
    write_all(path, ONE)
    write_all(path, POSITIONS, overwrite=True)
    np.testing.assert_array_equal(read(path, POSITIONS), expected(POSITIONS))
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("suffix", [".ome.tif", ".ome.zarr"])
def test_overwriting_replaces_what_is_of_another_kind(tmp_path, suffix):
    """A file that has a Zarr's name, and a Zarr that has a file's."""
    path = tmp_path / f"result{suffix}"
    if suffix == ".ome.zarr":
        path.write_text("no Zarr")
    else:
        write_all(tmp_path / "other.zarr", ONE)
        (tmp_path / "other.zarr").rename(path)
    write_all(path, ONE, overwrite=True)
    np.testing.assert_array_equal(read(path, ONE), expected(ONE))
    assert list(tmp_path.iterdir()) == [path]


def test_a_replacement_that_fails_leaves_the_old(tmp_path, monkeypatch):
    replace = Path.replace
    path = tmp_path / "result.ome.zarr"

    def fail(source, target):
        if target == path:
            raise OSError("no permission")
        return replace(source, target)

    write_all(path, ONE)
    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", fail)
        with pytest.raises(DataError, match="found no permission"):
            write_all(path, ONE, places=[], overwrite=True)
    np.testing.assert_array_equal(read(path, ONE), expected(ONE))
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_no_zarr_is_not_overwritten(tmp_path):
    path = tmp_path / "data.zarr"
    path.mkdir()
    (path / "thesis.tex").touch()
    with pytest.raises(DataError, match="expected a Zarr to overwrite"):
        open_writer(path, ONE, RECIPE, overwrite=True)
    assert (path / "thesis.tex").exists()


@pytest.mark.parametrize("name", ["result.png", "result", "result.nd2"])
def test_another_suffix_is_refused(tmp_path, name):
    with pytest.raises(SettingsError, match=rf"one of \.ome\.tif, .*\.zarr, found {name}"):
        open_writer(tmp_path / name, ONE, RECIPE)


@BOTH
def test_a_missing_folder_is_named(tmp_path, suffix):
    with pytest.raises(DataError, match="expected an existing folder"):
        open_writer(tmp_path / "nowhere" / f"result{suffix}", ONE, RECIPE)


@BOTH
@pytest.mark.parametrize(
    ("index", "shape", "message"),
    [
        (StackIndex(time=3), (6, 8), "expected time < 3, found 3"),
        (StackIndex(position=1), (6, 8), "expected position < 1, found 1"),
        (StackIndex(), (8, 6), r"expected an image of \(6, 8\), found \(8, 6\)"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path, suffix, index, shape, message):
    with (
        pytest.raises(ValueError, match=message),
        open_writer(tmp_path / f"result{suffix}", LAYOUT, RECIPE) as writer,
    ):
        writer.write(index, np.zeros(shape, np.float32))


def test_an_image_of_another_size_is_put_into_no_zarr(tmp_path):
    writer = OmeZarr(tmp_path / "result.zarr", LAYOUT, RECIPE, "result.zarr")
    with pytest.raises(ValueError, match=r"expected an image of \(6, 8\), found \(8, 6\)"):
        writer.put(StackIndex(), np.zeros((8, 6), np.float32))


@pytest.mark.parametrize(
    "wrong",
    [{"time": 0}, {"pixel_nm": 0.0}, {"interval_s": math.nan}, {"channel_names": ("a", "b")}],
)
def test_a_wrong_layout_is_refused(wrong):
    with pytest.raises(ValueError, match="expected"):
        OutputLayout(**({"y": 6, "x": 8, "pixel_nm": 40.0} | wrong))


@pytest.mark.parametrize("name", ["none.ome.tif", "none.ome.zarr", "text.tif", "plain.tif"])
def test_a_file_without_recipe_is_named(tmp_path: Path, name):
    (tmp_path / "text.tif").write_text("text")
    tifffile.imwrite(tmp_path / "plain.tif", np.zeros((4, 4), np.float32))
    with pytest.raises(DataError, match=f"{name}: expected"):
        read_recipe(tmp_path / name)
