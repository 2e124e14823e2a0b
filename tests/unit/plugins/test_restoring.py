"""Layers restored one raw stack after the other: the pixels, their places, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

import livesim
from livesim.commands.simulate.files import simulate_files
from livesim.config.settings import SettingsError
from livesim.plugins.layers import layers_of
from livesim.plugins.raw import Raw, raw_of
from livesim.plugins.restoring import Restoring
from livesim.values.errors import DataError
from tests.support.recorded import record, times
from tests.support.simulations import settings

PLAIN = "reconstruct"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Three time points of a simulated microscope, in a folder with their settings and pattern."""
    folder = tmp_path_factory.mktemp("run") / "cells"
    simulate_files(settings(time_points=3, peak_photons=500.0), folder)
    return folder


@pytest.fixture(scope="module")
def recording(run):
    with livesim.open(run / "raw.ome.tif", livesim.Settings.load(run / "raw.toml")) as opened:
        yield opened


@pytest.fixture(scope="module")
def expected(recording):
    """What the public function makes of all of it, [t, 2 y, 2 x]."""
    return livesim.restore(recording, recording.settings, plain=True)[:, 0, 0]


def test_the_images_are_those_of_restore_in_the_layers_own_places(run, expected):
    (layer,) = layers_of(run / "raw.ome.tif")
    restoring = Restoring(layer.raw, PLAIN)
    made = list(restoring)
    assert [(one.place, one.done, one.total) for one in made] == [
        ((t, 0), t + 1, 3) for t in range(3)
    ]
    assert all(np.array_equal(one.image, expected[one.place[0]]) for one in made)
    place = restoring.place(layer.scale, (0.0,) * 6)
    assert place.shape == (3, 1, *expected.shape[1:])
    assert place.scale == (1.0, 1.0, 0.04, 0.04)


@pytest.mark.parametrize("shape", ["t, frames", "all frames", "t, angle, phase"])
def test_any_array_is_restored_and_lies_over_its_frames(shape, recording, expected):
    stacks = np.asarray(recording)[:, 0, 0]
    y, x = stacks.shape[-2:]
    axes = {"t, frames": (3, 9), "all frames": (27,), "t, angle, phase": (3, 3, 3)}[shape]
    restoring = Restoring(Raw(stacks.reshape(*axes, y, x), recording.settings), PLAIN)
    assert restoring.leading == (3,)
    assert all(np.array_equal(one.image, expected[one.place]) for one in restoring)
    place = restoring.place((*(2.0,) * len(axes), 0.5, 0.5), (*(1.0,) * len(axes), 3.0, 4.0))
    assert (place.scale[-2:], place.translate[-2:]) == ((0.25, 0.25), (3.0, 4.0))
    images = np.arange(3).repeat(4 * y * x).reshape(place.shape)
    for number in range(27):  # every raw frame shows the image of its own stack
        at = 1.0 + 2.0 * np.array(np.unravel_index(number, axes))
        pairs = zip(at, place.translate, place.scale, strict=False)
        found = tuple(round((one - shift) / step) for one, shift, step in pairs)
        assert images[found].flat[0] == number // 9
        restoring.choose((*np.unravel_index(number, axes), 0, 0))
        assert (len(restoring), next(iter(restoring._places[restoring._chosen]))) == (
            1,
            number // 9,
        )


def test_a_stopped_restoring_computes_nothing_more(run, monkeypatch):
    (layer,) = layers_of(run / "raw.ome.tif")
    read = []
    part = type(layer.raw.stacks).part
    monkeypatch.setattr(
        type(layer.raw.stacks), "part", lambda self, chosen: read.append(1) or part(self, chosen)
    )
    images = iter(Restoring(layer.raw, PLAIN))
    next(images)
    before = len(read)
    images.close()
    assert len(read) == before
    assert list(images) == []


def test_the_standard_deviation_comes_along_where_it_is_wanted(run, recording):
    (layer,) = layers_of(run / "raw.ome.tif")
    restoring = Restoring(layer.raw, PLAIN, error=True)
    restoring.choose((0, 0, 1.3, 0.2, 5, 5))
    (made,) = restoring
    whole = livesim.restore(recording[1, 0, 0], recording.settings, plain=True, everything=True)
    assert (made.place, made.error.shape) == ((1, 0), made.image.shape)
    assert float(made.error.min()) > 0.0
    assert made.error.shape == whole.error.shape


def test_a_raw_stack_with_a_missing_frame_is_left_out_and_refused_alone(tmp_path):
    first, _, last = times(3)
    folder = record(tmp_path / "stream-001", [first, last])
    with pytest.warns(UserWarning, match="the 2 whole ones are used"):
        raw, _ = layers_of(folder)
    restoring = Restoring(raw.raw, PLAIN)
    assert (restoring.leading, len(restoring)) == ((3, 1), 2)
    restoring.choose((0, 0, 2, 0, 0, 0))
    assert len(restoring) == 1
    with pytest.raises(DataError, match=r"the raw stack at \(1, 0\), found some missing"):
        restoring.choose((0, 0, 1, 0, 0, 0))


def test_a_pattern_file_is_used_instead_of_an_estimate(run, recording):
    (layer,) = layers_of(run / "raw.ome.tif")
    raw = raw_of(layer.data, layer.raw, None, run / "pattern.json")
    restoring = Restoring(raw, PLAIN)
    restoring.choose((0, 0, 0, 0, 0, 0))
    (made,) = restoring
    truth = livesim.restore(
        recording[0, 0, 0], recording.settings, run / "pattern.json", plain=True
    )
    assert np.array_equal(made.image, truth)


def test_settings_are_needed_and_win_over_those_that_are_known(run, recording, tmp_path):
    (layer,) = layers_of(run / "raw.ome.tif")
    with pytest.raises(SettingsError, match="expected a settings file for a layer that livesim"):
        raw_of(np.zeros((9, 16, 16)), None, None, None)
    other = tmp_path / "other.toml"
    other.write_text("[optics]\nnumerical_aperture = 1.2\nemission_nm = 600.0\n")
    known = raw_of(layer.data, layer.raw, other, None).settings.optics
    assert (known.numerical_aperture, known.pixel_nm) == (1.2, 80.0)
    foreign = raw_of(np.zeros((9, 16, 16)), None, other, None)
    assert foreign.settings.optics.pixel_nm is None


def test_planes_of_volumes_are_not_taken_one_by_one(recording):
    values = recording.settings.model_dump(mode="json", exclude_none=True)
    pattern = {"angles": 3, "phases": 5, "harmonics": 2}
    own = livesim.Settings.model_validate(values | {"pattern": pattern, "volumes": {}})
    stack = np.random.default_rng(0).integers(100, 900, (15, 64, 48)).astype(np.uint16)
    with pytest.raises(ValueError, match=r"expected settings without \[volumes\]"):
        list(Restoring(Raw(stack, own), PLAIN))
