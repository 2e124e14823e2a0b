"""What a viewer is shown of a path: the frames and images that lie there, at their places."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
import yaml

import livesim.plugins.napari
from livesim.io.recording_files import RAW_NAME, RESULTS_NAME
from livesim.plugins.fiji import MACRO
from livesim.plugins.layers import layers_of
from livesim.plugins.look import contrast
from livesim.plugins.napari.reader import KNOWN, reader_of
from livesim.values.errors import DataError
from livesim.values.frames import StackIndex
from tests.support.recorded import PIXEL_NM, SETTINGS, X, Y, counts, image, record, times

MANIFEST = Path(livesim.plugins.napari.__file__).with_name("napari.yaml")
SHAPE = (2, 2, 3, 3, 3, 16, 20)
TOML = """
[optics]
numerical_aperture = 1.4
emission_nm = 520.0
pixel_nm = 80.0
[pattern]
order = ["phase", "angle", "z"]
"""


@pytest.fixture(scope="module")
def stream(tmp_path_factory):
    """An engine's folder of three times, the second of which is missing."""
    first, _, last = times(3)
    return record(tmp_path_factory.mktemp("recorded") / "stream-001", [first, last])


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """An engine's folder of two times."""
    return record(tmp_path_factory.mktemp("recorded") / "stream-001", times(2))


@pytest.fixture(scope="module")
def colours(tmp_path_factory):
    """A TIFF [t, c, z, angle, phase, y, x], and what is in it."""
    folder = tmp_path_factory.mktemp("colours")
    values = np.random.default_rng(0).integers(0, 4000, SHAPE).astype(np.uint16)
    pages = values.reshape(SHAPE[0], SHAPE[1], SHAPE[2] * 9, *SHAPE[-2:])
    names = {"axes": "TCZYX", "Channel": {"Name": ["actin", "membrane"]}}
    tifffile.imwrite(folder / "cells.ome.tif", pages, ome=True, metadata=names)
    (folder / "cells.toml").write_text(TOML)
    return folder / "cells.ome.tif", values


def test_a_stream_is_its_frames_and_its_results(stream):
    with pytest.warns(UserWarning, match="found none in 1; the 2 whole ones are used"):
        raw, result = layers_of(stream)
    assert (raw.name, result.name) == ("raw raw", "results")
    assert raw.data.dims == ("angle", "phase", "t", "z", "y", "x")
    assert result.data.dims == raw.data.dims[2:]
    assert raw.data.shape == (3, 3, 3, 1, Y, X)
    assert result.data.shape == (3, 1, 2 * Y, 2 * X)
    assert raw.scale[-2:] == pytest.approx((PIXEL_NM / 1000,) * 2)
    assert result.scale[-2:] == pytest.approx((PIXEL_NM / 2000,) * 2)
    for t in (0, 2):
        index = StackIndex(time=t)
        assert np.array_equal(raw.data[:, :, t, 0], counts(index))
        assert np.array_equal(result.data[t, 0], image(index))
    assert not np.asarray(raw.data[:, :, 1]).any()
    assert np.isnan(result.data[1]).all()


@pytest.mark.parametrize(
    "index", [..., (1, 2, 0, 1), (slice(2, 0, -1), -1), (0, ..., slice(2, 9), 5), (2, slice(1, 1))]
)
def test_channels_are_layers_that_are_indexed_as_numpy_indexes(colours, index):
    path, values = colours
    layers = layers_of(path)
    assert [layer.name for layer in layers] == ["cells raw, actin", "cells raw, membrane"]
    for channel, layer in enumerate(layers):
        expected = values[:, channel].transpose(2, 3, 0, 1, 4, 5)
        assert np.array_equal(layer.data[index], expected[index])
    assert np.array_equal(np.asarray(layers[1].data), values[:, 1].transpose(2, 3, 0, 1, 4, 5))


def test_napari_gets_layers_with_what_can_be_restored(whole):
    read = reader_of(str(whole))
    (data, options, kind), (_, result, _) = read(str(whole))
    assert (kind, data.shape[2:4]) == ("image", (2, 1))
    assert options["axis_labels"] == data.dims
    assert options["metadata"][KNOWN].settings.optics == SETTINGS.optics
    assert result["metadata"][KNOWN] is None
    low, high = options["contrast_limits"]
    first = counts(StackIndex())[0, 0]
    assert first.min() <= low < np.median(first) < high <= first.max()


def test_what_livesim_does_not_know_is_left_to_others(colours, tmp_path):
    path, _ = colours
    assert reader_of(str(path)) is not None
    assert reader_of([str(path), str(path)]) is not None
    assert reader_of(str(path.with_name("gone.ome.tif"))) is None
    alone = tmp_path / "alone.ome.tif"
    alone.write_bytes(path.read_bytes())
    assert reader_of(str(alone)) is None
    (tmp_path / "settings.toml").write_text(TOML)
    assert reader_of(str(alone)) is not None
    tifffile.imwrite(tmp_path / "mask.tif", np.zeros((5, 16, 16), np.uint8))
    assert reader_of(str(tmp_path / "mask.tif")) is None
    assert reader_of([str(path), str(tmp_path / "mask.tif")]) is None
    assert reader_of(str(tmp_path)) is None


def test_settings_with_the_name_of_a_recording_have_to_fit_it(tmp_path):
    tifffile.imwrite(tmp_path / "cells.tif", np.zeros((5, 16, 16), np.uint8))
    (tmp_path / "cells.toml").write_text(TOML)
    path = str(tmp_path / "cells.tif")
    read = reader_of(path)
    with pytest.raises(DataError, match=r"cells.tif: expected"):
        read(path)


@pytest.mark.parametrize("name", [RAW_NAME, RESULTS_NAME])
def test_the_parts_of_a_stream_are_opened_for_themselves(whole, name):
    (layer,) = layers_of(whole / name)
    assert (layer.raw is None) == (name == RESULTS_NAME)


def test_nothing_that_is_only_there_for_others_is_loaded_to_look_at_a_path():
    check = "import livesim.plugins.napari.reader, sys; print(*sys.modules)"
    command = [sys.executable, "-c", check]
    loaded = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    assert {"torch", "qtpy", "napari", "magicgui", "ndv"}.isdisjoint(loaded.stdout.split())


def test_the_manifest_names_what_there_is():
    stated = yaml.safe_load(MANIFEST.read_text(encoding="utf-8"))
    assert stated["name"] == "livesim"
    commands = {one["id"]: one["python_name"] for one in stated["contributions"]["commands"]}
    for python_name in commands.values():
        module, _, name = python_name.partition(":")
        file = Path(livesim.__file__).parents[1].joinpath(*module.split(".")).with_suffix(".py")
        assert f" {name}(" in file.read_text(encoding="utf-8")  # widgets need napari to be loaded
    used = [stated["contributions"][kind] for kind in ("readers", "widgets")]
    assert {one["command"] for kind in used for one in kind} == set(commands)


def test_contrast_leaves_out_what_is_not_a_number_and_is_never_empty():
    values = np.append(np.arange(1001.0), [np.nan] * 9000)
    assert contrast(values) == pytest.approx((10.0, 999.0))
    assert contrast(np.full((4, 4), np.nan)) == (0.0, 1.0)
    assert contrast(np.full((4, 4), 7)) == (7.0, 8.0)


def test_the_macro_knows_an_export_by_the_recipe_in_its_info():
    assert 'indexOf(getMetadata("Info"), "livesim-recipe/1")' in MACRO.read_text(encoding="utf-8")
