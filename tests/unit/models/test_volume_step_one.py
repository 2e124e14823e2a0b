"""Step one on volumes: frames without fringes and back, and learning through the reconstruction."""

import math

import numpy as np
import pytest
import torch

from livesim.commands.train.drawn import course_of
from livesim.commands.train.specimens import drawn_volume
from livesim.config.settings import Reconstruction, SettingsError
from livesim.reconstruction.grid import positions
from livesim.reconstruction.volume.plan import make_volume_plan
from livesim.reconstruction.volume.reconstructor import VolumeReconstructor
from livesim.values.pattern import NoiseToSignal
from livesim.values.volume_pattern import VolumePattern
from livesim_models.data.volumes.scenery import VolumeSceneries
from livesim_models.data.volumes.taken import taken_volume
from livesim_models.field import FieldRunner
from livesim_models.registry import architecture_of, build
from livesim_models.training.recipe import load_recipe
from livesim_models.volume.denoise import MORE_LIGHT, FrameDenoiser, in_more_light
from livesim_models.volume.orders import (
    BESIDE,
    CHANNELS,
    FRAMES,
    ORDERS,
    PlaneOrders,
    given_orders,
    noise_of,
)
from livesim_models.volume.step import PlanesStep, on_planes
from livesim_models.volume.through import image_through, spectrum_through
from tests.support.volume_microscope import (
    CAMERA,
    MODULATION,
    recipe,
    three_beams,
    volume_settings,
)

SIZE, PLANES = 32, 10
OPTICS = volume_settings(PLANES, ["phase", "z", "angle"]).optics


def beams(steps=(0.0, 1.0, 2.0, 3.0, 4.0), bright=()):
    return three_beams(SIZE, apart=0.3, steps=steps, bright=bright)


def step_one_recipe(inputs=CHANNELS, more=""):
    return recipe(inputs, 15, 'step = "one"', more)


def fringes(pattern, light):
    """Return the frames [angle, phase, y, x] of so much light everywhere."""
    y, x = positions(pattern.shape, pattern.pixel_nm / 1000.0)
    found = []
    for angle in pattern.angles:
        kx, ky = angle.k_cycles_per_um
        wave = 2.0 * math.pi * (kx * x + ky * y)
        bright = angle.intensity or (1.0,) * len(angle.phases_rad)
        found.append(
            torch.stack(
                [
                    own
                    * light
                    * (
                        1.0
                        + sum(
                            m * torch.cos(h * (wave + phase)) for h, m in enumerate(MODULATION, 1)
                        )
                    )
                    for own, phase in zip(bright, angle.phases_rad, strict=True)
                ]
            )
        )
    return torch.stack(found).float()


def test_orders_show_no_fringes():
    pattern = beams()
    orders = PlaneOrders(pattern).of(fringes(pattern, 10.0)[None])[0].unflatten(0, (3, ORDERS))
    expected = (10.0 * 5**0.5, 12.0 * 2.5**0.5, 0.0, 6.0 * 2.5**0.5, 0.0)
    for angle in orders:
        for order, value in zip(angle, expected, strict=True):
            torch.testing.assert_close(order, torch.full_like(order, value), atol=1e-3, rtol=1e-4)


@pytest.mark.parametrize("steps", [(0.0, 1.0, 2.0, 3.0, 4.0), (0.0, 0.2, 2.9, 3.0, 4.2)])
def test_frames_come_back_from_orders_and_noise_stays_as_it_is(steps):
    between = PlaneOrders(beams(steps, (1.0, 0.9, 1.1, 0.95, 1.0)))
    frames = torch.randn(4, 3, 5, SIZE, SIZE, generator=torch.Generator().manual_seed(1))
    orders = between.of(frames)
    assert orders.shape == (4, FRAMES, SIZE, SIZE)
    torch.testing.assert_close(between.frames(orders), frames, atol=1e-5, rtol=1e-4)
    assert float(orders.square().sum() / frames.square().sum()) == pytest.approx(1.0, abs=1e-4)


def test_a_network_sees_the_orders_of_a_plane_and_of_those_beside_it():
    orders = torch.randn(6, FRAMES, SIZE, SIZE, generator=torch.Generator().manual_seed(2))
    noise = noise_of(torch.full((6, SIZE, SIZE), 9.0), 4.0)
    torch.testing.assert_close(noise, torch.full_like(noise, 5.0))
    channels = given_orders(orders, noise)
    assert channels.shape == (6, CHANNELS, SIZE, SIZE)
    own = channels[:, :FRAMES]
    for number, away in enumerate(BESIDE, start=1):
        for z in range(6):
            part = channels[z, number * FRAMES : (number + 1) * FRAMES]
            assert torch.equal(part, own[min(max(z + away, 0), 5)])
    torch.testing.assert_close(own[:, 1], torch.asinh(0.1 * orders[:, 1]))


