"""Simulated raw stacks for networks from end to end, and what they are trained with."""

import numpy as np
import pytest
import torch

from livesim.commands.train.command import train_networks
from livesim.config.settings import SettingsError
from livesim_models.checkpoint import read_model
from livesim_models.data.stacks import (
    EDGE,
    SimulatorRecipe,
    StackExample,
    StripesRecipe,
    drawn_stack,
    simulated_frames,
)
from livesim_models.shipped import RECIPES
from livesim_models.training.course import OnStacks
from livesim_models.training.recipe import VariedRecipe, load_recipe

STEADY = StripesRecipe(
    psf_scale=(0.9, 0.0),
    lines=(126.0, 0.0),
    modulation=(0.8, 0.0),
    orientation_deg=0.0,
    angle_deg=0.0,
    phase_deg=0.0,
    noise=(0.0, 0.0),
)
SMALL = """
name = "small"
size = 24
batch = 4
reused = 2
block = 2
steps = 4
warm_up = 2
save_every = 2
validate_every = 2
[networks.own]
kind = "KIND"
inputs = 6
outputs = 4
[simulator]
kept = [0, 1, 3, 4, 6, 7]
[[simulator.sets]]
"""


def random():
    return np.random.default_rng(3)


def test_the_light_of_a_flat_picture_is_the_pattern_that_the_recipe_says():
    """Of 126 lines over 512 pixels, of which the blur leaves the OTF's share at that frequency."""
    size = 256
    flat = np.full((2 * size, 2 * size), 0.6, dtype=np.float32)
    frames = simulated_frames(flat, STEADY, (3, 3), random())
    spectrum = torch.fft.fft2(frames[0] - frames[0].mean()).abs()
    row, column = divmod(int(spectrum[:, : size // 2].argmax()), size)
    assert (row, column % size) == (0, 63), "along x, 126 lines / 512 pixels of 256"
    steps = (frames[1] - frames[0]).std() / frames[0].std()
    assert float(steps) == pytest.approx(3.0**0.5, rel=0.05), "a third of a period apart"
    ways = [torch.fft.fft2(frames[n] - frames[n].mean()).abs() for n in (0, 3, 6)]
    assert len({int(way[:, : size // 2].argmax()) for way in ways}) == 3


def test_the_frames_of_an_angle_add_up_to_the_picture_as_the_lens_blurs_it():
    picture = np.zeros((128, 128), dtype=np.float32)
    picture[64, 80] = 1.0  # raw pixel (32, 40): the first pixels of both grids have one centre
    frames = simulated_frames(picture, STEADY, (3, 3), random()).mean(dim=0)
    assert divmod(int(frames.argmax()), 64) == (32, 40)
    ring = [float(frames[32 + y, 40 + x]) for y, x in ((0, 3), (3, 0), (0, -3), (-3, 0))]
    assert max(ring) - min(ring) < 0.02
    assert min(ring) < 0.2 * float(frames.max()), "s = 0.9: the first dark ring is at 4.3 pixels"


def test_noise_is_a_share_of_every_frames_standard_deviation():
    picture = np.linspace(0.0, 1.0, 128, dtype=np.float32)[None].repeat(128, axis=0)
    noisy, clean = (
        simulated_frames(picture, STEADY, (1, 3), random(), noise) for noise in (0.3, 0.0)
    )
    slope, _ = np.polyfit(clean.flatten(), noisy.flatten(), 1)
    left = noisy - slope * clean
    assert float(left.std() / (slope * clean).std()) == pytest.approx(0.3, rel=0.15)


def test_stacks_have_eight_bits_and_the_same_seed_gives_the_same():
    one, other = (drawn_stack(SimulatorRecipe(), 32, random()) for _ in range(2))
    assert torch.equal(one.frames, other.frames)
    assert one.frames.shape == (9, 32 - 2 * EDGE, 32 - 2 * EDGE)
    assert one.target.shape == (64 - 4 * EDGE, 64 - 4 * EDGE)
    greys = 255.0 * one.frames
    torch.testing.assert_close(greys, greys.round(), rtol=0.0, atol=1e-3)
    fifteen = drawn_stack(SimulatorRecipe(angles=3, phases=5), 32, random())
    assert len(fifteen.frames) == 15


def test_frames_and_picture_stay_on_one_grid_when_turned():
    rising = torch.arange(32.0)[:, None].expand(32, 32)
    batch = StackExample(rising[None, None, ::2, ::2], rising[None])
    for symmetry in range(8):
        turned = batch.turned(symmetry)
        assert torch.equal(turned.frames[:, 0], turned.target[:, ::2, ::2])


@pytest.mark.parametrize("kind", ["rcan", "unet", "edsr"])
def test_a_training_leaves_a_model_of_end_to_end(kind, tmp_path, monkeypatch):
    monkeypatch.setattr("livesim_models.training.varied.EACH", 2)
    path = tmp_path / "recipe.toml"
    path.write_text(SMALL.replace("KIND", kind))
    train_networks(path, tmp_path / "out")
    found = read_model(tmp_path / "out" / "own-all.safetensors")
    assert (found.card.step, found.card.normalisation) == ("all", "range")
    assert (found.card.frames, found.card.kept) == (9, (0, 1, 3, 4, 6, 7))
    assert found.card.metrics.keys() >= {"PSNR dB, 0.08 noise"}
    assert "filaments" not in found.card.structures
    assert (tmp_path / "out" / "log.csv").read_text().count("\n") == 3


def test_a_training_goes_on_from_a_model(tmp_path, monkeypatch):
    monkeypatch.setattr("livesim_models.training.varied.EACH", 1)
    first, second = tmp_path / "first.toml", tmp_path / "second.toml"
    first.write_text(SMALL.replace("KIND", "edsr"))
    train_networks(first, tmp_path / "first")
    model = tmp_path / "first" / "own-all.safetensors"
    start = f'\n[start]\nown = "{model.as_posix()}"\n'
    second.write_text(first.read_text().replace("warm_up = 2", "warm_up = 100000") + start)
    train_networks(second, tmp_path / "second")
    paths = (model, tmp_path / "second" / model.name)
    one, other = (read_model(path).network.state_dict() for path in paths)
    apart = max(float((one[name] - other[name]).abs().max()) for name in one)
    assert apart < 1e-3, "with hardly any rate it stays where it began"
    second.write_text(second.read_text().replace(model.as_posix(), "pair"))
    with pytest.raises(SettingsError, match=r"steps.all: expected one of none"):
        train_networks(second, tmp_path / "third")


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (
            "inputs = 6",
            "inputs = 9",
            "expected 6 inputs and 4 outputs of networks.own",
        ),
        ("outputs = 4", "outputs = 1", "networks.own, found 6 and 1"),
        ("6, 7]", "6, 9]", "expected simulator.kept among the 9 frames of a stack, 0 to 8"),
        ("[[simulator.sets]]", "[[simulator.sets]]\nlins = 3", "nearest known key is 'lines'"),
        ("[simulator]", '[start]\nother = "ml-sim"\n[simulator]', "among own, found 'other'"),
    ],
)
def test_recipes_that_do_not_fit_are_refused(old, new, sentence, tmp_path):
    path = tmp_path / "recipe.toml"
    path.write_text(SMALL.replace("KIND", "rcan").replace(old, new))
    with pytest.raises(SettingsError, match=sentence):
        load_recipe(path)


def test_the_shipped_recipe_shows_every_fourth_batch_twice_as_large():
    recipe = load_recipe(RECIPES / "ml-sim.toml")
    assert isinstance(recipe, VariedRecipe)
    small = recipe.model_copy(update={"size": 24, "batch": 4})
    course = OnStacks(small)
    assert course.batch(0).frames.shape == (4, 9, 16, 16)
    assert course.batch(3).frames.shape == (1, 9, 40, 40)
