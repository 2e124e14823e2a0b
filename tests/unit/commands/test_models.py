"""`livesim models`: what is listed, described and copied."""

import json

import pytest

from livesim.commands.models import copy_model, describe_model, list_models, stacks_of
from livesim.config.settings import SettingsError
from livesim.values.errors import DataError
from livesim_models.checkpoint import read_card, read_model
from livesim_models.shipped import model_file
from tests.support.untrained import end_to_end_file


def test_every_shipped_network_is_a_line(capsys):
    list_models()
    lines = capsys.readouterr().out.splitlines()
    rows = {tuple(line.split()[:2]) for line in lines}
    assert rows >= {("pair", "one"), ("pair", "two"), ("universal", "two")}
    (quick,) = [line for line in lines if line.split()[0] == "quick"]
    assert " any " in quick


def test_a_network_is_described_by_its_cards(capsys):
    describe_model("default")  # as it was called
    cards = json.loads(capsys.readouterr().out)
    assert [card["step"] for card in cards] == ["one", "two"]
    assert "livesim" not in cards[0]["licence"]
    assert cards[0]["recipe"].startswith("#")
    with pytest.raises(SettingsError, match=r"expected one of pair, .*, found 'defalt'"):
        describe_model("defalt")


def test_a_networks_files_are_copied_with_their_cards(tmp_path):
    copy_model("pair", tmp_path / "mine")
    copied = tmp_path / "mine" / "pair-one.safetensors"
    assert read_model(copied).card == read_card(model_file("pair", "one"))
    with pytest.raises(DataError, match="exists"):
        copy_model("pair", tmp_path / "mine")
    copy_model("pair", tmp_path / "mine", overwrite=True)


def test_raw_stacks_are_said_in_words(tmp_path):
    six = end_to_end_file(tmp_path / "a.safetensors", kept=(0, 1, 3, 4, 6, 7))
    assert stacks_of(read_card(tmp_path / "a.safetensors")) == (
        "9 frames, of which it sees 6, one harmonic"
    )
    assert six.endswith("a.safetensors")
