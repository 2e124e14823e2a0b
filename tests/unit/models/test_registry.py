"""Every architecture of the registry, and one more, goes the whole way from recipe to stream."""

import importlib
import warnings
from copy import deepcopy
from pkgutil import walk_packages
from typing import Literal, get_args

import pytest
import torch
from safetensors import safe_open
from torch import nn
from torch.nn.functional import avg_pool2d, interpolate, pad

import livesim_models
from livesim.commands.convert import convert_file
from livesim.commands.train.command import train_networks
from livesim.config.settings import Settings, SettingsError, Steps
from livesim.pipeline.networks import load_networks
from livesim.values.errors import DataError
from livesim.values.pattern import Levels
from livesim_models import registry
from livesim_models.checkpoint import read_card, read_model, write_model
from livesim_models.domain import NAMES
from livesim_models.field import FieldRunner
from livesim_models.flops import flops
from livesim_models.network import Architecture, Kind
from livesim_models.precision import Precision
from livesim_models.rcan.model import Rcan, RcanArchitecture
from livesim_models.registry import architecture_of, build, freeze
from livesim_models.shipped import PAIR, model_file
from livesim_models.steps import StepTwo
from livesim_models.training.recipe import load_recipe
from tests.unit.models.test_model_files import card

CPU = torch.device("cpu")
EVERY = [*registry.KINDS, "hourglass"]
KNOWN = ", ".join(registry.KINDS)
RECIPE = """
name = "small"
[one]
inputs = 9
outputs = 9
groups = 1
blocks = 1
features = 4
[two]
kind = "hourglass"
[scenes]
size = 48
one = 2
two = 2
validation = 1
[training]
precision = "32"
threads = 1
[[stage]]
trains = ["two"]
steps = 2
batch = 1
"""


class HourglassArchitecture(Architecture):
    kind: Literal["hourglass"] = "hourglass"
    width: int = 4

    @property
    def overlap(self):
        return 16

    @property
    def live_values(self):
        return 2.0 * self.width


class Hourglass(nn.Module):
    """A U-Net of one level: whatever its sides are, it works on even ones."""

    def __init__(self, architecture):
        super().__init__()
        self.architecture = architecture
        self.down = nn.Conv2d(architecture.inputs, architecture.width, 3, padding=1)
        self.up = nn.Conv2d(architecture.width, architecture.outputs, 3, padding=1)
        nn.init.zeros_(self.up.weight)

    def arrange(self):
        self.to(memory_format=torch.channels_last)

    def forward(self, image):
        rows, columns = image.shape[-2:]
        even = pad(image, (0, columns % 2, 0, rows % 2), mode="replicate")
        coarse = torch.relu(self.down(avg_pool2d(even, 2)))
        change = interpolate(self.up(coarse), scale_factor=2.0)
        return image + change[..., :rows, :columns]


class FrozenHourglass(nn.Module):
    def __init__(self, network, dtype):
        super().__init__()
        self.dtype, self.network = dtype, deepcopy(network).requires_grad_(False).to(dtype)

    def forward(self, image):
        return self.network(image.to(self.dtype)).float()


@pytest.fixture
def hourglass(monkeypatch):
    kind = Kind(HourglassArchitecture, Hourglass, FrozenHourglass)
    monkeypatch.setitem(registry.KINDS, "hourglass", kind)


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "recipe.toml"
    path.write_text(RECIPE)
    return path


@pytest.mark.usefixtures("hourglass")
@pytest.mark.parametrize("kind", EVERY)
def test_every_architecture_is_trained_kept_and_run_in_a_stream(
    kind, recipe, tmp_path, monkeypatch
):
    recipe.write_text(RECIPE.replace("hourglass", kind))
    monkeypatch.setattr("livesim.commands.train.command.DESCRIBED", 10 * len(NAMES))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="lightning|tensorboard")
        train_networks(recipe, tmp_path / "out")
    path = tmp_path / "out" / "small-two.safetensors"
    model = read_model(path)
    assert model.card.architecture == registry.KINDS[kind].settings()
    assert type(model.network) is type(build(model.card.architecture))
    if kind == "hourglass":
        assert float(model.network.up.weight.abs().max()) > 0.0  # zero before any training

    settings = Settings.model_validate(
        {
            "optics": {"numerical_aperture": 1.4, "emission_nm": 525.0, "pixel_nm": 65.0},
            "steps": Steps(one="none", two=str(path), precision="float32"),
        }
    )
    networks, levels = load_networks(settings, CPU), Levels(0.0, 50.0)
    image = 50.0 * torch.rand(64, 66)
    expected = StepTwo(model.network)(image[None], levels)[0]
    torch.testing.assert_close(networks.two(image, levels), expected)


