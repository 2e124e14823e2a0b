"""One network for all: chosen, refused, scaled, arbitrated, the same live and offline."""

import json
from dataclasses import replace

import pytest
import torch

from livesim.config.changes import difference, steered
from livesim.config.either import with_excluded
from livesim.config.settings import SettingsError, Steps, parse_settings
from livesim.config.step_choice import with_steps
from livesim.io.recipe import steps_run
from livesim.pipeline.calibration import with_levels
from livesim.pipeline.cpu import EagerPath
from livesim.pipeline.networks import load_networks, resolved
from livesim.pipeline.pipeline import ReconstructionPipeline
from livesim.values.errors import DataError
from livesim_models.passband import Passband
from livesim_models.rcan.model import RcanArchitecture
from livesim_models.registry import build
from livesim_models.steps import EndToEnd
from tests.support.scenes import PLAIN, simulate
from tests.support.untrained import end_to_end_file

CPU = torch.device("cpu")
SHAPE = (64, 72)


@pytest.fixture(scope="module")
def scene():
    return simulate(4, SHAPE, peak=100.0)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return end_to_end_file(tmp_path_factory.mktemp("model") / "a-all.safetensors")


def settings_of(scene, **steps):
    steps = Steps(precision="float32", **steps)
    return scene.described(steps=steps)


def pipeline_of(scene, own):
    return ReconstructionPipeline(own, with_levels(scene.pattern, [scene.stack], own))


def test_one_for_all_stands_in_place_of_both_others(scene, model):
    own = settings_of(scene, all=model)
    found = resolved(own)
    steps = found.settings.steps
    assert (steps.one, steps.two, steps.all) == ("none", "none", model)
    assert list(found.models) == ["a-all.safetensors"]
    assert found.notes == ()
    assert steps_run(steps) == ("all",)
    networks = load_networks(own, CPU)
    assert networks.any
    assert not networks.both
    named = settings_of(scene, one="pair", all=model)
    with pytest.raises(
        SettingsError, match=r'steps.one: expected "none" or "auto" beside steps.all'
    ):
        load_networks(named, CPU)


def test_what_does_not_fit_is_refused_in_a_sentence(scene, model, tmp_path):
    more = end_to_end_file(tmp_path / "b-all.safetensors", frames=15)
    with pytest.raises(SettingsError, match=r"steps.all: expected stacks as 'untrained'"):
        load_networks(settings_of(scene, all=more), CPU)
    with pytest.raises(DataError, match=r"steps.two: expected a model for step two"):
        load_networks(settings_of(scene, two=model), CPU)
    with pytest.raises(SettingsError, match=r"steps.all: expected one of none.*found 'auto'"):
        load_networks(settings_of(scene, all="auto"), CPU)


@pytest.mark.parametrize(
    ("chosen", "found"),
    [
        ({"all": "a"}, {"one": "none", "two": "none", "all": "a"}),
        ({"all": "none"}, {"all": "none"}),
        ({"two": "universal"}, {"all": "none", "two": "universal"}),
        ({"one": "none"}, {"one": "none"}),
        ({"one": "auto"}, {"one": "auto"}),
        ({"one": "a", "all": "b"}, {"one": "a", "two": "none", "all": "b"}),
    ],
)
def test_networks_exclude_each_other(chosen, found):
    assert with_excluded(chosen) == found


def test_the_later_choice_wins_in_flags_channels_and_steering(scene, model):
    recorded = settings_of(scene, one="pair", two="pair")
    values = json.loads(recorded.model_dump_json(exclude_none=True))
    asked = parse_settings(values, "a", changes=[f"steps.all='{model}'"])
    assert (asked.steps.one, asked.steps.two, asked.steps.all) == ("none", "none", model)
    live = steered(recorded, {"steps.all": model})
    assert live.steps == asked.steps
    assert difference(recorded, live)[1] == {
        "steps.one": "none",
        "steps.two": "none",
        "steps.all": model,
    }
    back = steered(live, {"steps.two": "universal"})
    assert (back.steps.two, back.steps.all) == ("universal", "none")
    values["steps"] = {"all": model}
    values["channels"] = {"1": {"steps": {"one": "pair"}}}
    channels = parse_settings(values, "a")
    assert channels.of_channel(0).steps.all == model
    assert channels.of_channel(1).steps == Steps(one="pair", two="auto", all="none")
    found = resolved(channels).settings
    assert found.of_channel(1).steps.two == "pair", "as the channel alone would have it"


def test_the_choice_of_steps_keeps_or_leaves_it_out(scene, model):
    own = settings_of(scene, all=model)
    assert with_steps(own, "reconstruct").steps.all == "none"
    assert with_steps(own, "all").steps.all == model
    with pytest.raises(SettingsError, match=r"expected a network in steps.all, found 'none'"):
        with_steps(settings_of(scene), "all")


