"""The comparison's own parts: simulator, estimates of other methods, grid, kept rows."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from bench.quality.seeds.estimation import (
    PIXEL_NM,
    cross_correlation,
    estimated,
    fairsim,
    opensim,
)
from bench.quality.seeds.fields import lit
from bench.quality.seeds.methods import on_input_grid
from bench.quality.seeds.scores import scores
from bench.quality.seeds.stacks import eight_bits, simulate
from bench.quality.seeds.tables import of_sweep
from bench.quality.seeds.target import drawn_target, texture
from bench.rows import Rows
from livesim_models.data.stacks import EXACT

SIDE = 128
PICTURE = texture(SIDE)


def test_a_stack_has_the_noise_it_is_asked_for():
    picture = drawn_target(SIDE)
    clean, noisy = (simulate(picture, changed(noise=(noise, 0.0)), 3) for noise in (0.0, 1.0))
    assert clean.min() == 0.0
    assert clean.max() == 255.0
    off = [a - np.polyval(np.polyfit(b.ravel(), a.ravel(), 1), b) for a, b in _frames(noisy, clean)]
    scale = [np.polyfit(b.ravel(), a.ravel(), 1)[0] * b.std() for a, b in _frames(noisy, clean)]
    assert np.std(off) == pytest.approx(np.mean(scale), rel=0.03)


def changed(**values):
    return EXACT.model_copy(update=values)


def _frames(one, other):
    shape = one.shape[-2:]
    return zip(one.reshape(-1, *shape), other.reshape(-1, *shape), strict=True)


@pytest.mark.parametrize(
    ("method", "off_deg"), [(opensim, 35.0), (cross_correlation, 15.0), (fairsim, 1e-6)]
)
def test_an_estimate_finds_the_pattern_of_a_simulated_stack(method, off_deg):
    light = changed(noise=(0.05, 0.0))
    found = estimated(lit("texture", PICTURE, light, 0), method)
    for angle in found.angles:
        k = math.hypot(*angle.k_cycles_per_um) * PIXEL_NM / 1000.0
        assert k == pytest.approx(light.lines[0] / 512, abs=0.3 / SIDE)
        steps = np.diff(np.unwrap(angle.phases_rad))
        assert np.abs(np.rad2deg(np.abs(steps)) - 120.0).max() < off_deg


def test_phases_that_are_not_equal_are_found_by_cross_correlation():
    light = changed(noise=(0.02, 0.0), phase_deg=30.0)
    field = lit("texture", PICTURE, light, 5)
    off = [
        np.abs(np.rad2deg(np.diff(np.unwrap(angle.phases_rad)))) - 120.0
        for method in (cross_correlation, opensim)
        for angle in estimated(field, method).angles
    ]
    assert max(np.abs(one).max() for one in off) > 10.0
    assert np.abs(np.array(off[:3]) - np.array(off[3:])).mean() < 15.0


def test_an_image_of_the_doubled_grid_comes_back_to_the_frames_grid():
    y, x = np.indices((2 * SIDE, 2 * SIDE)) / (2.0 * SIDE)
    image = torch.from_numpy(3.0 + np.cos(2 * np.pi * (5 * x + 9 * y)))
    np.testing.assert_allclose(on_input_grid(image, (SIDE, SIDE)), image[::2, ::2], atol=1e-9)


def test_the_scores_of_a_picture_against_itself():
    picture = eight_bits(drawn_target(64))
    found = scores(0.5 * picture + 0.1 * picture[::-1], picture)
    assert found["fitted psnr"] > found["psnr"] > 5.0
    spoiled = picture + 3.0
    spoiled[30, 30] += 1.0
    assert scores(spoiled, picture)["ssim"] > 0.99


def test_rows_survive_a_line_that_was_cut_off(tmp_path):
    rows = Rows(tmp_path / "made" / "rows.jsonl")
    rows.add({"part": "noise", "value": 1.0, "psnr": 20.0})
    with rows.path.open("a") as file:
        file.write('{"part": "noise", "val')
    assert rows.read() == [{"part": "noise", "value": 1.0, "psnr": 20.0}]
    rows.add({"part": "noise", "value": 3.0, "psnr": 10.0})
    assert rows.has(value=3.0)
    assert rows.has(part="noise", value=1.0)
    assert not rows.has(part="noise", value=2.0)


def test_means_are_of_the_pictures_that_every_method_has():
    def row(method, picture, psnr, value=1.0):
        own = {"part": "noise", "side": 64, "value": value, "picture": picture}
        return {**own, "method": method, "psnr": psnr}

    rows = [row("a", "x", 10.0), row("a", "y", 30.0), row("b", "x", 12.0), row("a", "x", 9.0, 2.0)]
    assert of_sweep("noise", rows, "psnr") == [
        {"method": "a", "1": 10.0},
        {"method": "b", "1": 12.0},
    ]
