import numpy as np
import pytest
from PIL import Image

from livesim.io.write.picture import GAP, side_by_side, to_grey, upsample
from livesim.values.errors import DataError

RAMP = np.add.outer(np.arange(200.0), 2 * np.arange(300.0)).astype(np.float32)
WHITE = 255


def panels(path):
    with Image.open(path) as picture:
        pixels = np.asarray(picture)
    width = (pixels.shape[1] - GAP) // 2
    return pixels[:, :width], pixels[:, -width:]


def test_the_picture_is_8_bit_and_both_images_wide(tmp_path):
    path = tmp_path / "both.png"
    side_by_side(path, RAMP, {"plain": upsample(RAMP)}, 40.0)
    with Image.open(path) as picture:
        assert (picture.format, picture.mode, picture.size) == ("PNG", "L", (1200 + GAP, 400))
    left, right = panels(path)
    # Away from labels and bar the same scene is the same grey.
    np.testing.assert_array_equal(left[100:300], right[100:300])
    for panel in (left, right):  # the ramp's ends, in the corners: nothing is cut off or added
        assert (panel[0, 0], panel[-1, -1]) == (0, WHITE)
    assert list(tmp_path.iterdir()) == [path]


def test_the_widefield_may_stand_alone(tmp_path):
    path = tmp_path / "alone.png"
    side_by_side(path, RAMP, {}, 40.0)
    with Image.open(path) as picture:
        assert picture.size == (600, 400)


def test_the_scale_bar_is_as_long_as_it_says(tmp_path):
    path = tmp_path / "both.png"
    dark = np.zeros((200, 300), np.float32)
    side_by_side(path, dark, {"plain": upsample(dark)}, 40.0)  # 600 pixels = 24 um: a bar of 5 um
    for panel in panels(path):
        lower = panel[300:]
        longest = max(np.sum(row == WHITE) for row in lower)
        assert longest == round(5000 / 40)


def test_small_images_are_enlarged_by_a_whole_factor(tmp_path):
    path = tmp_path / "both.png"
    side_by_side(path, RAMP[:32, :48], {"plain": upsample(RAMP[:32, :48])}, 40.0)
    with Image.open(path) as picture:
        assert picture.size == (2 * 6 * 96 + GAP, 6 * 64)


def test_upsampling_keeps_the_centre_of_pixel_zero():
    column, row = np.meshgrid(np.arange(8.0), np.arange(6.0))
    doubled = upsample((3 * row + column).astype(np.float32))
    assert doubled.shape == (12, 16)
    column, row = np.meshgrid(np.arange(16) / 2, np.arange(12) / 2)
    # A plane is reproduced exactly wherever the bicubic kernel does not touch the border.
    inner = (slice(2, -4), slice(2, -4))
    np.testing.assert_allclose(doubled[inner], (3 * row + column)[inner], atol=1e-5)


def test_grey_runs_between_the_percentiles():
    grey = to_grey(RAMP)
    assert (grey.min(), grey.max()) == (0, WHITE)
    assert np.all(np.diff(grey.astype(int), axis=1) >= 0)


@pytest.mark.parametrize("fill", [0.0, 7.5, np.nan, -np.inf])
def test_flat_and_empty_images_are_drawn(tmp_path, fill):
    flat = np.full((40, 40), fill, np.float32)
    large = np.full((80, 80), fill, np.float32)
    side_by_side(tmp_path / "both.png", flat, {"plain": large}, 40.0)
    assert (tmp_path / "both.png").exists()


def test_sizes_that_do_not_match_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"expected 'plain' to be \(400, 600\)"):
        side_by_side(tmp_path / "both.png", RAMP, {"plain": RAMP}, 40.0)
    assert list(tmp_path.iterdir()) == []


def test_an_existing_picture_is_kept(tmp_path):
    path = tmp_path / "both.png"
    path.write_text("mine")
    with pytest.raises(DataError, match="exists already"):
        side_by_side(path, RAMP, {"plain": upsample(RAMP)}, 40.0)
    assert path.read_text() == "mine"