def test_its_image_has_the_plain_images_scale_and_the_photons_decide(scene, model):
    pipeline = pipeline_of(scene, settings_of(scene, all=model))
    work = pipeline.compute(scene.stack)
    assert torch.equal(work.image, work.plain), "nothing is shown without weights"
    assert float(work.network.mean()) == pytest.approx(float(work.plain.mean()), rel=1e-3)
    assert "end to end" in dict(work.steps_ms)
    found = pipeline.examine(work)
    shown = pipeline.reconstruct(scene.stack, weights=found.weights)
    assert shown.step_one is None
    image = torch.from_numpy(shown.result.image)
    torch.testing.assert_close(image, found.image)
    assert float((image - work.plain).std()) < float((work.network - work.plain).std())
    again = pipeline.examine(work)
    assert torch.equal(again.image, found.image)


def test_after_the_plain_image_of_a_stream_it_makes_the_same_pixels(scene, model):
    own, stack = settings_of(scene, all=model), scene.stack
    known = with_levels(scene.pattern, [stack], own)
    live = ReconstructionPipeline(own, known, path=EagerPath(CPU), plain_path=EagerPath(CPU))
    first = live.begin_plain(stack, lambda _: ()).take()
    assert first.result.provisional
    offline = pipeline_of(scene, own).reconstruct(stack)
    (later,) = first.later.run()
    assert (first.result.image == offline.result.plain).all()
    assert (later.network() == offline.network()).all()


def test_only_kept_frames_are_seen(scene, tmp_path):
    kept = (0, 1, 3, 4, 6, 7)
    own = settings_of(scene, all=end_to_end_file(tmp_path / "six-all.safetensors", kept=kept))
    networks = load_networks(own, CPU)
    frames = torch.rand(9, *SHAPE)
    other = frames.clone()
    other[[2, 5, 8]] = 5.0
    assert torch.equal(networks.begun(frames), networks.begun(other))
    other[0] = 0.5
    assert not torch.equal(networks.begun(frames), networks.begun(other))


def object_and_passband(scene):
    own = settings_of(scene)
    pipeline = pipeline_of(scene, own.model_copy(update={"steps": PLAIN}))
    work = pipeline.compute(scene.stack)
    sections = pipeline.sections
    plain = sections.plan.transfer / sections.plan.transfer[0, 0]  # the mean is the plain one
    return work, Passband(plain, (plain > 0.01).float())


@pytest.mark.parametrize(("scale", "offset"), [(3.0, 0.0), (0.02, 7.0)])
def test_a_picture_is_brought_to_the_plain_images_scale(scene, scale, offset):
    _, passband = object_and_passband(scene)
    torch.manual_seed(1)
    truth = 50.0 * torch.rand(2 * SHAPE[0], 2 * SHAPE[1])

    def seen(transfer):
        return torch.fft.irfft2(torch.fft.rfft2(truth) * transfer, s=truth.shape)

    found = passband.shown(scale * truth + offset, seen(passband.plain))
    wanted = seen(passband.perfect)
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-3)


def test_a_picture_of_something_else_or_turned_to_its_negative_vanishes(scene):
    work, passband = object_and_passband(scene)
    flat = passband.shown(-work.plain, work.plain)
    torch.testing.assert_close(flat, work.plain.mean().expand_as(flat))
    torch.manual_seed(2)
    noise = torch.rand_like(work.plain)
    assert float(passband.shown(noise, work.plain).std()) < 0.1 * float(work.plain.std())
    nothing = passband.shown(torch.ones_like(noise), work.plain)
    assert torch.isfinite(nothing).all()


def test_a_stack_is_seen_in_its_own_range_whatever_the_camera():
    torch.manual_seed(0)
    network = build(RcanArchitecture(inputs=9, outputs=4, groups=1, blocks=1, features=4))
    for weight in network.parameters():
        torch.nn.init.normal_(weight, std=0.2)
    step, frames = EndToEnd(network), torch.rand(2, 9, 16, 16)
    picture = step(frames)
    assert picture.shape == (2, 32, 32)
    torch.testing.assert_close(step(37.0 * frames + 100.0), picture, rtol=1e-3, atol=1e-3)
    assert torch.isfinite(step(torch.ones(1, 9, 16, 16))).all()


def test_it_goes_where_the_two_steps_go_when_none_can_run(scene, model):
    own = settings_of(scene, all=model)
    dark = replace(
        scene.pattern,
        angles=tuple(replace(one, usable=False) for one in scene.pattern.angles),
    )
    pipeline = ReconstructionPipeline(own, with_levels(dark, [scene.stack], own))
    assert not pipeline.networks.any
    work = pipeline.compute(scene.stack)
    assert torch.equal(work.network, work.plain)
