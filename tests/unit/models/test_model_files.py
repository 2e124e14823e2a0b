"""Model files: what is written is read, nothing else is, and nothing in a file is run."""

import os
import pickle

import pytest
import torch
from safetensors.torch import save_file

from livesim.values.errors import DataError
from livesim.values.pattern import Levels
from livesim_models.card import FORMAT, Card
from livesim_models.checkpoint import read_card, read_model, write_model
from livesim_models.convert import read_foreign
from livesim_models.rcan.model import RcanArchitecture
from livesim_models.shipped import PAIR, model_file, shipped_models
from tests.unit.models.test_rcan import SMALL, trained

ARCHITECTURE = RcanArchitecture(**SMALL, space_to_depth=2)


def card(**changes):
    values = {
        "name": "test-two",
        "step": "two",
        "architecture": ARCHITECTURE,
        "normalisation": "levels",
        "photons": (3.0, 100.0),
        "read_noise": (0.5, 2.0),
        "structures": ("filaments",),
        "recipe": "none",
    }
    return Card.model_validate(values | changes)


def test_a_model_survives_its_file(tmp_path):
    network, path = trained(ARCHITECTURE), tmp_path / "a.safetensors"
    write_model(path, network, card())
    model = read_model(path)
    image = torch.rand(1, 1, 16, 16)
    assert model.card == card()
    torch.testing.assert_close(model.network(image), network(image))
    assert not any(value.requires_grad for value in model.network.parameters())
    assert [file.name for file in tmp_path.iterdir()] == ["a.safetensors"]


@pytest.mark.parametrize(
    ("write", "sentence"),
    [
        (lambda path: path.write_text("text"), "expected a model file, found"),
        (lambda path: save_file({"a": torch.zeros(1)}, path), "of the format .* found None"),
        (
            lambda path: save_file({"a": torch.zeros(1)}, path, {"format": FORMAT, "card": "{}"}),
            "card: expected the key 'name', found none",
        ),
        (
            lambda path: write_model(path, trained(RcanArchitecture(**SMALL)), card()),
            "expected weights as the card's architecture says",
        ),
    ],
    ids=["text", "no card", "empty card", "other weights"],
)
def test_other_files_are_refused(write, sentence, tmp_path):
    path = tmp_path / "a.safetensors"
    write(path)
    with pytest.raises(DataError, match=sentence):
        read_model(path)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_refused(tmp_path, value):
    network, path = trained(ARCHITECTURE), tmp_path / "a.safetensors"
    with torch.no_grad():
        next(iter(network.parameters())).fill_(value)
    write_model(path, network, card())
    with pytest.raises(DataError, match="expected finite weights, found NaN or infinity in "):
        read_model(path)


def test_a_missing_file_is_a_sentence(tmp_path):
    with pytest.raises(DataError, match="expected a model file, found"):
        read_card(tmp_path / "no.safetensors")


def test_the_shipped_models_are_small_and_say_what_they_are():
    assert "pair" in shipped_models("one")
    for step in PAIR:
        path = model_file("pair", step)
        model = read_model(path)
        assert path.stat().st_size <= 4 * 2**20
        assert (model.card.step, model.card.frames) == (step, 9)
        assert model.card.domain is not None
        assert set(model.card.structures) >= {"filaments", "beads"}
        assert model.card.training["hours"] > 0.1


def test_the_shipped_models_of_volumes_work_together():
    one, two = (read_model(model_file("volumes-pair", step)).card for step in PAIR)
    assert (one.step, two.step) == PAIR
    assert one.on_volumes
    assert two.on_volumes
    assert two.behind == one.name
    assert read_card(model_file("volumes", "two")).behind is None


def test_a_card_warns_of_light_it_never_saw():
    dim, bright, fitting = Levels(0.0, 1.0), Levels(0.0, 500.0), Levels(0.0, 50.0)
    image = [torch.rand(64, 64)]
    assert "expected 3 to 100 photo-electrons" in card().warnings(image, dim)[0]
    assert "found 500" in card().warnings(image, bright)[0]
    assert card().warnings(image, fitting) == []


class Theirs(torch.nn.Module):
    """The same layers as others name them, the attention of 1 x 1 convolutions."""

    def __init__(self, ours):
        super().__init__()
        for number, (name, value) in enumerate(ours.state_dict().items()):
            linear = value.ndim == 2
            shape = (*value.shape, 1, 1) if linear else value.shape
            key = f"layer{number:03d}_{'weight' if 'weight' in name else 'bias'}"
            self.register_parameter(key, torch.nn.Parameter(value.reshape(shape).clone()))


@pytest.mark.parametrize("inside", [None, "state_dict", "params"])
def test_weights_of_others_are_taken_over(inside, tmp_path):
    network = trained(ARCHITECTURE)
    weights = Theirs(network).state_dict()
    torch.save(weights if inside is None else {inside: weights}, tmp_path / "a.pth")
    found = read_foreign(tmp_path / "a.pth", ARCHITECTURE)
    image = torch.rand(1, 1, 16, 16)
    torch.testing.assert_close(found(image), network(image))


def test_weights_that_do_not_fit_are_refused(tmp_path):
    torch.save(Theirs(trained(ARCHITECTURE)).state_dict(), tmp_path / "a.pth")
    with pytest.raises(DataError, match=r"expected .* weights and biases"):
        read_foreign(tmp_path / "a.pth", ARCHITECTURE.model_copy(update={"blocks": 3}))
    with pytest.raises(DataError, match=r"expected \(8, 1, 3, 3\) for head.weight"):
        read_foreign(tmp_path / "a.pth", ARCHITECTURE.model_copy(update={"space_to_depth": 1}))


class Evil:
    def __reduce__(self):
        return os.system, ("touch pwned",)


def test_nothing_in_a_checkpoint_is_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.pth").write_bytes(pickle.dumps(Evil(), protocol=2))
    torch.save({"state_dict": Evil()}, tmp_path / "b.pth")
    for name in ("a.pth", "b.pth"):
        with pytest.raises(DataError, match="expected a PyTorch file of weights alone"):
            read_foreign(tmp_path / name, ARCHITECTURE)
    assert not (tmp_path / "pwned").exists()