def some_network():
    """Return a network of chance on the planes of a pattern."""
    torch.manual_seed(4)
    sides = {"inputs": CHANNELS, "outputs": FRAMES}
    own = {"kind": "unet", "features": [4], "blocks": [1], "space_to_depth": 1}
    network = build(architecture_of(own | sides)).eval().requires_grad_(False)
    torch.nn.init.normal_(network.tail.weight, 0.0, 0.3)
    return PlanesStep(network)


def test_planes_are_denoised_one_part_at_a_time_as_all_at_once():
    pattern = beams()
    step, planes = some_network(), 11
    random = torch.Generator().manual_seed(3)
    frames = torch.poisson(torch.full((planes, 3, 5, SIZE, SIZE), 5.0), generator=random)
    asked = []

    def read(z):
        asked.append(z)
        return frames[z]

    found = torch.stack(list(FrameDenoiser(step, pattern, 1.0)(read, planes)))
    assert asked == list(range(planes))  # every plane is read once
    between, noise = PlaneOrders(pattern), noise_of(frames.mean(dim=(1, 2)), 1.0)
    orders = between.of(frames)
    whole = between.frames(step(orders, given_orders(orders, noise), noise))
    torch.testing.assert_close(found, whole, atol=1e-4, rtol=1e-4)
    assert float((found - frames).abs().max()) > 0.1


@pytest.fixture(scope="module")
def plans():
    """Plans of volumes for some noise, and for that of more light."""
    known = VolumePattern(beams(), PLANES, 125.0, 488.0, 1.515, (0.3,) * 3)
    return [
        make_volume_plan(
            known.with_noise(NoiseToSignal(noise, 2.0)), OPTICS, CAMERA, Reconstruction()
        )
        for noise in (20.0, 20.0 / MORE_LIGHT)
    ]


def test_the_way_through_the_reconstruction_is_the_reconstruction(plans):
    frames = torch.rand(PLANES, 3, 5, SIZE, SIZE, generator=torch.Generator().manual_seed(6))
    make = VolumeReconstructor(plans[0])
    begun = make.begin()
    for z, plane in enumerate(frames):
        make.add(begun, z, plane)
    spectrum = make.spectrum(begun)
    through = spectrum_through(plans[0], frames)
    close = {"atol": 1e-5 * float(spectrum.abs().max()), "rtol": 1e-4}
    torch.testing.assert_close(through, spectrum, **close)
    image = make.image(spectrum)
    close["atol"] = 1e-4 * float(image.std())
    torch.testing.assert_close(image_through(plans[0], through), image, **close)


def test_gradients_lead_back_to_the_frames(plans):
    """It is linear: a change along the gradient changes the result by the gradient's square."""
    random = torch.Generator().manual_seed(7)
    frames = torch.rand(PLANES, 3, 5, SIZE, SIZE, generator=random).requires_grad_()
    weight = torch.randn(PLANES, 2 * SIZE, 2 * SIZE, generator=random)

    def looked_at(seen):
        return (weight * image_through(plans[0], spectrum_through(plans[0], seen))).sum()

    (gradient,) = torch.autograd.grad(looked_at(frames), frames)
    change = looked_at(frames.detach() + gradient) - looked_at(frames.detach())
    assert float(change) == pytest.approx(float(gradient.square().sum()), rel=1e-3)


def test_a_spectrum_in_more_light_is_that_of_its_filter(plans):
    """But for the jump between opposite borders, which no filter sharpens; here there is none."""
    frames = torch.zeros(PLANES, 3, 5, SIZE, SIZE)
    random = torch.Generator().manual_seed(8)
    frames[..., 2:-2, 2:-2] = torch.rand(PLANES, 3, 5, SIZE - 4, SIZE - 4, generator=random)
    noisy, quiet = (spectrum_through(plan, frames) for plan in plans)
    where = (plans[0].share > 0.05) & (plans[0].share < 0.9)
    found = in_more_light(noisy, plans[0])
    off, before = (
        float((one - quiet)[where].norm() / quiet[where].norm()) for one in (found, noisy)
    )
    assert off < 0.02 < 0.2 < before


