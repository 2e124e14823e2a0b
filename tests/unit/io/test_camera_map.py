"""The map of a camera's pixels: read, refused where it is none, and applied exactly once."""

from dataclasses import replace

import numpy as np
import pytest
import tifffile
import torch

from livesim.config.settings import Camera, Settings, SettingsError, parse_settings
from livesim.io.camera_map import camera_map
from livesim.pipeline.build import doctor_for
from livesim.pipeline.calibration import calibrate
from livesim.pipeline.defects import equalised
from livesim.pipeline.pipeline import ReconstructionPipeline
from livesim.values.errors import DataError
from livesim.values.frames import RawStack, StackIndex
from tests.support.scenes import PLAIN, simulate

SHAPE = (64, 72)


@pytest.fixture
def pages():
    random = np.random.default_rng(1)
    offset = random.normal(120.0, 6.0, SHAPE)
    offset[30, 40] += 3000.0  # a hot pixel that is known
    return np.stack([offset, random.normal(2.0, 0.2, SHAPE)]).astype(np.float32)


@pytest.fixture
def path(tmp_path, pages):
    tifffile.imwrite(tmp_path / "camera.tif", pages, photometric="minisblack")
    return tmp_path / "camera.tif"


def test_counts_become_those_of_equal_pixels(path, pages):
    photons = np.random.default_rng(2).uniform(0.0, 500.0, (2, *SHAPE))
    counts = photons * pages[1] + pages[0]
    known = camera_map(Camera(offset=100.0, gain=3.0, map=path))
    np.testing.assert_allclose(known.equalised(counts), 3.0 * photons + 100.0, rtol=1e-4)
    assert camera_map(Camera()) is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda pages: pages[:1], "expected two or three pages"),
        (lambda pages: np.concatenate([pages] * 2), "expected two or three pages"),
        (lambda pages: pages * [[[1.0]], [[-1.0]]], "gains above 0"),
        (lambda pages: np.where(pages == pages[0, 3, 3], np.nan, pages), "finite numbers"),
    ],
)
def test_what_is_no_map_is_refused(path, pages, change, words):
    tifffile.imwrite(path, change(pages).astype(np.float32), photometric="minisblack")
    with pytest.raises(DataError, match=words):
        camera_map(Camera(map=path))


@pytest.fixture
def three(pages):
    variance = 4.0 * np.random.default_rng(3).lognormal(0.0, 1.2, SHAPE)
    return dict(zip("ogv", (*pages, variance.astype(np.float32)), strict=True))


@pytest.mark.parametrize("order", ["ovg", "gov", "gvo", "vgo", "vog"])
def test_pages_in_another_order_are_refused(path, three, order):
    tifffile.imwrite(path, np.stack([three[one] for one in order]), photometric="minisblack")
    with pytest.raises(
        DataError, match=r"expected .* found .* offset, gain and variance, in this order"
    ):
        camera_map(Camera(offset=120.0, gain=2.0, map=path))


def test_pages_in_order_are_taken_whatever_the_settings_leave_open(path, three):
    tifffile.imwrite(path, np.stack([three[one] for one in "ogv"]), photometric="minisblack")
    for camera in (Camera(map=path), Camera(offset=100.0, gain=1.5, map=path)):
        expected = np.sqrt(three["v"]) / three["g"]
        np.testing.assert_allclose(camera_map(camera).read_noise, expected, rtol=1e-5)


def test_variances_below_zero_are_refused(path, three):
    pages = np.stack([three["o"], three["g"], three["v"] - 3.0])
    tifffile.imwrite(path, pages, photometric="minisblack")
    with pytest.raises(DataError, match="variances of 0 or more on page 3, found -"):
        camera_map(Camera(map=path))


def test_a_file_that_is_missing_or_of_another_size_is_named(tmp_path, path):
    with pytest.raises(DataError, match=r"none.tif: expected a TIFF .* map says, found no"):
        camera_map(Camera(map=tmp_path / "none.tif"))
    with pytest.raises(DataError, match=r"camera.tif: expected a map of \(y, x\) = \(8, 8\)"):
        camera_map(Camera(map=path)).equalised(np.zeros((3, 8, 8), np.uint16))


def test_the_path_is_relative_to_the_settings(tmp_path):
    optics = {"numerical_aperture": 1.2, "emission_nm": 525.0}
    values = {"optics": optics, "camera": {"map": "maps/a.tif"}}
    assert parse_settings(values, "test", tmp_path).camera.map == tmp_path / "maps" / "a.tif"
    with pytest.raises(SettingsError, match=r"camera\.map"):
        parse_settings({"optics": optics, "camera": {"map": 3}}, "test")


def test_an_uneven_camera_with_its_map_gives_the_images_of_an_even_one(path, pages):
    scene = simulate(4, SHAPE, peak=800.0)
    light = np.random.default_rng(3).poisson(scene.expected.numpy())
    index = StackIndex()
    even = RawStack("s", index, np.rint(light + 100.0).astype(np.uint16))
    uneven = RawStack("s", index, np.rint(light * pages[1] + pages[0]).astype(np.uint16))
    plain = Settings(optics=scene.optics, camera=Camera(offset=100.0), steps=PLAIN)
    mapped = plain.model_copy(update={"camera": Camera(offset=100.0, map=path)})
    right, found = calibrate([even], plain), calibrate([uneven], mapped)
    assert found.defects == ()
    assert calibrate([uneven], plain).defects == ((30, 40),)
    assert found.levels.high == pytest.approx(right.levels.high, rel=0.01)
    images = [
        ReconstructionPipeline(settings, right)(stack).image
        for settings, stack in ((plain, even), (mapped, uneven), (plain, uneven))
    ]
    off = [float(np.abs(one - images[0]).mean()) for one in images[1:]]
    assert off[0] < 0.02 * off[1]
    (once,) = equalised([uneven], mapped)
    assert equalised([once], mapped) == [once]
    again = ReconstructionPipeline(mapped, right)(once)
    assert torch.equal(torch.from_numpy(again.image), torch.from_numpy(images[1]))
    live = [replace(uneven, index=StackIndex(time=time)) for time in range(3)]
    assert not doctor_for(mapped)(live).findings
