"""Trainings: the whole chain in small, interrupted and gone on with, refused where it must be."""

import re
import sys
import warnings

import pytest
import torch
from safetensors.torch import load_file

from livesim.cli import main
from livesim.commands.simulate.files import simulate_files
from livesim.commands.train.command import fine_tune, train_networks
from livesim.commands.train.scenes import scenes_of
from livesim.config.settings import SettingsError
from livesim.values.errors import DataError
from livesim_models.checkpoint import read_model
from livesim_models.domain import NAMES
from livesim_models.shipped import RECIPES
from livesim_models.training.pictures import Pictures
from livesim_models.training.recipe import FINE_TUNING, fine_tuning, load_recipe
from livesim_models.training.run import train
from tests.support.simulations import settings

SMALL = """
name = "small"
description = "for a test"
licence = "none"
[one]
inputs = 9
outputs = 9
groups = 1
blocks = 1
features = 8
[two]
groups = 1
blocks = 1
features = 8
space_to_depth = 2
[scenes]
size = 48
one = 3
two = 3
validation = 2
[training]
precision = "32"
threads = 1
validate_every = 2
"""
ONE = '[[stage]]\ntrains = ["one"]\nsteps = 6\nbatch = 2\n'
TWO = '[[stage]]\ntrains = ["two"]\nsteps = 2\nbatch = 2\n'
BOTH = '[[stage]]\ntrains = ["one", "two"]\nsteps = 2\nbatch = 2\n'


@pytest.fixture
def recipe(tmp_path, monkeypatch):
    monkeypatch.setattr("livesim.commands.train.command.DESCRIBED", 10 * len(NAMES))

    def write(*stages, text=SMALL):
        path = tmp_path / "recipe.toml"
        path.write_text(text + "".join(stages))
        return path

    return write


@pytest.fixture
def quiet():
    """Lightning warns of what a small training on a CPU is; none of it concerns the result."""
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="lightning")
        warnings.filterwarnings("ignore", module="tensorboard")
        yield patch


def test_the_whole_chain_leaves_two_models_that_have_learned(recipe, tmp_path, quiet):
    path = recipe(ONE, TWO, BOTH)
    train_networks(path, tmp_path / "out")
    for step in ("one", "two"):
        model = read_model(tmp_path / "out" / f"small-{step}.safetensors")
        assert (model.card.step, model.card.name) == (step, f"small-{step}")
        assert model.card.recipe == path.read_text()
        assert len(model.card.domain.mean) == len(NAMES)
        assert "SSIM, 5 photons, one and two" in model.card.metrics
        assert float(model.network.tail.weight.abs().max()) > 0.0  # zero before any training
    log = (tmp_path / "out" / "stage-1" / "log" / "metrics.csv").read_text()
    assert "validation/one" in log.splitlines()[0]
    assert list((tmp_path / "out" / "stage-3").glob("tensorboard/events*"))


def test_step_one_is_not_touched_while_step_two_learns(recipe, tmp_path, quiet):
    train_networks(recipe(ONE, TWO), tmp_path / "out")
    first, second = (tmp_path / "out" / f"stage-{n}" / "one.safetensors" for n in (1, 2))
    before, after = load_file(first), load_file(second)
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_an_interrupted_training_goes_on_to_the_same_weights(recipe, tmp_path, quiet):
    settings = load_recipe(recipe(ONE))

    def scenes(split):
        return scenes_of(settings.scenes, split, tmp_path / f"{split}.safetensors", lambda: None)

    straight = train(settings, scenes, tmp_path / "straight")
    calls = []

    def interrupts(self, trainer, module):
        calls.append(trainer.global_step)
        if len(calls) == 2:
            raise KeyboardInterrupt

    quiet.setattr(Pictures, "on_validation_end", interrupts)
    with pytest.raises(KeyboardInterrupt):
        train(settings, scenes, tmp_path / "broken")
    assert calls == [2, 4]
    assert not (tmp_path / "broken" / "stage-1" / "two.safetensors").exists()
    again = train(settings, scenes, tmp_path / "broken")
    assert calls == [2, 4, 4, 6]
    for name, value in straight.one.state_dict().items():
        torch.testing.assert_close(again.one.state_dict()[name], value, rtol=0, atol=0)