@pytest.mark.usefixtures("hourglass")
@pytest.mark.parametrize("precision", get_args(Precision))
@pytest.mark.parametrize("kind", EVERY)
def test_every_architecture_takes_fields_of_any_size_in_every_precision(kind, precision):
    network = build(registry.KINDS[kind].settings(inputs=2, outputs=2)).eval()
    torch.manual_seed(0)
    for weight in network.parameters():
        nn.init.normal_(weight, std=0.02)  # what begins as zero would hide what is frozen wrongly
    image = torch.rand(3, 2, 7, 13)
    found = FieldRunner(network, precision)(image)
    assert (found.shape, found.dtype) == (image.shape, torch.float32)
    torch.testing.assert_close(found, network(image).detach(), rtol=0.05, atol=0.05)


@pytest.mark.usefixtures("hourglass")
@pytest.mark.parametrize("kind", EVERY)
def test_every_architecture_is_run_in_tiles(kind):
    network = build(registry.KINDS[kind].settings()).eval()
    overlap = network.architecture.overlap
    image = torch.rand(1, 1, 6 * overlap, 6 * overlap)
    found = FieldRunner(network, tile=3 * overlap)(image)
    torch.testing.assert_close(found, FieldRunner(network)(image), rtol=0.05, atol=0.05)
    assert network.architecture.live_values > 0.0


@pytest.mark.usefixtures("hourglass")
def test_a_second_architecture_is_run_in_tiles_and_counted():
    architecture = HourglassArchitecture(width=3)
    network = build(architecture)
    nn.init.normal_(network.up.weight)
    image = torch.rand(1, 1, 96, 96)
    whole = FieldRunner(network)(image)
    torch.testing.assert_close(FieldRunner(network, tile=48)(image), whole)
    assert not torch.equal(whole, image)
    assert flops(lambda: freeze(network, torch.float32)(image)) == 48 * 48 * 9 * 3 * 2 * 2
    with pytest.raises(ValueError, match="expected a tile above 32 pixels, found 32"):
        FieldRunner(network, tile=32)


@pytest.mark.usefixtures("hourglass")
def test_weights_of_others_become_a_second_architecture(tmp_path):
    network = build(HourglassArchitecture(width=3))
    torch.save(network.state_dict(), tmp_path / "a.pth")
    (tmp_path / "card.toml").write_text(
        'name = "a"\nstep = "two"\nnormalisation = "levels"\nphotons = [3.0, 100.0]\n'
        'read_noise = [0.5, 2.0]\nstructures = ["filaments"]\n'
        'architecture = { kind = "hourglass", width = 3 }\n'
    )
    convert_file(tmp_path / "a.pth", tmp_path / "card.toml", tmp_path / "a.safetensors")
    image = torch.rand(1, 1, 9, 8)
    found = read_model(tmp_path / "a.safetensors").network
    torch.testing.assert_close(found(image), network(image))


def test_no_architecture_is_missing_from_the_registry():
    for module in walk_packages(livesim_models.__path__, "livesim_models."):
        importlib.import_module(module.name)
    ours = {
        one for one in Architecture.__subclasses__() if one.__module__.startswith("livesim_models.")
    }
    assert ours == {kind.settings for kind in registry.KINDS.values()}


def test_cards_and_recipes_that_name_no_architecture_are_those_of_an_rcan(pytestconfig):
    shipped = [model_file("pair", step) for step in PAIR]
    for path in [*shipped, pytestconfig.rootpath / "tests/weights/filaments-two.safetensors"]:
        with safe_open(path, framework="pt") as file:
            assert '"kind"' not in file.metadata()["card"].split('"recipe"')[0]
        assert isinstance(read_card(path).architecture, RcanArchitecture)
        assert isinstance(read_model(path).network, Rcan)
    assert architecture_of({"groups": 2}) == RcanArchitecture(groups=2)


def test_an_unknown_architecture_is_one_sentence(recipe, tmp_path):
    sentence = rf"expected architecture one of {KNOWN}, such as '\w+', found 'hourglass'"
    with pytest.raises(SettingsError, match=rf"recipe.toml: two: {sentence}$"):
        load_recipe(recipe)
    network, path = build(RcanArchitecture()), tmp_path / "a.safetensors"
    unknown = HourglassArchitecture()
    write_model(path, network, card().model_copy(update={"architecture": unknown}))
    with pytest.raises(DataError, match=rf"a.safetensors: card: architecture: {sentence}$"):
        read_card(path)


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ("groups = 0", "two: groups: expected greater than or equal to 1, found 0"),
        ("grops = 1", "two: unknown key 'grops'; the nearest known key is 'groups'"),
        ("kind = 3", rf"expected architecture one of {KNOWN}, such as '\w+', found 3"),
    ],
)
def test_settings_of_another_architecture_are_refused(table, sentence, recipe):
    recipe.write_text(RECIPE.replace('kind = "hourglass"', table))
    with pytest.raises(SettingsError, match=sentence):
        load_recipe(recipe)


def test_a_card_holds_everything_of_its_architecture(hourglass):
    mine = card().model_copy(update={"architecture": HourglassArchitecture(width=7)})
    assert type(mine).model_validate_json(mine.model_dump_json()) == mine


def test_the_registry_and_the_settings_agree_on_the_names(hourglass):
    for name, kind in registry.KINDS.items():
        assert kind.settings.model_fields["kind"].default == name
