"""Levels that follow a stream without flickering; colours, painting, histogram."""

from __future__ import annotations

import numpy as np
import pytest

from livesim.config.settings import SettingsError
from livesim.images.colour_tables import NAMES, RAINBOW, colours
from livesim.images.grey_levels import every_nth, grey_levels
from livesim.images.levels import SAMPLES, Levels, levels_of, sampled
from livesim.values.errors import DataError
from livesim_gui.state.picture.contrast import SteadyContrast
from livesim_gui.state.picture.histogram import RestingAxis, histogram

FRAME_S = 0.05


def noisy(rng, light=100.0, side=128):
    image = rng.poisson(light * 0.05, (side, side))
    image[40:80, 40:80] += rng.poisson(light, (40, 40))
    return (image + rng.normal(0.0, 1.0, image.shape)).astype(np.float32)


def follow(contrast, images, start_s=0.0):
    return [contrast.see(image, start_s + FRAME_S * n) for n, image in enumerate(images)]


def test_noise_does_not_move_the_levels_at_all():
    rng = np.random.default_rng(1)
    images = [noisy(rng) for _ in range(100)]
    own = {levels_of(sampled(image)) for image in images}
    assert len(own) > 50, "the percentiles of single images do move"
    assert len(set(follow(SteadyContrast(), images))) == 1


def test_a_real_change_of_light_is_followed_smoothly_and_wholly():
    rng = np.random.default_rng(2)
    contrast = SteadyContrast()
    before = follow(contrast, [noisy(rng) for _ in range(10)])[-1]
    after = follow(contrast, [noisy(rng, 300.0) for _ in range(100)], 10 * FRAME_S)
    wanted = levels_of(sampled(noisy(rng, 300.0)))
    highs = [before.high, *(levels.high for levels in after)]
    steps = np.diff(highs)
    assert abs(after[-1].high - wanted.high) < 0.1 * wanted.range
    assert steps.max() < 0.15 * (wanted.high - before.high), "no jump"
    assert (steps > -0.02 * wanted.range).all(), "no way back"
    assert len(set(after[-20:])) == 1, "it stands still again"


def test_bleaching_is_followed():
    rng = np.random.default_rng(3)
    contrast = SteadyContrast()
    follow(contrast, [noisy(rng, 200.0 * 0.985**n) for n in range(150)])
    wanted = levels_of(sampled(noisy(rng, 200.0 * 0.985**150)))
    assert abs(contrast.levels.high - wanted.high) < 0.2 * wanted.range


def test_levels_set_by_hand_stay_until_automatic_is_asked_for():
    rng = np.random.default_rng(4)
    contrast = SteadyContrast()
    contrast.set(-5.0, 50.0)
    assert set(follow(contrast, [noisy(rng, 100.0 * n) for n in range(1, 9)])) == {
        Levels(-5.0, 50.0)
    }
    assert contrast.manual
    contrast.follow()
    image = noisy(rng)
    assert contrast.see(image, 9.0) == levels_of(sampled(image))


@pytest.mark.parametrize(("low", "high"), [(1.0, 1.0), (2.0, 1.0), (float("nan"), 1.0)])
def test_white_must_be_above_black(low, high):
    with pytest.raises(DataError, match="expected white above black"):
        SteadyContrast().set(low, high)


@pytest.mark.parametrize("value", [0.0, 7.0, -3.0])
def test_an_even_image_has_levels_too(value):
    levels = SteadyContrast().see(np.full((8, 8), value, np.float32), 0.0)
    assert levels.low == value < levels.high


def test_an_image_without_a_finite_pixel_changes_nothing():
    contrast = SteadyContrast()
    nothing = np.full((8, 8), np.nan, np.float32)
    assert contrast.see(nothing, 0.0) == Levels(0.0, 1.0)
    assert levels_of(sampled(nothing)) is None
    assert histogram(nothing) is None


@pytest.mark.parametrize("shape", [(1, 1), (3, 2000), (2048, 2048)])
def test_samples_are_finite_and_not_too_many(shape):
    image = np.ones(shape, np.float32)
    image[0, 0] = np.inf
    sample = sampled(image)
    assert np.isfinite(sample).all()
    assert sample.size < 4.5 * SAMPLES


def test_painting_maps_black_white_and_what_is_outside_or_not_a_number():
    image = np.array([[10.0, 20.0, 15.0], [-99.0, 1e9, np.nan]], np.float32)
    np.testing.assert_array_equal(
        grey_levels(image, Levels(10.0, 20.0)), [[0, 255, 127], [0, 255, 0]]
    )


@pytest.mark.parametrize(
    ("step", "screen", "every"), [(0.5, 2.0, 1), (0.5, 0.9, 2), (0.5, 0.5, 4), (1.0, 40.0, 1)]
)
def test_no_more_pixels_are_painted_than_the_screen_has(step, screen, every):
    assert every_nth(step, screen) == every


@pytest.mark.parametrize("name", NAMES)
def test_every_colour_table_begins_and_ends_as_it_should(name):
    table = colours(name)
    assert (table.shape, table.dtype) == ((256, 3), np.uint8)
    assert len(np.unique(table, axis=0)) > 200
    if name == RAINBOW:
        return
    brightness = table.astype(int).sum(axis=1)
    rising = brightness if name != "inverted" else brightness[::-1]
    assert (np.diff(rising) >= -1).all()


def test_gamma_below_one_brightens_the_middle_and_leaves_the_ends():
    plain, bright = colours("grey"), colours("grey", 0.5)
    assert bright[64, 0] == round(255 * (64 / 255) ** 0.5) > plain[64, 0]
    np.testing.assert_array_equal(plain[[0, 255]], bright[[0, 255]])


@pytest.mark.parametrize(("name", "gamma"), [("greeen", 1.0), ("grey", 0.0)])
def test_a_wrong_table_or_gamma_is_refused(name, gamma):
    with pytest.raises(SettingsError, match="expected"):
        colours(name, gamma)


def test_the_histogram_counts_every_sampled_pixel():
    image = np.arange(64, dtype=np.float32).reshape(8, 8)
    counted = histogram(image)
    assert counted.counts.sum() == 64
    assert (counted.edges[0], counted.edges[-1]) == (0.0, 63.0)


def test_the_axis_of_the_histogram_rests_while_noise_moves_its_ends():
    rng, axis = np.random.default_rng(5), RestingAxis()
    first = axis.see(*np.quantile(noisy(rng), (0.0, 1.0)))
    edges = [np.quantile(noisy(rng), (0.0, 1.0)) for _ in range(100)]
    assert len({tuple(ends) for ends in edges}) > 50, "the ends of single images do move"
    assert {axis.see(*ends) for ends in edges} == {first}


def test_the_axis_follows_where_the_values_leave_it_or_hardly_fill_it():
    axis = RestingAxis()
    assert axis.see(0.0, 100.0) == (-25.0, 125.0)
    assert axis.see(0.0, 126.0) == (-31.5, 157.5)
    assert axis.see(0.0, 20.0) == (-5.0, 25.0)
