import itertools
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image as Pillow

from livesim.config.settings import SettingsError
from livesim.images.colour_tables import NAMES, SIZE, colours
from livesim.images.drawing import draw_scale_bar
from livesim.images.grey_levels import grey_levels
from livesim.images.levels import Levels, levels_of, sampled
from livesim.images.merge import MERGED_LUTS, merged
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
    np.testing.assert_array_equal(grey_levels(image, Levels(0.0, 10.0)), [[0, 0, 127, 255]])


@pytest.mark.parametrize(
    ("name", "at", "colour"),
    [
        ("fire", 255, (255, 255, 255)),  # ours, not the one that cmap calls so
        ("fire", 0, (0, 0, 0)),
        ("green-hot", 85, (0, 160, 40)),
        ("viridis", 0, (68, 1, 84)),
        ("viridis_r", 0, (253, 231, 37)),
        ("imagej:fire", 255, (255, 255, 255)),
    ],
)
def test_a_colour_table_is_ours_or_one_of_cmap(name, at, colour):
    table = colours(name)
    assert table.shape == (SIZE, 3)
    np.testing.assert_array_equal(table[at], colour)


@pytest.mark.parametrize(("wrong", "near"), [("virids", "viridis"), ("gren", "green")])
def test_an_unknown_colour_table_is_answered_with_the_nearest(wrong, near):
    with pytest.raises(SettingsError, match=f"found '{wrong}'; did you mean '{near}'"):
        colours(wrong)


def test_gamma_bends_a_table_of_cmap_as_it_bends_ours():
    for name in NAMES:
        plain, dark = colours(name), colours(name, 2.0)
        np.testing.assert_array_equal(dark[[0, -1]], plain[[0, -1]])
        np.testing.assert_allclose(dark[128].astype(int), plain[64].astype(int), atol=3)


# Machado, Oliveira and Fernandes, IEEE Trans. Vis. Comput. Graph. 15, 1291 (2009), table 1: what
# linear red, green and blue look like without cones for red, and without those for green.
NO_RED = [[0.1523, 1.0526, -0.2049], [0.1145, 0.7863, 0.0992], [-0.0039, -0.0481, 1.0520]]
NO_GREEN = [[0.3673, 0.8606, -0.2280], [0.2801, 0.6725, 0.0474], [-0.0118, 0.0429, 0.9689]]
CLEARLY = 25.0
"""CIE 1976 distance; 2.3 can just be noticed."""


def lab(linear):
    """CIELAB under D65."""
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    xyz = np.array(to_xyz) @ np.clip(linear, 0.0, 1.0) / [0.9505, 1.0, 1.089]
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16.0 / 116.0)
    return np.array([116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)])


def seen_apart(one, other, eye):
    bright = [(colours(name)[-1] > 127).astype(float) for name in (one, other)]
    return float(np.linalg.norm(lab(np.array(eye) @ bright[0]) - lab(np.array(eye) @ bright[1])))


@pytest.mark.parametrize("eye", [np.eye(3), NO_RED, NO_GREEN], ids=["all", "no red", "no green"])
def test_merged_channels_can_be_told_apart_by_the_colour_blind(eye):
    for one, other in itertools.combinations(MERGED_LUTS, 2):
        assert seen_apart(one, other, eye) > CLEARLY, (one, other)


def test_the_measure_knows_that_yellow_looks_like_green_without_red():
    assert (
        seen_apart("green", "yellow", NO_RED) < CLEARLY < seen_apart("green", "yellow", np.eye(3))
    )


def test_tables_of_our_own_do_not_load_cmap():
    code = (
        "import sys; from livesim.images.colour_tables import colours; colours('fire'); "
        "sys.exit('cmap' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
