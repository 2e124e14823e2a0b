import numpy as np
import pytest
from PIL import Image as Pillow

from livesim.images.colour_tables import colours
from livesim.images.drawing import draw_scale_bar
from livesim.images.grey_levels import places
from livesim.images.levels import Levels, levels_of, sampled
from livesim.images.merge import merged
from livesim.images.scale_bar import scale_bar
from livesim.images.time_stamp import time_stamp
from livesim.values.errors import DataError


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.0, "0:00:00.000"),
        (1.0484, "0:00:01.048"),
        (59.9996, "0:01:00.000"),
        (3723.5, "1:02:03.500"),
        (36000.0, "10:00:00.000"),
        (-0.25, "-0:00:00.250"),
        (-0.0001, "0:00:00.000"),
    ],
)
def test_a_time_stamp_is_hours_minutes_seconds_and_milliseconds(seconds, words):
    assert time_stamp(seconds) == words


@pytest.mark.parametrize(
    ("width_um", "bar_um"),
    [(20.0, 5.0), (19.9, 2.0), (4.0, 1.0), (2.0, 0.5), (0.5, 0.1), (900, 200)],
)
def test_the_scale_bar_is_a_round_number(width_um, bar_um):
    assert scale_bar(width_um).length == pytest.approx(bar_um)


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_the_bar_that_is_drawn_is_as_long_as_it_says(mode):
    picture = Pillow.new(mode, (600, 400))
    draw_scale_bar(picture, 0.04)  # 24 µm wide: 5 µm
    white = (np.asarray(picture.convert("L")) == 255)[-30:]
    assert white.sum(axis=1).max() == round(5 / 0.04)


def test_merging_adds_the_colours_and_stops_at_white():
    full, half = np.full((1, 2), 255, np.uint8), np.array([[128, 0]], np.uint8)
    both = merged([full, half], [colours("green"), colours("magenta")])
    np.testing.assert_array_equal(both, [[[128, 255, 128], [0, 255, 0]]])
    np.testing.assert_array_equal(
        merged([full, full], [colours("grey"), colours("cyan")])[0, 0], [255, 255, 255]
    )


def test_one_channel_merged_is_that_channel():
    ramp = np.arange(256, dtype=np.uint8)[None]
    np.testing.assert_array_equal(merged([ramp], [colours("fire")])[0], colours("fire"))


def test_levels_of_several_images_hold_for_all_of_them():
    dim, bright = np.full((64, 64), 1.0, np.float32), np.full((64, 64), 100.0, np.float32)
    levels = levels_of(sampled(dim), sampled(bright))
    assert levels is not None
    assert levels.low == pytest.approx(1.0)
    assert levels.high == pytest.approx(100.0)
    assert levels_of(sampled(np.full((4, 4), np.nan, np.float32))) is None


def test_white_has_to_be_above_black():
    with pytest.raises(DataError, match=r"expected white above black, found 2 and 2"):
        Levels(2.0, 2.0)


def test_what_is_not_a_number_is_black():
    image = np.array([[np.nan, -1.0, 5.0, 11.0]], np.float32)
    np.testing.assert_array_equal(places(image, Levels(0.0, 10.0)), [[0, 0, 127, 255]])
