"""Settings to networks in the pipeline: which are taken, what they do, what is refused."""

import shutil
from dataclasses import replace
from hashlib import sha256

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from livesim.config.settings import Reconstruction, Settings, SettingsError, Steps
from livesim.pipeline.build import pipeline_factory
from livesim.pipeline.calibration import calibrate, in_this_light, with_levels
from livesim.pipeline.networks import load_networks, resolved
from livesim.pipeline.pipeline import ReconstructionPipeline
from livesim.values.errors import DataError
from livesim.values.pattern import Levels
from livesim_models.domain import NAMES, domain_of
from livesim_models.evaluation.similarity import similarity
from livesim_models.normalisation import levels_of, stabilised, unstabilised
from livesim_models.shipped import model_file
from tests.support.scenes import PAIR, PLAIN, simulate

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def scene():
    return simulate(4, (96, 96), peak=20.0)


def settings_of(scene, steps=None):
    return scene.described(steps=steps or Steps())


def made_with(scene, steps):
    own, stack = settings_of(scene, steps), scene.stack
    known = with_levels(scene.pattern, [stack], own)
    return ReconstructionPipeline(own, known).reconstruct(stack)


def drawn_with(scene, steps):
    """Return what the networks alone make."""
    return made_with(scene, steps).network()


@pytest.mark.parametrize("layout", ["angle-phase", "hexagonal"])
def test_auto_is_the_network_for_all_layouts(layout, scene):
    own = settings_of(scene)
    own = own.model_copy(update={"pattern": own.pattern.model_copy(update={"layout": layout})})
    found = resolved(own)
    assert (found.settings.steps.one, found.settings.steps.two) == ("none", "universal")
    assert found.settings.steps.precision in ("float32", "bfloat16")
    assert list(found.models) == ["universal-two.safetensors"]
    assert found.notes == ()
    assert load_networks(own, CPU).step_two.on_plain


@pytest.mark.parametrize(
    "asked", [{"one": "pair"}, {"two": "pair"}, {"one": "pair", "two": "pair"}]
)
def test_whoever_asks_for_one_of_the_pair_gets_both(asked, scene):
    found = resolved(settings_of(scene, Steps(**asked)))
    assert (found.settings.steps.one, found.settings.steps.two) == ("pair", "pair")


@pytest.mark.parametrize("of_channel", [False, True])
def test_the_pair_is_still_known_by_its_old_name_and_that_is_said_once(of_channel, scene):
    old, steps = {"one": "default", "two": "default"}, Steps(one="pair", two="pair")
    own = settings_of(scene, Steps() if of_channel else Steps(**old))
    if of_channel:
        values = own.model_dump(mode="json", exclude_none=True)
        values["channels"] = {"0": {"steps": old}}
        own = Settings.model_validate(values)
    found = resolved(own)
    used = found.settings.of_channel(0).steps
    assert (used.one, used.two) == (steps.one, steps.two)
    assert set(found.models) >= {"pair-one.safetensors", "pair-two.safetensors"}
    (note,) = found.notes
    assert note == 'the network "default" is called "pair" now: change it in [steps]'
    networks = load_networks(own.of_channel(0), CPU)
    assert list(networks.models) == ["pair-one.safetensors", "pair-two.safetensors"]


def test_the_pair_is_refused_where_it_does_not_fit(scene):
    own = settings_of(scene)
    hexagonal = own.model_copy(
        update={"pattern": own.pattern.model_copy(update={"layout": "hexagonal"})}
    )
    assert resolved(hexagonal).choices == {"one": (), "two": ("quick", "universal"), "all": ()}
    named = hexagonal.model_copy(update={"steps": Steps(one="pair")})
    with pytest.raises(SettingsError, match=r"steps.one: expected stacks as 'pair-one'"):
        load_networks(named, CPU)