@pytest.mark.parametrize("dimensions", [2, 3])
def test_drawn_frames_have_other_noise_whenever_they_are_shown(tmp_path, dimensions):
    path = tmp_path / "small.toml"
    more = f"dimensions = {dimensions}"
    path.write_text(step_one_recipe(more=more), encoding="utf-8")
    loaded = load_recipe(path)
    course = course_of(loaded)
    batch = course.batch(2)
    first, again, other = batch.turned(1), batch.turned(1), batch.turned(2)
    assert torch.equal(first.frames, again.frames)
    assert not torch.equal(first.frames, other.frames)
    mean = torch.stack([batch.turned(n).frames for n in range(8)]).mean(dim=0)
    assert (mean - batch.expected).std() < 0.6 * (first.frames - batch.expected).std()
    network = build(loaded.networks["small"])
    step = course.step(network)
    restored = first.restored(step)  # an untrained one changes nothing
    torch.testing.assert_close(
        restored, first.plain, atol=1e-3 * float(first.plain.std()), rtol=1e-3
    )
    assert abs(float(first.decibels(restored).detach())) < 0.01
    first.loss(restored).backward()
    assert float(network.tail.weight.grad.abs().max()) > 0.0
    assert float(first.decibels(first.target)) > 20.0


def test_recipes_say_what_a_step_one_sees(tmp_path):
    path = tmp_path / "small.toml"
    path.write_text(step_one_recipe(13), encoding="utf-8")
    with pytest.raises(SettingsError, match=f"expected {CHANNELS} inputs and 15 outputs"):
        load_recipe(path)
    text = step_one_recipe().replace('step = "one"', 'step = "one"\nbehind = "pair"')
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match="expected nothing in front of step one, found 'pair'"):
        load_recipe(path)


def test_recipes_do_not_mix_dimensions(tmp_path):
    path = tmp_path / "small.toml"
    text = step_one_recipe(more="dimensions = 3")
    _, end = text.split("[networks.small]")
    path.write_text(text + "[networks.other]" + end.replace("= 3", "= 2"), encoding="utf-8")
    with pytest.raises(SettingsError, match="expected networks of as many dimensions each"):
        load_recipe(path)
    flat = text.replace('[volume]\nplanes = 8\nstep = "one"', "")
    path.write_text(flat, encoding="utf-8")
    with pytest.raises(SettingsError, match="expected networks of two dimensions, found some of"):
        load_recipe(path)


def test_a_network_across_planes_gives_what_it_gives_of_a_volume():
    own = {"kind": "rcan", "dimensions": 3, "groups": 1, "blocks": 1, "features": 8}
    architecture = architecture_of(own | {"inputs": 13, "outputs": 1})
    network = build(architecture)
    torch.nn.init.normal_(network.tail.weight, 0.0, 0.3)
    planes = torch.randn(8, 13, 16, 16)
    expected = network(planes.transpose(0, 1)[None])[0, 0]
    step, zero = on_planes(network, architecture), torch.zeros(8, 16, 16)
    assert step.across_planes
    torch.testing.assert_close(step(zero, planes, zero + 1.0), expected)
    halves = on_planes(network, architecture, 4)(zero, planes, zero + 1.0)
    apart = [network(part.transpose(0, 1)[None])[0, 0] for part in planes.split(4)]
    torch.testing.assert_close(halves, torch.cat(apart))


def test_noise_is_drawn_from_the_camera():
    taken = taken_volume(VolumeSceneries(drawn_volume), 32, 8, np.random.default_rng(3), 300.0)
    off = (taken.frames - taken.expected) / noise_of(taken.widefield, taken.read_noise)[
        :, None, None
    ]
    assert 0.7 < float(off.std()) < 1.6
    assert taken.wanted.shape == (8, 64, 64)


def test_a_network_of_three_dimensions_runs_in_tiles():
    own = {"kind": "rcan", "dimensions": 3, "groups": 1, "blocks": 1, "features": 8}
    network = build(architecture_of(own | {"inputs": 2, "outputs": 1})).eval()
    torch.nn.init.normal_(network.tail.weight, 0.0, 0.3)
    volume = torch.randn(1, 2, 5, 80, 96, generator=torch.Generator().manual_seed(3))
    whole = FieldRunner(network)(volume)
    torch.testing.assert_close(whole, network(volume).detach(), atol=1e-4, rtol=1e-3)
    tiled = FieldRunner(network, tile=72)(volume)
    assert tiled.shape == whole.shape == (1, 1, 5, 80, 96)
    # Not the same: the attention sees the mean of a tile.
    assert float((tiled - whole).abs().max()) < 0.1 * float(whole.std())
