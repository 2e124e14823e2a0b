"""Frames that are lit otherwise than the others of their angle are found, and no fringes are."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from livesim.config.settings import PatternSettings
from livesim.reconstruction.evenness import uneven_frames
from tests.support.scenes import Scene, random_pattern, simulate

LAYOUTS = {
    "two beams": PatternSettings(),
    "three beams": PatternSettings(phases=5, harmonics=2),
    "hexagonal": PatternSettings(layout="hexagonal"),
}


def photons(scene: Scene) -> torch.Tensor:
    return (scene.counts[0].flatten(0, 1).float() - scene.camera.offset) / scene.camera.gain


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize("peak", [5.0, 1000.0])
def test_fringes_alone_leave_frames_even(name, peak):
    for seed in range(3):
        scene = simulate(seed, (128, 160), peak, settings=LAYOUTS[name])
        assert uneven_frames(photons(scene), scene.pattern) == ()


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_frame_that_is_dark_in_half_of_the_field_is_named(name):
    scene = simulate(1, (128, 160), 300.0, settings=LAYOUTS[name])
    frames = photons(scene)
    frames[4, 64:] *= 0.3
    (found,) = uneven_frames(frames, scene.pattern)
    assert found.frame == 4
    assert found.off == pytest.approx(-0.7, abs=0.1)
    assert found.share == pytest.approx(0.5, abs=0.2)
    assert "frame 4 is" in found.words
    assert "% darker in" in found.words


def test_a_bright_frame_is_named_for_the_whole_field():
    scene = simulate(1, (128, 160), 300.0)
    frames = photons(scene)
    frames[5] *= 1.4
    (found,) = uneven_frames(frames, scene.pattern)
    assert found.frame == 5
    assert found.off == pytest.approx(0.4, abs=0.1)
    assert found.words.endswith("% brighter")


def test_brightness_that_the_pattern_knows_is_no_difference():
    scene = simulate(1, (128, 160), 300.0)
    frames = photons(scene)
    frames[5] *= 1.4
    angles = list(scene.pattern.angles)
    angles[1] = replace(angles[1], intensity=(0.88, 0.88, 1.24))
    assert uneven_frames(frames, replace(scene.pattern, angles=tuple(angles))) == ()


def test_an_angle_without_fringes_and_a_small_field_tell_nothing():
    scene = simulate(1, (128, 160), 300.0)
    frames = photons(scene)
    frames[5] *= 1.4
    angles = list(scene.pattern.angles)
    angles[1] = replace(angles[1], usable=False)
    assert uneven_frames(frames, replace(scene.pattern, angles=tuple(angles))) == ()
    assert uneven_frames(frames[:, :48, :48], scene.pattern) == ()


def test_a_few_points_are_brighter_in_some_frames_than_in_others():
    pattern = random_pattern(2, (128, 160), PatternSettings())
    for seed in range(5):
        generator = torch.Generator().manual_seed(seed)
        frames = torch.full((9, 128, 160), 3.0)
        for _ in range(6):
            y, x = (int(torch.randint(8, n - 8, (), generator=generator)) for n in (128, 160))
            light = 300.0 * (1.0 + 0.9 * torch.rand(9, generator=generator).mul(6.28).cos())
            frames[:, y - 1 : y + 2, x - 1 : x + 2] += light[:, None, None]
        assert uneven_frames(torch.poisson(frames, generator=generator), pattern) == ()