def test_behind_richardson_lucy_steps_no_network_runs_and_one_that_is_named_is_refused(scene):
    own = settings_of(scene).model_copy(
        update={"reconstruction": Reconstruction(richardson_lucy_iterations=5)}
    )
    found = resolved(own)
    assert (found.settings.steps.one, found.settings.steps.two) == ("none", "none")
    (note,) = found.notes
    assert "expected reconstruction.richardson_lucy_iterations = 0" in note
    assert note.endswith("found 5")
    assert found.choices == {"one": (), "two": (), "all": ()}
    assert resolved(own.model_copy(update={"steps": PLAIN})).notes == (), "nobody has asked"
    named = own.model_copy(update={"steps": Steps(one="none", two="pair")})
    with pytest.raises(SettingsError, match=r"steps.two: expected reconstruction.richardson_lucy"):
        load_networks(named, CPU)


@pytest.mark.parametrize(("factor", "again"), [(0.04, True), (0.75, False), (1.0, False)])
def test_a_pattern_from_other_light_has_its_levels_and_noise_measured_again(scene, factor, again):
    own, stack = settings_of(scene, PLAIN), scene.stack
    found = calibrate([stack], own)
    known = replace(found, levels=Levels(factor * found.levels.low, factor * found.levels.high))
    light = in_this_light(known, [stack], own)
    assert (light is not known) is again
    if again:
        assert light.levels == found.levels
        assert light.noise_to_signal == found.noise_to_signal
        assert light.angles == known.angles
        assert "the light is 25 times that of the pattern's own stacks" in light.warnings[-1]


def test_both_steps_come_nearer_to_the_truth_and_the_plain_image_stays_with_them(scene):
    without, made = made_with(scene, PLAIN), made_with(scene, PAIR)
    plain, both = without.result, made.result
    assert plain.plain is None
    np.testing.assert_array_equal(both.plain, plain.image)
    np.testing.assert_array_equal(both.widefield, plain.widefield)
    assert without.step_one is None
    assert without.network is None
    truth = scene.truth.float().numpy()
    near, far = similarity(made.network(), truth), similarity(plain.image, truth)
    assert near.ssim > far.ssim + 0.05
    assert near.psnr_db > far.psnr_db


def test_each_step_alone_changes_the_image(scene):
    one = drawn_with(scene, Steps(one="pair", two="none"))
    alone = Steps(one="none", two="pair")
    only_two, two_steps = made_with(scene, alone), made_with(scene, PAIR)
    alone, both = only_two.network(), two_steps.network()
    assert not np.array_equal(one, alone)
    assert not np.array_equal(alone, both)
    assert two_steps.result.step_one is None, "nothing is copied before somebody looks at it"
    assert two_steps.result.network is None
    np.testing.assert_array_equal(two_steps.with_stages.network, both)
    np.testing.assert_array_equal(two_steps.step_one(), one)
    assert only_two.step_one is None


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_half_precision_costs_next_to_nothing(scene, precision):
    truth = scene.truth.float().numpy()
    exact = similarity(drawn_with(scene, Steps(precision="float32")), truth)
    rough = similarity(drawn_with(scene, Steps(precision=precision)), truth)
    assert rough.psnr_db == pytest.approx(exact.psnr_db, abs=0.05)


def test_a_turned_pattern_turns_for_the_networks_as_well(scene):
    own, stack = settings_of(scene, Steps(precision="float32")), scene.stack
    known = with_levels(scene.pattern, [stack], own)
    turn = (0.3, -0.2, 0.1)
    angles = [
        replace(angle, phases_rad=tuple(phase + by for phase in angle.phases_rad))
        for angle, by in zip(known.angles, turn, strict=True)
    ]
    turned = ReconstructionPipeline(own, known).reconstruct(stack, turn).network()
    pipeline = ReconstructionPipeline(own, replace(known, angles=tuple(angles)))
    direct = pipeline.reconstruct(stack).network()
    assert np.abs(turned - direct).max() < 1e-3 * np.abs(direct).max()


