"""Trainings on drawn examples: learning, going on, beginning with a model, running in a stream."""

from dataclasses import replace

import pytest
import torch

from livesim.commands.train.command import train_networks
from livesim.commands.train.specimens import drawn_specimen
from livesim.config.settings import PatternSettings, Settings, SettingsError, Steps
from livesim.pipeline.networks import load_networks
from livesim.pipeline.pipeline import ReconstructionPipeline
from livesim.values.errors import DataError
from livesim.values.pattern import Levels
from livesim_models.checkpoint import read_card, read_model, write_model
from livesim_models.data.varied.scenery import Sceneries
from livesim_models.training.course import OnPlain
from livesim_models.training.recipe import VariedRecipe, fine_tuning, load_recipe
from livesim_models.training.varied import LOG, shown, train_varied, trained
from tests.support.scenes import CAMERA, OPTICS, simulate

SCENERIES = Sceneries(drawn_specimen)
SMALL = """
name = "small"
size = 24
batch = 4
reused = 2
block = 2
steps = 6
warm_up = 2
save_every = 2
validate_every = 2
[networks.own]
kind = "unet"
inputs = 6
outputs = 1
features = [4, 6]
blocks = [1, 1]
"""


@pytest.fixture(scope="module", autouse=True)
def few():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("livesim_models.training.varied.EACH", 2)
        yield


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    path = tmp_path_factory.mktemp("recipe") / "recipe.toml"
    path.write_text(SMALL)
    return path


@pytest.fixture(scope="module")
def model(recipe, few, tmp_path_factory):
    out = tmp_path_factory.mktemp("out")
    train_networks(recipe, out)
    return out / "own-two.safetensors"


def silent(steps):
    pass


def test_a_training_leaves_a_model_with_its_card_and_a_log(model, recipe):
    found = read_model(model)
    assert found.card.recipe == recipe.read_text()
    assert found.card.training["steps"] == 6
    assert found.card.photographs["skimage/data/coffee.png"] == "CC0"
    assert found.card.on_plain
    assert float(found.network.tail.weight.abs().max()) > 0.0  # zero before any training
    lines = (model.parent / LOG).read_text().splitlines()
    assert lines[0].startswith("step,processor hours,")
    assert [line.split(",")[0] for line in lines[1:]] == ["2", "4", "6"]


def test_an_interrupted_training_goes_on_to_the_same_weights(recipe, tmp_path):
    settings = load_recipe(recipe)
    course = OnPlain(settings, SCENERIES)
    for name in ("straight", "broken"):
        (tmp_path / name).mkdir()
    train_varied(settings, course, tmp_path / "straight", {}, silent)

    def interrupts(steps):
        if steps == 5:  # a step after the last checkpoint, in the middle of a block
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_varied(settings, course, tmp_path / "broken", {}, interrupts)
    assert trained(settings, course, tmp_path / "broken").steps == 4
    train_varied(settings, course, tmp_path / "broken", {}, silent)
    one, other = (
        trained(settings, course, tmp_path / name).networks["own"].state_dict()
        for name in ("straight", "broken")
    )
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_examples_are_shown_several_times_in_other_symmetries():
    settings = VariedRecipe.model_validate(
        {"name": "a", "networks": {"own": {}}, "size": 24, "batch": 4, "reused": 3, "block": 2}
    )
    batches = shown(settings, OnPlain(settings, SCENERIES), 0)
    first = [next(batches) for _ in range(6)]
    sums = sorted(round(float(batch.plain.double().sum()), 2) for batch in first)
    assert sums[:3] == pytest.approx([sums[0]] * 3, rel=1e-5)
    assert sums[3:] == pytest.approx([sums[3]] * 3, rel=1e-5)
    again = next(shown(settings, OnPlain(settings, SCENERIES), 5))
    assert torch.equal(again.plain, first[5].plain)


def test_a_training_begins_with_a_model(model, recipe, tmp_path):
    known = read_model(model)
    seen = {**known.card.photographs, "mine.png": "CC0"}
    begun = tmp_path / "first-two.safetensors"
    write_model(begun, known.network, known.card.model_copy(update={"photographs": seen}))
    path = tmp_path / "second.toml"
    start = f'[start]\nown = "{begun}"\n'
    path.write_text(SMALL.replace("warm_up = 2", "warm_up = 1000") + start)
    train_networks(path, tmp_path / "second")
    paths = (begun, tmp_path / "second" / "own-two.safetensors")
    cards = [read_card(path) for path in paths]
    assert cards[0].photographs == cards[1].photographs, "what was seen before counts"
    first, second = (read_model(path).network for path in paths)
    apart = max(
        float((a - b).abs().max())
        for a, b in zip(first.parameters(), second.parameters(), strict=True)
    )
    assert 0.0 < apart < 0.02


def test_a_model_of_another_architecture_is_refused_before_anything_is_drawn(recipe, tmp_path):
    path = tmp_path / "second.toml"
    path.write_text(SMALL + '\n[start]\nown = "quick"\n')
    with pytest.raises(SettingsError, match=r"start.own: expected .* found 'quick' with kind"):
        train_networks(path, tmp_path / "second")
    assert not list((tmp_path / "second").glob("*.safetensors"))


def test_nothing_is_written_where_nothing_was_trained(recipe, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="expected a checkpoint, found none"):
        trained(load_recipe(recipe), OnPlain(load_recipe(recipe), SCENERIES), tmp_path / "empty")


def test_such_a_recipe_is_no_pair_to_go_on_from():
    with pytest.raises(SettingsError, match="expected a recipe of stages"):
        fine_tuning(SMALL, "own")


@pytest.mark.parametrize(
    ("angles", "phases", "harmonics"), [(3, 3, 1), (3, 5, 2), (5, 3, 1)], ids=str
)
def test_one_model_serves_every_layout_in_a_stream(model, angles, phases, harmonics):
    own = PatternSettings(angles=angles, phases=phases, harmonics=harmonics)
    scene = simulate(3, (48, 64), settings=own)
    settings = Settings(
        optics=OPTICS, camera=CAMERA, pattern=own, steps=Steps(two=str(model), precision="float32")
    )
    networks = load_networks(settings, torch.device("cpu"))
    assert networks.step_one is None, "it works on the plain image"
    pattern = replace(scene.pattern, levels=Levels(0.0, 100.0))
    pipeline = ReconstructionPipeline(settings, pattern, networks=networks)
    stack = scene.stack
    made = pipeline.reconstruct(stack)
    network = made.network()
    assert network.shape == (96, 128)
    assert not (network == made.result.plain).all()
    assert (made.result.image == made.result.plain).all(), "nothing is shown without weights"
    assert made.step_one is None
    reviewed = pipeline.examine(pipeline.compute(stack))
    assert reviewed is not None


def test_no_step_one_is_put_in_front_of_it(model):
    settings = Settings(optics=OPTICS, camera=CAMERA, steps=Steps(one="pair", two=str(model)))
    with pytest.raises(SettingsError, match=r"steps\.one: expected none in front of"):
        load_networks(settings, torch.device("cpu"))