def test_another_recipe_in_the_same_folder_is_refused(recipe, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "recipe.toml").write_text("name = 'other'\n")
    with pytest.raises(DataError, match="expected an empty folder or one with the same recipe"):
        train_networks(recipe(ONE), tmp_path / "out")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("name = ", "expected TOML"),
        (SMALL, "expected the key 'stage', found none"),
        (
            SMALL.replace("[scenes]", "[scene]") + ONE,
            "unknown key 'scene'; the nearest known key is 'scenes'",
        ),
        (SMALL.replace("outputs = 9", "outputs = 3") + ONE, "as many outputs as inputs"),
        (SMALL.replace("size = 48", "size = 3") + ONE, "scenes.size"),
    ],
)
def test_wrong_recipes_are_refused(text, sentence, recipe):
    with pytest.raises(SettingsError, match=sentence):
        load_recipe(recipe(text=text))


def test_a_missing_recipe_is_a_sentence(tmp_path):
    with pytest.raises(SettingsError, match="expected a readable TOML file"):
        load_recipe(tmp_path / "no.toml")


@pytest.mark.parametrize("words", [["pair"], ["--from", "pair", "--data", "a.tif"]])
def test_without_lightning_a_sentence_says_how_to_get_it(words, monkeypatch, capsys, tmp_path):
    monkeypatch.setitem(sys.modules, "lightning", None)
    monkeypatch.setattr(sys, "argv", ["livesim", "train", *words, "--out", str(tmp_path / "out")])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("livesim: expected lightning, which trains, found none: ")
    assert said.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_shipped_recipes_can_be_read():
    recipes = sorted(RECIPES.glob("*.toml"))
    names = [path.stem for path in recipes]
    volumes = ["volumes-pair-one", "volumes-pair-two", "volumes-rcan", "volumes"]
    assert names == ["filaments", "ml-sim", "pair", "universal", *volumes]
    for path in recipes:
        assert load_recipe(path).name == path.stem


def test_fine_tuning_begins_with_the_networks_of_a_card(recipe):
    tuned = fine_tuning(recipe(ONE).read_text(), "mine")
    assert (tuned.name, tuned.one.features) == ("mine", 8)
    assert all(stage.learning_rate < 1e-3 for stage in tuned.stage)
    with pytest.raises(SettingsError, match="mine: expected TOML"):
        fine_tuning("converted: a.pth", "mine")


@pytest.mark.slow
@pytest.mark.parametrize("paired", [False, True])
def test_models_are_fine_tuned_on_recordings(paired, recipe, tmp_path, quiet, monkeypatch):
    train_networks(recipe(ONE, TWO), tmp_path / "out")
    raws = []
    for seed in range(3):
        own = settings(size=[96, 96], peak_photons=2000.0, time_points=2, seed=seed)
        simulate_files(own, tmp_path / f"r{seed}")
        raws.append(tmp_path / f"r{seed}" / "raw.ome.tif")
    short = [one.model_copy(update={"steps": 2, "crop": 48}) for one in FINE_TUNING]
    monkeypatch.setattr("livesim_models.training.recipe.FINE_TUNING", tuple(short))
    dim = []
    for seed in range(3):
        own = settings(size=[96, 96], peak_photons=100.0, time_points=2, seed=seed)
        simulate_files(own, tmp_path / f"d{seed}")
        dim.append(tmp_path / f"d{seed}" / "raw.ome.tif")
    fine_tune(str(tmp_path / "out"), raws, dim if paired else [], None, tmp_path / "tuned")
    before = read_model(tmp_path / "out" / "small-one.safetensors")
    after = read_model(tmp_path / "tuned" / "small-tuned-one.safetensors")
    assert after.card.structures == ("measured",)
    assert not torch.equal(before.network.head.weight, after.network.head.weight)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "neither or both"),
        (["a.toml", "--from", "pair", "--data", "b.tif"], "neither or both"),
        (["--from", "pair"], "--from or --data alone"),
        (["--from", "best", "--data", "b.tif"], "expected one of auto, none, pair"),
        (["--from", "pair", "--data", "b.tif"], "expected 3 recordings or more"),
        (
            ["--from", "pair", *["--data", "b.tif"] * 3, "--low", "c.tif"],
            "--low: expected 3 recordings, as many as of --data, found 1",
        ),
    ],
)
def test_wrong_use_of_train_is_a_sentence(words, sentence, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["livesim", "train", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code in (1, 2)
    assert re.search(sentence, capsys.readouterr().err)
