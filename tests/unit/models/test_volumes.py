"""Networks on volumes: what they are told is true, and photons decide what of them is shown."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch

from livesim.commands.train.drawn import course_of
from livesim.commands.train.specimens import drawn_volume
from livesim.config.settings import Reconstruction, SettingsError
from livesim.reconstruction.forward.pupil import Pupil
from livesim.reconstruction.volume.estimate import volume_noise_to_signal
from livesim.reconstruction.volume.forward import expected_volume
from livesim.reconstruction.volume.plan import make_volume_plan
from livesim.reconstruction.volume.reconstructor import VolumeReconstructor
from livesim.reconstruction.volume.stack import VolumeOptics
from livesim.values.pattern import Levels, NoiseToSignal
from livesim.values.volume_pattern import VolumePattern
from livesim_models.data.volumes.instrument import drawn_volume_instrument
from livesim_models.data.volumes.scenery import Grid, VolumeSceneries
from livesim_models.data.volumes.truth import perfect_volume
from livesim_models.registry import architecture_of, build
from livesim_models.training.recipe import load_recipe
from livesim_models.training.varied import widened
from livesim_models.volume.arbitration import VolumeArbiter
from livesim_models.volume.conditions import (
    BESIDE,
    CHANNELS,
    ON_PLANE,
    given_planes,
    lateral_frequencies,
    volume_conditions,
)
from livesim_models.volume.restore import plain_and_white
from livesim_models.volume.step import PlanesStep
from tests.support.volume_microscope import CAMERA, recipe, three_beams, volume_settings

SIZE, PLANES, STEP_NM, PHOTONS = 32, 10, 125.0, 100.0
OPTICS = volume_settings(PLANES, ["phase", "z", "angle"]).optics
INSIDE = (slice(2, -2), slice(8, -8), slice(8, -8))
PATTERN = VolumePattern(three_beams(SIZE), PLANES, STEP_NM, 488.0, 1.515, (0.3,) * 3)


def planned(noise):
    pattern = PATTERN.with_noise(noise)
    plan = make_volume_plan(pattern, OPTICS, CAMERA, Reconstruction())
    return plan, VolumeReconstructor(plan)


@pytest.fixture(scope="module")
def scene():
    """Lines through a stack in little light: (frames, plan's reconstructor, spectrum, truth)."""
    random, specimen = np.random.default_rng(3), np.zeros((PLANES, 2 * SIZE, 2 * SIZE))
    for _ in range(25):
        place = random.uniform(0.0, 1.0, 3) * specimen.shape
        heading = random.normal(size=3) * (0.3, 1.0, 1.0)
        line = place + np.arange(60)[:, None] * heading / np.linalg.norm(heading)
        z, y, x = (line % specimen.shape).astype(int).T
        specimen[z, y, x] = 1.0
    specimen = torch.from_numpy(specimen)
    light = expected_volume(specimen, PATTERN, Pupil(OPTICS))
    scale = PHOTONS / light.mean(dim=(1, 2)).max()
    frames = torch.poisson(scale * light, generator=torch.Generator().manual_seed(1)).float()
    known = VolumeOptics(OPTICS, 488.0, 80.0, STEP_NM)
    _, make = planned(volume_noise_to_signal(frames.mean(dim=(1, 2)), known, 3))
    truth = perfect_volume(scale * specimen, PATTERN, OPTICS).float()
    return frames, make, of_frames(make, frames), truth


def of_frames(make, frames):
    begun = make.begin()
    for z, plane in enumerate(frames):
        make.add(begun, z, plane)
    return make.spectrum(begun).clone()


def noises(make, frames):
    generator = torch.Generator().manual_seed(5)
    strength = frames.mean(dim=(1, 2), keepdim=True).clamp(min=0.1).sqrt()
    return [
        of_frames(make, strength * torch.randn(frames.shape, generator=generator)) for _ in range(2)
    ]


def off(image, truth):
    return float((image - truth)[INSIDE].square().mean())


def test_a_perfect_network_is_shown_and_a_plain_one_changes_nothing(scene):
    frames, make, spectrum, truth = scene
    plain = make.image(spectrum)
    arbitrate = VolumeArbiter(make, 40.0 / STEP_NM)
    drawn = noises(make, frames)
    good = arbitrate(spectrum, truth, lambda *_: truth, drawn)
    assert off(good.image, truth) < 0.5 * off(plain, truth)
    assert good.shown > 0.2
    same = arbitrate(spectrum, plain, lambda seen, _: make.image(seen), drawn)
    torch.testing.assert_close(same.image, plain, atol=1e-3 * float(plain.std()), rtol=0.0)


def test_the_error_that_is_said_is_about_the_one_that_is_there(scene):
    """Of the plain volume, of a perfect network's, and of one that invents; nothing lies beyond."""
    frames, make, spectrum, truth = scene
    plain, drawn = make.image(spectrum), noises(make, frames)
    other = plain + 0.5 * truth.roll(16, -1)
    arbitrate = VolumeArbiter(make, 40.0 / STEP_NM)
    networks = {
        "plain": (plain, lambda seen, _: make.image(seen)),
        "perfect": (truth, lambda *_: truth),
        "inventing": (other, lambda seen, _: make.image(seen) + 0.5 * (other - plain)),
    }
    for name, (restored, network) in networks.items():
        made = arbitrate(spectrum, restored, network, drawn)
        said = float(made.error[INSIDE].square().mean())
        assert 0.4 < math.sqrt(said / off(made.image, truth)) < 1.6, name


@pytest.mark.parametrize("wrong", ["noise of its own", "nothing at all", "another specimen"])
def test_what_photons_contradict_is_hardly_shown(scene, wrong):
    frames, make, spectrum, truth = scene
    plain = make.image(spectrum)
    random = torch.randn(plain.shape, generator=torch.Generator().manual_seed(9))
    drawn = make.image(make.spectrum_of(random))
    drawn = drawn * (2.0 * plain.std() / drawn.std())

    def network(seen, _):
        return {
            "noise of its own": make.image(seen) + drawn,
            "nothing at all": torch.zeros_like(plain),
            "another specimen": truth.flip(1).roll(7, 2),
        }[wrong]

    alone = network(spectrum, 0)
    arbitrate = VolumeArbiter(make, 40.0 / STEP_NM)
    made = arbitrate(spectrum, alone, network, noises(make, frames))
    assert off(alone, truth) > 1.2 * off(plain, truth)  # or the network was not wrong at all
    assert off(made.image, truth) < 1.02 * off(plain, truth)


def test_what_is_invented_in_one_place_is_shown_less_there_than_what_is_right_around(scene):
    frames, make, spectrum, truth = scene
    arbitrate, drawn = VolumeArbiter(make, 40.0 / STEP_NM), noises(make, frames)
    y, x = torch.meshgrid(torch.arange(truth.shape[1]), torch.arange(truth.shape[2]), indexing="ij")
    there = torch.exp(-0.5 * ((y - 40.0) ** 2 + (x - 40.0) ** 2) / 12.0**2)
    invented = torch.zeros_like(truth)
    invented[PLANES // 2] = truth.std() * 4.0 * there * torch.exp(-0.5 * ((y - x) / 1.5) ** 2)
    right = arbitrate(spectrum, truth, lambda *_: truth, drawn)
    wrong = arbitrate(spectrum, truth + invented, lambda *_: truth + invented, drawn)
    added = wrong.image - right.image
    shown = float((added * invented).sum() / invented.square().sum())
    assert shown < 0.6 * right.shown, (shown, right.shown)


def test_conditions_tell_the_noise_of_a_volume():
    plan, make = planned(NoiseToSignal(0.02, 3.0))
    conditions = volume_conditions(plan, 0.0, 0.8)
    frames = torch.randn(PLANES, 3, 5, SIZE, SIZE, generator=torch.Generator().manual_seed(1))
    plain, white = plain_and_white(make, frames, conditions)
    unfaded = (slice(2, -2), slice(16, -16), slice(16, -16))
    assert float(plain[unfaded].var()) == pytest.approx(float(conditions.values[3]), rel=0.3)
    assert 0.01 < float(white.var()) <= 1.0
    spectrum = of_frames(make, frames)
    assert uneven(spectrum * conditions.whitening, plan) < 0.5 * uneven(spectrum, plan)


def uneven(spectrum, plan):
    """Return how much more power of noise there is in one ring of frequencies than in another."""
    frequency, power = lateral_frequencies(plan), spectrum[3].abs().square()
    edges = (0.03, 0.06, 0.12, 0.2, 0.25, 0.3)
    rings = [power[(frequency > a) & (frequency <= b)].mean() for a, b in pairwise(edges)]
    return float(max(rings) / min(rings))


def test_even_light_is_what_the_plan_says_of_it():
    plan, make = planned(None)
    even = make(torch.full((PLANES, 3, 5, SIZE, SIZE), 100.0))
    assert float(even[PLANES // 2].mean()) == pytest.approx(100.0 * plan.even, rel=0.02)
    conditions = volume_conditions(plan, 0.0, 0.8).at_levels(Levels(100.0, 200.0))
    assert float(conditions.values[0]) == pytest.approx(100.0 * plan.even)
    assert float(conditions.in_light(0.5).values[1]) == pytest.approx(
        0.5 * float(conditions.values[1])
    )


def test_a_volume_comes_back_from_its_half_spectrum(scene):
    _, make, spectrum, _ = scene
    image = make.image(spectrum)
    again = make.image(make.spectrum_of(image))
    # But for what was continued beyond the ends in another way.
    middle = slice(3, -3)
    assert float((again - image)[middle].std()) < 0.1 * float(image[middle].std())


def test_a_network_sees_a_plane_with_those_beside_it(scene):
    frames, make, spectrum, _ = scene
    conditions = volume_conditions(make.plan, 0.0, 0.8).at_levels(Levels(0.0, 100.0))
    plain = make.image(spectrum)
    channels, unit = given_planes(plain, plain, frames.mean(dim=(1, 2)), conditions)
    assert channels.shape == (PLANES, CHANNELS, 2 * SIZE, 2 * SIZE)
    assert unit.shape == plain.shape
    for number, away in enumerate(BESIDE):
        for z in (0, PLANES // 2, PLANES - 1):
            there = min(max(z + away, 0), PLANES - 1)
            assert torch.equal(channels[z, ON_PLANE + number], channels[there, 0])


def test_a_wider_network_begins_as_the_one_it_comes_from():
    small = architecture_of({"kind": "unet", "inputs": 6, "features": [4, 8], "blocks": [1, 1]})
    narrow = build(small)
    for weights in narrow.parameters():
        torch.nn.init.normal_(weights, 0.0, 0.1)
    wide = build(small.model_copy(update={"inputs": CHANNELS}))
    wide.load_state_dict(widened(narrow.state_dict(), wide.state_dict()))
    seen = torch.randn(1, CHANNELS, 16, 16)
    torch.testing.assert_close(wide(seen), narrow(seen[:, :6]), atol=1e-5, rtol=1e-4)
    other = build(small.model_copy(update={"features": (8, 8)}))
    with pytest.raises(ValueError, match=r"expected head.weight of \(8, 24, 3, 3\), found"):
        widened(narrow.state_dict(), other.state_dict())


def test_drawn_volumes_follow_from_their_seed_and_look_like_their_target(tmp_path):
    path = tmp_path / "small.toml"
    path.write_text(recipe(CHANNELS), encoding="utf-8")
    course = course_of(load_recipe(path))
    batch, again = course.batch(3), course_of(load_recipe(path)).batch(3)
    assert torch.equal(batch.channels, again.channels)
    assert batch.plain.shape == (4, 64, 64)
    assert batch.channels.shape == (4, CHANNELS, 64, 64)
    assert not torch.equal(batch.plain, course.batch(4).plain)
    bright = course.validation(2)[1000.0]
    unfaded = (0, slice(12, -12), slice(12, -12))
    both = torch.stack([one[unfaded].flatten() for one in (bright.plain, bright.target)])
    assert float(torch.corrcoef(both)[0, 1]) > 0.7
    step = PlanesStep(lambda channels: torch.zeros_like(channels[:, :1]))
    assert torch.equal(bright.restored(step), bright.plain)
    turned = bright.turned(3)
    losses = [one.loss(one.plain + one.span) for one in (bright, turned)]
    assert float(losses[0]) > 0.1
    torch.testing.assert_close(*losses)


def test_a_recipe_of_volumes_says_what_its_networks_see(tmp_path):
    path = tmp_path / "small.toml"
    path.write_text(recipe(6), encoding="utf-8")
    with pytest.raises(SettingsError, match=f"expected {CHANNELS} inputs and 1 outputs"):
        load_recipe(path)
    path.write_text(recipe(CHANNELS) + "[simulator]\n", encoding="utf-8")
    with pytest.raises(SettingsError, match="expected either simulator or volume, found both"):
        load_recipe(path)


def test_every_drawn_microscope_can_be_reconstructed():
    for seed in range(40):
        random = np.random.default_rng((8, seed))
        own = drawn_volume_instrument(SIZE, PLANES, 50.0, random)
        assert 0.5 < own.step < 1.05
        if seed < 3:
            make_volume_plan(own.known, own.optics, CAMERA, Reconstruction())


def test_sceneries_are_bright_somewhere_and_dark_nowhere_below_0():
    grid = Grid((6, 32, 32), 120.0, 45.0)
    for seed in range(12):
        whole = VolumeSceneries(drawn_volume)(grid, np.random.default_rng(seed))
        assert whole.shape == grid.shape
        assert float(whole.min()) >= 0.0
        assert float(whole.max()) == pytest.approx(1.0, abs=1e-4)