def test_the_brightness_is_measured_once_and_held(scene):
    own, stack = settings_of(scene, PLAIN), scene.stack
    found = calibrate([stack], own)
    assert found.levels is not None
    brighter = replace(stack, pixels=stack.pixels * 2)
    assert with_levels(found, [brighter], own).levels == found.levels
    photons = (scene.counts[0].float() - scene.camera.offset) / scene.camera.gain
    assert found.levels.high == pytest.approx(levels_of(photons.mean(dim=(0, 1))).high, rel=1e-6)


def test_step_two_asks_for_the_brightness(scene):
    with pytest.raises(DataError, match="expected levels, which step two needs, found none"):
        ReconstructionPipeline(settings_of(scene), scene.pattern)


def test_the_card_s_warning_goes_with_the_pattern(scene):
    dark = replace(scene.stack, pixels=np.full_like(scene.counts[0].numpy(), 101))
    pipeline = pipeline_factory(settings_of(scene, PAIR), scene.pattern)([dark], True)
    assert any("pair-two" in words for words in pipeline.pattern.warnings)
    pipeline.close()
    pipeline = pipeline_factory(settings_of(scene, PAIR), scene.pattern)([scene.stack], True)
    assert not any("pair" in words for words in pipeline.pattern.warnings)
    pipeline.close()


def test_levels_hold_their_order():
    with pytest.raises(ValueError, match="expected high above low = 2, found 2"):
        Levels(2.0, 2.0)
    flat = levels_of(torch.full((8, 8), 3.0))
    assert flat.high > flat.low


@pytest.mark.parametrize("read_noise", [0.0, 1.5])
def test_stabilised_noise_is_the_same_at_every_brightness(read_noise):
    generator = torch.Generator().manual_seed(0)
    for mean in (10.0, 100.0, 1000.0):
        photons = torch.poisson(torch.full((200_000,), mean), generator=generator)
        photons += read_noise * torch.randn(200_000, generator=generator)
        assert float(stabilised(photons, read_noise).std()) == pytest.approx(1.0, abs=0.03)
    values = torch.linspace(0.0, 500.0, 50)
    torch.testing.assert_close(unstabilised(stabilised(values, read_noise), read_noise), values)


def test_a_domain_knows_its_own_and_names_what_is_foreign():
    generator = torch.Generator().manual_seed(0)

    def dots(count):
        image = torch.zeros(64, 64)
        image[
            torch.randint(64, (count,), generator=generator),
            torch.randint(64, (count,), generator=generator),
        ] = 200.0
        return torch.poisson(image + 1.0, generator=generator)

    domain = domain_of([dots(30) for _ in range(80)])
    usual = [domain.warning([dots(30)]) for _ in range(40)]
    assert sum(bool(words) for words in usual) <= 2
    stripes = 100.0 + 100.0 * torch.sin(torch.arange(64.0) / 3.0).expand(64, 64)
    words = domain.warning([stripes])
    assert any(name in words for name in NAMES)
    with pytest.raises(ValueError, match="expected at least 70 images to describe, found 3"):
        domain_of([dots(5)] * 3)


def test_a_model_is_named_with_the_hash_of_its_weights_and_not_of_its_name(scene, tmp_path):
    """So that two files of one name are told apart."""
    weights = model_file("pair", "two")
    for folder in ("one", "other"):
        (tmp_path / folder).mkdir()
        shutil.copy(weights, tmp_path / folder / "model.safetensors")
    tensors, card = load_file(weights), card_of(weights)
    name = next(iter(tensors))
    save_file(tensors | {name: tensors[name] + 1.0}, tmp_path / "other" / "model.safetensors", card)
    models = {
        folder: resolved(settings_of(scene, Steps(one="none", two=str(path)))).models
        for folder, path in ((one.name, one / "model.safetensors") for one in tmp_path.iterdir())
    }
    assert models["one"] == {"model.safetensors": sha256(weights.read_bytes()).hexdigest()}
    assert models["other"].keys() == models["one"].keys()
    assert models["other"] != models["one"]


def card_of(path):
    """Return what a file of weights says of itself."""
    with safe_open(path, "pt") as file:
        return file.metadata()
