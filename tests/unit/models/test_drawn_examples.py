"""Drawn examples: nothing held out is in them, the same seed gives the same, noise is as told."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from bench.quality.arbitration import PHOTOGRAPHS
from livesim.commands.train.specimens import drawn_specimen
from livesim.config.settings import Camera, Reconstruction
from livesim.reconstruction.otf import Otf
from livesim.reconstruction.plan import make_plan
from livesim.reconstruction.reconstructor import Reconstructor
from livesim.values.pattern import Levels
from livesim_models.conditions import CHANNELS, conditions_of, given
from livesim_models.data.varied.camera import drawn_camera, photographed
from livesim_models.data.varied.example import EDGE, collated, drawn_example
from livesim_models.data.varied.instrument import LAYOUTS, drawn_instrument
from livesim_models.data.varied.photographs import HELD_OUT, TRAINING, photograph
from livesim_models.data.varied.scenery import PICTURES, Sceneries

SCENERIES = Sceneries(drawn_specimen)
LEVELS = Levels(10.0, 60.0)


def random(*seed):
    return np.random.default_rng(seed)


def test_no_photograph_of_a_bench_is_in_the_training():
    names = {path.rsplit("/", 1)[-1].split(".")[0] for path in TRAINING}
    assert set(PHOTOGRAPHS) == set(HELD_OUT)
    assert names.isdisjoint(HELD_OUT)


@pytest.mark.parametrize("path", TRAINING)
def test_every_photograph_ships_with_its_package_and_shows_something(path):
    picture = photograph(path)
    assert picture.ndim == 2
    assert min(picture.shape) >= 256
    assert picture.std() > 0.02
    assert TRAINING[path].startswith(("CC0", "public domain"))


@pytest.mark.parametrize("draw", [*PICTURES, drawn_specimen])
def test_a_picture_lies_between_0_and_1_and_follows_from_its_seed(draw):
    pictures = [draw(48, random(1, number)) for number in range(4)]
    for picture in pictures:
        assert picture.shape == (48, 48)
        assert picture.min() >= 0.0
        assert picture.max() == pytest.approx(1.0, abs=1e-5)
    np.testing.assert_array_equal(draw(48, random(1, 3)), pictures[3])
    assert not np.array_equal(pictures[0], pictures[1])


def test_every_layout_turns_up_and_gives_an_example():
    found = set()
    for number in range(150):
        pattern = drawn_instrument(32, 100.0, random(2, number)).known
        frames, harmonics = len(pattern.angles[0].phases_rad), len(pattern.angles[0].modulation)
        found.add((pattern.layout, len(pattern.angles), frames, harmonics))
    assert found == {row[1:] for row in LAYOUTS}
    examples = [drawn_example(SCENERIES, 32, random(3, number)) for number in range(12)]
    batch = collated(examples)
    assert batch.plain.shape == (12, 64 - 4 * EDGE, 64 - 4 * EDGE)
    assert all(
        torch.isfinite(image).all()
        for image in (batch.plain, batch.white, batch.values, batch.target)
    )


def test_the_same_seed_gives_the_same_example():
    one, same, other = (drawn_example(SCENERIES, 32, random(4, seed)) for seed in (0, 0, 1))
    assert torch.equal(one.plain, same.plain)
    assert torch.equal(one.target, same.target)
    assert not torch.equal(one.plain, other.plain)


def test_an_example_is_turned_as_a_whole():
    batch = collated([drawn_example(SCENERIES, 32, random(5, number)) for number in range(2)])
    seen = {tuple(batch.turned(number).plain.flatten().tolist()) for number in range(8)}
    assert len(seen) == 8
    turned = batch.turned(5)
    difference = (turned.plain - turned.target).square().mean()
    assert float(difference) == pytest.approx(float((batch.plain - batch.target).square().mean()))


def test_bright_light_comes_out_near_the_target():
    """Else plain image and target would not be of the same object, or in other units."""
    near = []
    for number in range(20):
        one = drawn_example(SCENERIES, 48, random(6, number), 5000.0)
        pair = torch.stack([one.plain.flatten(), one.target.flatten()])
        near.append(float(torch.corrcoef(pair)[0, 1]))
    assert np.median(near) > 0.95


def test_what_is_lost_counts_twice_and_light_does_not_count():
    batch = collated([drawn_example(SCENERIES, 32, random(5, number), 30.0) for number in range(3)])
    off = batch.plain - batch.target
    plain = batch.plain.clone().requires_grad_(True)
    nothing = batch.loss(plain)
    nothing.backward()
    assert nothing.item() == 0.0
    assert float(plain.grad.abs().max()) > 0.0, (
        "an untrained network, which changes nothing, learns"
    )
    assert float(batch.loss(batch.target + 0.5 * off)) == pytest.approx(-6.02, abs=0.05)
    assert float(batch.loss(batch.target + 2.0 * off)) == pytest.approx(2.0 * 6.02, abs=0.05)
    values = batch.values * torch.tensor([7.0, 7.0, *[1.0] * (batch.values.shape[1] - 2)])
    bright = replace(batch, plain=7.0 * batch.plain, target=7.0 * batch.target, values=values)
    darker = float(batch.loss(batch.target + 0.7 * off))
    assert float(bright.loss(bright.target + 4.9 * off)) == pytest.approx(darker, abs=1e-3)


@pytest.mark.parametrize("number", range(4))
def test_a_camera_has_the_variance_that_it_tells(number):
    camera = replace(drawn_camera(random(7, number)), uneven=0.0, defects=0)
    mean = torch.full((4, 128, 128), 20.0)
    seen = photographed(mean, camera, random(8, number))
    assert float(seen.mean()) == pytest.approx(20.0 * camera.gain_error, rel=0.01)
    assert float(seen.var()) == pytest.approx(camera.variance(20.0), rel=0.03)


@pytest.fixture(scope="module")
def plan():
    own = drawn_instrument(96, 1000.0, random(9, 4))
    otf = Otf.theoretical(own.optics)
    return make_plan(own.true, otf, Camera(), Reconstruction())


def test_conditions_tell_the_noise_of_the_plain_image_and_make_it_white(plan):
    conditions = conditions_of(plan, LEVELS, read_noise=2.0)
    generator = torch.Generator().manual_seed(1)
    noise = torch.randn(24, plan.unmixing.shape[1], *plan.shape, generator=generator)
    plain = Reconstructor(plan)(noise).image
    inside = plain[:, 32:-32, 32:-32]
    assert float(inside.var()) == pytest.approx(float(conditions.values[0, 3]), rel=0.1)
    low = conditions.levels[0, 0]
    spectra = torch.fft.rfft2(conditions.white(plain + low)).abs().square().mean(dim=0)
    seen = torch.fft.rfft2(plain).abs().square().mean(dim=0)
    signal = plan.transfer.square() / seen
    strong = signal > 0.05 * signal[0, 1]
    power = spectra[strong] / plain[0].numel()
    assert float(power.mean()) == pytest.approx(1.0, abs=0.2), "borders fade, which takes some"
    assert float(power.std() / power.mean()) < 1.5 * 24**-0.5


def test_less_light_has_lower_levels_and_the_same_noise_gain(plan):
    conditions = conditions_of(plan, LEVELS, read_noise=2.0)
    dim = conditions.in_light(0.5)
    assert dim.levels.tolist() == [[5.0, 30.0]]
    assert torch.equal(dim.values[:, 2:], conditions.values[:, 2:])
    assert conditions.levels.tolist() == [[10.0, 60.0]]


def test_a_network_is_given_numbers_about_one(plan):
    conditions = conditions_of(plan, LEVELS, read_noise=2.0)
    plain = torch.rand(1, 192, 192, generator=torch.Generator().manual_seed(2)) * 50.0 + 10.0
    channels, unit = given(plain, conditions.white(plain), conditions.values)
    assert channels.shape == (1, CHANNELS, 192, 192)
    assert float(channels.abs().max()) < 10.0
    assert float(channels[:, 0].min()) >= 0.0
    assert float(channels[:, 0].max()) <= 1.0
    assert unit.shape == plain.shape
    assert float(unit.min()) > 0.0
