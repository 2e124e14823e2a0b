"""Profile, region, scale bar, spectrum and snapshot against known images."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import numpy as np
import pytest
import tifffile
from scipy.ndimage import gaussian_filter

from livesim.images.scale_bar import scale_bar
from livesim.values.errors import DataError
from livesim_gui.state.picture.drawing import CHANCE
from livesim_gui.state.picture.profile import profile
from livesim_gui.state.picture.region import region_statistics
from livesim_gui.state.picture.snapshot import Snapshot, save_data
from livesim_gui.state.picture.spectrum import spectrum
from livesim_gui.state.picture.stages import Stage

WIDTH = 2.0 * math.sqrt(2.0 * math.log(2.0))
"""Full width at half maximum of a Gaussian, in standard deviations."""


def line_image(sigma, degrees=0.0):
    y, x = np.mgrid[:64, :64] - 32.0
    turn = math.radians(degrees)
    across = x * math.cos(turn) + y * math.sin(turn)
    return np.exp(-(across**2) / (2.0 * sigma**2)).astype(np.float32)


@pytest.mark.parametrize("degrees", [0.0, 30.0, 90.0])
@pytest.mark.parametrize("sigma", [1.5, 3.0])
def test_the_width_of_a_gaussian_line_across_it(sigma, degrees):
    turn = math.radians(degrees)
    dx, dy = 20.0 * math.cos(turn), 20.0 * math.sin(turn)
    found = profile(line_image(sigma, degrees), (32 - dx, 32 - dy), (32 + dx, 32 + dy), width=3)
    assert found.fwhm == pytest.approx(WIDTH * sigma, rel=0.04)
    assert found.distance[-1] == pytest.approx(40.0)
    assert found.value.max() == pytest.approx(1.0, abs=0.05)


def test_a_line_that_leaves_the_image_has_gaps_and_still_a_width():
    found = profile(line_image(2.0), (-10.0, 30.0), (60.0, 30.0))
    assert np.isnan(found.value[:20]).all()
    assert found.fwhm == pytest.approx(WIDTH * 2.0, rel=0.05)


@pytest.mark.parametrize("image", [np.ones((9, 9)), np.tile(np.arange(9.0), (9, 1))])
def test_without_a_peak_there_is_no_width(image):
    assert math.isnan(profile(image.astype(np.float32), (0.0, 4.0), (8.0, 4.0)).fwhm)


def noise(seed, sigma=1.2):
    """Noise as an image has it, in which neighbours are alike; its standard deviation is 1."""
    blurred = gaussian_filter(np.random.default_rng(seed).normal(size=(64, 64)), sigma)
    return (blurred / blurred.std()).astype(np.float32)


def across(image):
    return profile(image, (4.0, 32.0), (60.0, 32.0), width=3)


def test_a_peak_of_noise_is_told_from_one_of_light():
    believed = [one for one in map(across, map(noise, range(100))) if one.fwhm > 0]
    assert len([one for one in believed if not one.prominence < CHANCE]) <= 5
    lines = [20.0 * line_image(1.5), 20.0 * (line_image(1.5) + np.roll(line_image(1.5), 8, axis=1))]
    assert all(
        across(one + noise(seed)).prominence > CHANCE for one in lines for seed in range(100)
    )
    assert across(line_image(1.5)).prominence > CHANCE


def test_a_line_too_short_to_tell_says_nothing_of_chance():
    assert math.isnan(profile(noise(1), (30.0, 32.0), (34.0, 32.0)).prominence)


def test_a_line_without_length_is_refused():
    with pytest.raises(DataError, match="two different ends"):
        profile(line_image(2.0), (3.0, 3.0), (3.0, 3.0))


def test_a_region_holds_the_pixels_whose_centres_lie_inside():
    image = np.arange(100, dtype=np.float32).reshape(10, 10)
    found = region_statistics(image, 1.5, 2.2, 3.5, 4.9)
    inside = image[3:5, 2:4]
    assert found.pixels == inside.size
    assert (found.mean, found.deviation) == pytest.approx((inside.mean(), inside.std()))
    assert (found.least, found.most) == (inside.min(), inside.max())


@pytest.mark.parametrize(
    "sides", [(50.0, 50.0, 60.0, 60.0), (2.1, 2.1, 2.2, 2.2), (-9, -9, -1, -1)]
)
def test_a_region_without_a_pixel_says_so(sides):
    found = region_statistics(np.ones((10, 10), np.float32), *sides)
    assert found.pixels == 0
    assert math.isnan(found.mean)


@pytest.mark.parametrize(
    ("width", "words"),
    [(16.6, "2 µm"), (20.0, "5 µm"), (4.0, "1 µm"), (3.9, "500 nm"), (900.0, "200 µm")],
)
def test_the_scale_bar_is_round_and_within_a_quarter(width, words):
    bar = scale_bar(width)
    assert bar.words == words
    assert bar.length <= width / 4 < 2.6 * bar.length


def test_a_scale_bar_in_pixels_says_so_and_one_of_nothing_is_refused():
    assert scale_bar(400.0, in_um=False).words == "100 raw pixels"
    with pytest.raises(DataError, match="positive width"):
        scale_bar(0.0)


@pytest.mark.parametrize("shape", [(64, 96), (65, 63), (1500, 1100)])
def test_a_grating_is_a_peak_at_its_frequency(shape):
    pixel, k = 0.05, (2.0, -3.0)
    y, x = np.mgrid[: shape[0], : shape[1]] * pixel
    image = 5.0 + np.cos(2 * np.pi * (k[0] * x + k[1] * y))
    found = spectrum(image.astype(np.float32), pixel)
    rows, columns = found.picture.shape
    ky, kx = np.unravel_index(np.argsort(found.picture.ravel())[-2:], found.picture.shape)
    peaks = {
        (round((i - columns // 2) * found.step[0], 1), round((j - rows // 2) * found.step[1], 1))
        for i, j in zip(kx, ky, strict=True)
    }
    for fx, fy in peaks:
        assert min(math.dist((fx, fy), sign) for sign in (k, (-2.0, 3.0))) < 0.5


def test_the_spectrum_has_the_symmetry_of_a_real_image():
    image = np.random.default_rng(0).normal(size=(32, 32)).astype(np.float32)
    picture = spectrum(image, 1.0).picture[1:, 1:].astype(int)
    assert abs(picture - picture[::-1, ::-1]).max() <= 1


def test_the_spectrum_of_nothing_is_none():
    assert spectrum(np.full((8, 8), np.nan, np.float32), 1.0) is None
    assert spectrum(np.ones((1, 8), np.float32), 1.0) is None


def snapshot(pixel_um=0.08):
    image = np.linspace(-20.0, 80.0, 64 * 48, dtype=np.float32).reshape(64, 48)
    taken = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)
    return Snapshot(Stage("plain", image, 0.5), pixel_um, taken)


def test_a_snapshot_keeps_the_values_and_the_pixel_size(tmp_path):
    shot = snapshot()
    tiff = save_data(shot, tmp_path / "new")
    with tifffile.TiffFile(tiff) as file:
        np.testing.assert_array_equal(file.asarray(), shot.stage.image)
        assert file.imagej_metadata["unit"] == "um"
        per_um = file.pages[0].tags["XResolution"].value
        assert per_um[0] / per_um[1] == pytest.approx(25.0, rel=1e-4)
    assert tiff.name == "livesim-20260102-030405-000678-plain.tif"
    assert list(tiff.parent.iterdir()) == [tiff]


def test_a_snapshot_without_a_pixel_size_says_pixels(tmp_path):
    with tifffile.TiffFile(save_data(snapshot(None), tmp_path)) as file:
        assert "unit" not in (file.imagej_metadata or {})


def test_a_snapshot_that_cannot_be_written_leaves_nothing(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError, match="file"):
        save_data(snapshot(), tmp_path / "file")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
